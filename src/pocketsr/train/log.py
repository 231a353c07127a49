"""What a run tells of itself on the way: losses, rate, validation and speed, on a bar, in lines and in curve.csv."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor
from tqdm import tqdm

from pocketsr.errors import UserError
from pocketsr.train.curve import Curve

__all__ = ["Log"]


class Log:
    """The losses since the last report, and how long the run has taken."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}  # of each loss over the steps since the last report, which are counted
        self._summed = 0
        self._started = time.monotonic()
        self._bar: Any = None
        self._curve: Curve | None = None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"sums": self._sums, "summed": self._summed, "seconds": time.monotonic() - self._started}

    def restore(self, state: dict[str, Any], device: torch.device) -> None:
        self._sums = {name: part.to(device) for name, part in state.get("sums", {}).items()}
        self._summed = state.get("summed", 0)
        self._started -= state["seconds"]

    def open(self, curve: Path, terms: tuple[str, ...], steps: int, step: int, leader: bool) -> None:
        """Show a bar, and add to the file `curve`, from step `step` of `steps` on, in the process that leads."""
        self._bar = tqdm(total=steps, initial=step, disable=None if leader else True)
        self._curve = Curve(curve, terms, step) if leader else None

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._curve:
            self._curve.close()

    def add(self, parts: dict[str, Tensor]) -> None:
        """The losses of a step."""
        for name, part in parts.items():
            self._sums[name] = self._sums[name] + part.detach() if name in self._sums else part.detach()
        self._summed += 1

    def means(self, fabric: Fabric, step: int, folder: Path) -> dict[str, float]:
        """Mean of each loss since the last call, over all processes. Raises UserError where one is no number."""
        totals = cast(Tensor, fabric.all_reduce(torch.stack(list(self._sums.values())), reduce_op="mean"))
        means = {name: total / self._summed for name, total in zip(self._sums, totals.tolist(), strict=True)}
        if not all(math.isfinite(mean) for mean in means.values()):
            raise UserError(
                f"the loss is no number any more at step {step}: lower optimiser.lr or set optimiser.clip_norm "
                f"and begin anew; {folder} keeps the last good weights"
            )
        self._sums, self._summed = {}, 0
        return means

    def report(self, step: int, rate: float, losses: dict[str, float], psnr: float | None, best: float) -> None:
        """psnr: in dB, of a validation at this step; best: of all so far, -inf before the first."""
        seconds = time.monotonic() - self._started
        self._bar.update(step - self._bar.n)
        if psnr is not None:  # stays when the bar is gone, or when there is none
            shown = ", ".join(f"{name} {loss:.5f}" for name, loss in losses.items())
            tqdm.write(f"step {step}: {shown}, validation {psnr:.4f} dB, {step / seconds:.1f} it/s", file=sys.stderr)
        valid = {"valid_db": f"{best:.3f}"} if math.isfinite(best) else {}
        self._bar.set_postfix({name: f"{loss:.5f}" for name, loss in losses.items()} | valid, refresh=False)
        if self._curve:
            self._curve.add(step, rate, losses, psnr, seconds)
