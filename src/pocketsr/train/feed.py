"""The batches of a run, a function of the seed and the step alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pocketsr.data import Batches, Pair, PatchPool, StillPool
from pocketsr.train.parts import Batching

__all__ = ["Feed"]

Batch = tuple[Tensor, Tensor, Tensor | None, tuple[Tensor, Tensor] | None]


class Feed:
    """This process's share of the batch of every step from `start` on: (lr, hr, teacher's sr or None, frames or None).

    Process `rank` of `processes` takes slice `rank` of the step's batch: N processes see together what one would.
    The teacher's patches come from a pool of their own with the same LR planes and the same seed, so they are cut
    at the same places and turned the same way. strengths: as `PatchPool` has it. frames: whether there are as many
    patches of consecutive frames too, of which the batch then has what `StillPool` gives.
    """

    def __init__(
        self, batching: Batching, pairs: Sequence[Pair], by_teacher: Sequence[Pair] | None, start: int,
        rank: int, processes: int, device: torch.device, strengths: bool = False, frames: bool = False,
    ) -> None:  # fmt: skip
        self._strengths, self._frames = strengths, frames
        self._batching, self._sources = batching, [pairs] if by_teacher is None else [pairs, by_teacher]
        self._start, self._device = start, device
        share = batching.batch // processes
        self._share = slice(rank * share, (rank + 1) * share)
        self._open: list[Batches] = []

    def __iter__(self) -> Iterator[Batch]:
        plan = self._batching
        for (begin, patch), (end, _) in itertools.pairwise([*plan.stages, (plan.steps, 0)]):
            first, last = max(begin, self._start), min(end, plan.steps)
            if first >= last:
                continue
            pools: list[PatchPool | StillPool] = [
                PatchPool(
                    pairs, patch, plan.flat_share, plan.sampling_weights, strengths=self._strengths,
                    even_share=plan.even_share,
                )
                for pairs in self._sources
            ]  # fmt: skip
            if self._frames:
                pools.append(StillPool(self._sources[0], patch, strengths=self._strengths))
            self._open = [Batches(pool, plan.batch, plan.seed, start=first) for pool in pools]
            streams = [iter(batches) for batches in self._open]
            for _ in range(first, last):
                (lr, hr), *more = (next(stream) for stream in streams)
                frames = more.pop() if self._frames else None
                yield (
                    self._mine(lr), self._mine(hr), self._mine(more[0][1]) if more else None,
                    (self._mine(frames[0]), self._mine(frames[1])) if frames else None,
                )  # fmt: skip
            self.close()

    def _mine(self, planes: Tensor) -> Tensor:
        return planes[self._share].to(self._device, non_blocking=True)

    def close(self) -> None:
        """Stop the threads that make batches."""
        while self._open:
            self._open.pop().close()
