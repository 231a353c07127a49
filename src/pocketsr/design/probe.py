"""The best candidates looked at more closely: built, timed, scored, and trained for one short epoch.

A low-bit one is timed as its quantized graph with typical weights, but scored and trained in fp32, since quantized
networks are trained from what fp32 has learned: how much they lose is not probed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from msgspec import Meta, Struct

from pocketsr.atomic_io import replacing
from pocketsr.design.candidate import Candidate
from pocketsr.design.graphs import graph_of
from pocketsr.design.proxies import scores
from pocketsr.design.running import compiled, fastest_ms
from pocketsr.engine import read_network
from pocketsr.errors import UserError
from pocketsr.nets import build, to_onnx
from pocketsr.train import Recipe, train
from pocketsr.train.recipe_file import recipe_from
from pocketsr.train.sources import Loaded, load_pairs

__all__ = ["Probe", "Probed", "ranked"]

_SECONDS_EACH = 1.5  # of timing
_VALID_SHARE = 0.125  # of the images: few networks are told apart by few of them


class Probe(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How candidates are probed. data: folder of HR images to train on; None: no training, scores alone decide."""

    data: str | None = None
    steps: Annotated[int, Meta(ge=1)] = 600
    """Of the short epoch."""
    batch: Annotated[int, Meta(ge=1)] = 16
    patch: Annotated[int, Meta(ge=1)] = 48
    lr: Annotated[float, Meta(gt=0)] = 2e-3
    threads: Annotated[int, Meta(ge=1)] = 2
    """At which frames are timed."""
    seed: int = 0

    def recipe(self, candidate: Candidate) -> Recipe:
        """The short epoch of `candidate`."""
        assert self.data is not None
        name, config = candidate.net()
        content: dict[str, Any] = {
            "name": candidate.name,
            "net": {"name": name, "config": config},
            "data": {"folder": self.data, "valid_share": _VALID_SHARE},
            "steps": self.steps,
            "batch": self.batch,
            "patch": self.patch,
            "optimiser": {"lr": self.lr, "warmup": min(100, self.steps // 4), "clip_norm": 1.0},
            "ema": {"decay": 0.99},
            "seed": self.seed,
            "validate_every": self.steps,
        }
        return recipe_from(content, f"the probe of {candidate.name}")


@dataclass(frozen=True)
class Probed:
    """psnr_db: on the validation images after the short epoch, in fp32; None without training."""

    name: str
    measured_ms: float
    scores: dict[str, float | None]
    psnr_db: float | None = None


class Prober:
    """Probes candidates into `folder`, a file each; what stands there already is taken as it is.

    Images are read once for all. Raises UserError where the folder holds probes of other settings.
    """

    def __init__(self, folder: Path, probe: Probe) -> None:
        self._folder, self._probe = folder, probe
        self._pairs: Loaded | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            settings = folder / "probe.json"
            if not settings.exists():
                with replacing(settings) as part:
                    part.write_bytes(msgspec.json.encode(probe))
            elif msgspec.json.decode(settings.read_bytes(), type=Probe) != probe:
                raise UserError(f"{folder} holds probes of other settings: name another folder, or remove it")
        except (OSError, msgspec.DecodeError) as error:
            raise UserError(f"{folder} can't hold probes: {error}") from error

    def done(self, candidate: Candidate) -> Probed | None:
        """What was found about `candidate` before."""
        try:
            return msgspec.json.decode((self._folder / f"{candidate.name}.json").read_bytes(), type=Probed)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise UserError(f"{self._folder / candidate.name}.json is broken ({error}): remove it") from error

    def __call__(self, candidate: Candidate) -> Probed:
        if (known := self.done(candidate)) is not None:
            return known
        if not candidate.probed(trained=False):
            raise UserError(f"{candidate.name}: networks for x2 alone can be looked at closer")
        name, config = candidate.net()
        torch.manual_seed(self._probe.seed)
        net = build(name, **config)
        if candidate.precision == "fp32":
            with tempfile.TemporaryDirectory() as scratch:
                to_onnx(net, path := Path(scratch) / "net.onnx")
                graph, _ = read_network(path)
        else:
            graph = graph_of(candidate.chain(), seed=self._probe.seed)
        with compiled([graph], self._probe.threads) as ((network, _),):
            (measured_ms,) = fastest_ms([network], candidate.size, _SECONDS_EACH)
        psnr_db = None if self._probe.data is None else self._trained(candidate)
        found = Probed(candidate.name, round(measured_ms, 4), scores(net), psnr_db)
        with replacing(self._folder / f"{candidate.name}.json") as part:
            part.write_bytes(msgspec.json.encode(found))
        return found

    def _trained(self, candidate: Candidate) -> float:
        recipe, out = self._probe.recipe(candidate), self._folder / "runs" / candidate.name
        self._pairs = self._pairs or load_pairs(recipe.data, recipe.seed)
        outcome = train(recipe, out, resume=(out / "last.pt").exists(), pairs=self._pairs)
        if not outcome.finished:
            raise KeyboardInterrupt
        return round(outcome.best_psnr_db, 4)


def ranked(
    candidates: Sequence[Candidate], folder: Path, probe: Probe, tell: Callable[[Probed], None] = lambda _: None
) -> list[Probed]:
    """Every candidate probed, the best first: by PSNR where they were trained, else by parameters.

    Interrupted and initial_network again with the same folder, it goes on where it stopped.
    """
    prober = Prober(folder, probe)
    found = []
    for candidate in candidates:
        found.append(prober(candidate))
        tell(found[-1])
    key = "psnr_db" if probe.data else "params"
    found.sort(key=lambda each: -float(each.psnr_db or 0 if probe.data else each.scores["params"] or 0))
    with replacing(folder / "ranked.json") as part:
        rows = [msgspec.to_builtins(each) for each in found]
        part.write_text(json.dumps({"by": key, "probed": rows}, indent=1) + "\n")
    return found
