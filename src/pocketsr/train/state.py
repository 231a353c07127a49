"""What a run needs to resume exactly: checked before any of it is used."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pocketsr.errors import UserError

__all__ = ["check_state", "load_optimiser"]


def _weights(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in value.items())


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not math.isnan(value)


def _generator(value: Any) -> bool:
    like = torch.get_rng_state()
    return isinstance(value, Tensor) and value.dtype == like.dtype and value.shape == like.shape


_PARTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "net": (_weights, "tensors by name"),
    "ema": (_weights, "tensors by name"),
    "optimiser": (lambda value: isinstance(value, dict), "an optimiser's state"),
    "rng": (_generator, "a generator's state"),
    "step": (_count, "a count"),
    "best_step": (_count, "a count"),
    "best_psnr_db": (_number, "a number"),
    "seconds": (lambda value: _number(value) and 0 <= value < math.inf, "a time"),
}
# Runs of before 2026 lack these.
_NEWER: dict[str, tuple[Callable[[Any], bool], str]] = {
    "sums": (lambda value: _weights(value) and all(part.numel() == 1 for part in value.values()), "sums by name"),
    "summed": (_count, "a count"),
}


def check_state(state: dict[str, Any], path: Path, steps: int) -> None:
    """Raises UserError where `state`, read from `path`, is none that a run of `steps` steps can resume from."""
    for name, (fits, what) in (_PARTS | {name: part for name, part in _NEWER.items() if name in state}).items():
        if name not in state:
            raise UserError(f"{path} can't be resumed from: it lacks {name}; take a last.pt")
        if not fits(state[name]):
            raise UserError(f"{path} can't be resumed from: its {name} is not {what}; take another last.pt")
    if state["step"] > steps:
        raise UserError(f"{path} stands at step {state['step']}, beyond the {steps} of the recipe: raise steps")


def load_optimiser(optimiser: torch.optim.Optimizer, state: dict[str, Any], path: Path) -> None:
    """Give `optimiser` the `state` that was read from `path`. Raises UserError where it is of other parameters."""
    try:
        optimiser.load_state_dict(state)
        fits = all(_fits(parameter, kept) for parameter, kept in optimiser.state.items())
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        raise UserError(f"{path} can't be resumed from: its optimiser is of another network or kind") from error
    if not fits:
        raise UserError(f"{path} can't be resumed from: its optimiser is of another network, or holds no numbers")


def _fits(parameter: Tensor, kept: dict[str, Any]) -> bool:
    averages = [kept[name] for name in ("exp_avg", "exp_avg_sq") if name in kept]
    return all(average.numel() == parameter.numel() and bool(torch.isfinite(average).all()) for average in averages)
