"""Patches of consecutive frames where the original stands still: what a network must not make flicker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pocketsr.data.pairs import NextFrame, Pair
from pocketsr.data.pool import GRID, oriented
from pocketsr.data.tensors import with_strength
from pocketsr.errors import UserError

__all__ = ["StillPool"]

_LEAST_STILL = 0.1  # share of a patch's HR pixels


class StillPool:
    """Patches of `patch` x `patch` LR pixels of frames of luma and the frames that follow them, from `pairs` that know.

    A place counts where the original stands still in a tenth of a patch and more, while what came through the encoder
    changes. Raises UserError where there is none.

    strengths: whether patches have a plane more, which holds the strength of the first frame's degradation, in both.
    """

    def __init__(self, pairs: Sequence[Pair], patch: int, *, strengths: bool = False) -> None:
        self.patch, self.strengths = patch, strengths
        self._frames = [(pair, pair.following) for pair in pairs if pair.following is not None]
        found = [_places(number, pair, after, patch) for number, (pair, after) in enumerate(self._frames)]
        self._places = np.concatenate(found) if found else np.empty((0, 3), np.int64)  # frame, row, column
        if not len(self._places):
            raise UserError(
                f"loss 'flicker' needs clips with patches of {patch} LR pixels a side that stand still, and there "
                "is none: add clips of a camera that stands still to data.codec.clips, or leave the loss out"
            )
        self.scale = self._frames[0][0].scale

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
        """`size` patches, each in one of the 8 orientations: frames N 2 C P P of 0..1, the first and the one behind it;
        and N 1 scale*P scale*P, 1 where the original stands still, else 0. Float32. C: 1, or 2 with `strengths`.
        """
        patch, scale = self.patch, self.scale
        lr = np.empty((size, 2, patch, patch), np.float32)
        still = np.empty((size, 1, scale * patch, scale * patch), np.float32)
        known = np.empty(size, np.float32)
        drawn, turns = self._places[rng.integers(len(self._places), size=size)], rng.integers(8, size=size)
        for k, ((number, y, x), turn) in enumerate(zip(drawn.tolist(), turns.tolist(), strict=True)):
            pair, after = self._frames[number]
            rows, columns = slice(y, y + patch), slice(x, x + patch)
            for j, plane in enumerate((pair.lr, after.lr)):
                lr[k, j] = oriented(plane[rows, columns], turn)
            large = slice(scale * y, scale * (y + patch)), slice(scale * x, scale * (x + patch))
            still[k, 0] = oriented(after.still[large], turn)
            known[k] = pair.strength
        frames = torch.from_numpy(lr).div_(255)[:, :, None]
        if self.strengths:
            both = torch.from_numpy(known).repeat_interleave(2)
            frames = with_strength(frames.flatten(0, 1), both).view(size, 2, 2, patch, patch)
        return frames, torch.from_numpy(still)


def _places(number: int, pair: Pair, after: NextFrame, patch: int) -> NDArray[np.int64]:
    """(places, 3): `number`, and the rows and columns where patches may start."""
    height, width = pair.lr.shape
    scale, changed, found = pair.scale, pair.lr != after.lr, []
    for y in range(0, height - patch + 1, GRID):
        for x in range(0, width - patch + 1, GRID):
            large = slice(scale * y, scale * (y + patch)), slice(scale * x, scale * (x + patch))
            if after.still[large].mean() >= _LEAST_STILL and changed[y : y + patch, x : x + patch].any():
                found.append((number, y, x))
    return np.array(found, np.int64).reshape(-1, 3)
