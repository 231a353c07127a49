"""What each part of a run is told of its recipe: no more than it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pocketsr.losses import LossSum

__all__ = ["Batching", "Hardware", "LossPlan", "Rates"]


@dataclass(frozen=True)
class Hardware:
    """What a run computes on. devices: processes a machine; threads: of PyTorch in each."""

    accelerator: Literal["auto", "cpu", "gpu"]
    devices: int
    num_nodes: int
    precision: Literal["32-true", "bf16-mixed"]
    threads: int

    @property
    def processes(self) -> int:
        return self.devices * self.num_nodes


@dataclass(frozen=True)
class Rates:
    """What decides the learning rate of each step. warmup, steps: counts; restarts: steps."""

    lr: float
    warmup: int
    kind: Literal["cosine", "constant"]
    restarts: tuple[int, ...]
    steps: int


@dataclass(frozen=True)
class Batching:
    """What decides the patches of each step.

    stages: (first step, side of a patch in LR pixels), from step 0 on. batch: patches a step, of all processes.
    """

    stages: tuple[tuple[int, int], ...]
    steps: int
    batch: int
    seed: int
    flat_share: float
    sampling_weights: Mapping[str, float]
    even_share: float = 0.0


@dataclass(frozen=True)
class LossPlan:
    """The weights of the losses by name, and those that take over at step `finish_step`, where there are any."""

    first: dict[str, float]
    finish: dict[str, float] | None
    finish_step: int

    def stages(self) -> tuple[dict[str, float], ...]:
        """The losses, and those of the finish."""
        return (self.first,) if self.finish is None else (self.first, self.finish)

    @property
    def needs_frames(self) -> bool:
        """Whether one of them compares two frames, one behind the other."""
        return any(LossSum(losses).needs_frames for losses in self.stages())

    def terms(self) -> tuple[str, ...]:
        """The names of all losses, those of the finish too."""
        return tuple(dict.fromkeys(name for losses in self.stages() for name in losses))
