"""Patches of training pictures, drawn where there is something to learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pocketsr.data.pairs import Pair, Plane
from pocketsr.data.tensors import with_strength
from pocketsr.errors import UserError
from pocketsr.pixels import rgb_to_luma

__all__ = ["GRID", "PatchPool", "oriented"]

GRID = 16  # LR pixels between the places where a patch may start; a random offset below it is added

_Level = TypeVar("_Level", np.uint8, np.bool_)

_BLACK, _WHITE = 16, 235  # of studio luma


class PatchPool:
    """Patches of `patch` x `patch` LR pixels from all pairs that are large enough.

    A place counts as textured when the mean gradient around it is above the median of all places: flat patches
    teach little. Places depend on the LR planes alone, so pools over other HR planes of the same LR draw the same.

    With `weights` the textured patches are drawn picture by picture instead: each picture counts alike, whatever its
    size, but for those whose name matches one of the shell patterns, which count as much as it says; a place is then
    textured when its gradient is above its own picture's median.

    flat_share: 0..1, share of the patches drawn from all places in place of the textured ones.
    even_share: 0..1, share of the patches that are of one level of 16..235 in LR and HR, at any strength.
    strengths: whether LR patches have a plane more, which holds the strength of their picture's degradation.
    too_small: names of the pairs that are left out.
    Raises UserError where no pair is large enough, and for a pattern that matches none.
    """

    def __init__(
        self, pairs: Sequence[Pair], patch: int, flat_share: float = 0.0, weights: Mapping[str, float] | None = None,
        *, strengths: bool = False, even_share: float = 0.0,
    ) -> None:  # fmt: skip
        self.patch, self.flat_share, self.even_share, self.strengths = patch, flat_share, even_share, strengths
        self.too_small = tuple(pair.name for pair in pairs if _side(pair) < patch)
        self._pairs = [pair for pair in pairs if _side(pair) >= patch]
        if not self._pairs:
            best = max(pairs, key=_side, default=None)
            side = 0 if best is None else _side(best)
            scale = best.scale if best else 2
            largest = f", {best.name} comes closest with {scale * side}" if best else ""
            raise UserError(
                f"no picture has {scale * patch} pixels a side (HR), as patches of {patch} need{largest}: "
                f"use larger images, or patches of at most {side}"
            )
        self.scale = self._pairs[0].scale
        places, gradients = [], []
        for number, pair in enumerate(self._pairs):
            top, left, gradient = _places(pair.lr, patch)
            places.append(np.stack([np.full_like(top, number), top, left], axis=1))
            gradients.append(gradient)
        self._places = np.concatenate(places)  # (places, 3): picture, row, column
        self._cumulated: NDArray[np.float64] | None = None  # of the textured places' weights; None: all alike
        if weights:
            for pattern in weights:
                if not any(fnmatchcase(pair.name, pattern) for pair in pairs):
                    raise UserError(f"sampling_weights {pattern!r} matches no picture: correct it, or leave it out")
            masks = [_above_median(gradient) for gradient in gradients]
            of_pairs = [_weight(pair.name, weights) for pair in self._pairs]
            self._textured = np.flatnonzero(np.concatenate(masks))
            shares = [np.full(mask.sum(), w / mask.sum()) for w, mask in zip(of_pairs, masks, strict=True)]
            self._cumulated = np.concatenate(shares).cumsum()
        else:
            self._textured = np.flatnonzero(_above_median(np.concatenate(gradients)))

    def __len__(self) -> int:
        """The number of places, textured or not."""
        return len(self._places)

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
        """`size` patches, each in one of the 8 orientations: lr N C P P and hr N C scale*P scale*P, float32 in 0..1.

        C: 1 for pairs of luma, 3 for those of RGB; in lr one more with `strengths`.
        """
        patch = self.patch
        if self._cumulated is None:
            textured = self._textured[rng.integers(len(self._textured), size=size)]
        else:
            drawn = rng.random(size) * self._cumulated[-1]
            textured = self._textured[np.searchsorted(self._cumulated[:-1], drawn, side="right")]
        anywhere = rng.integers(len(self._places), size=size)
        chosen = self._places[np.where(rng.random(size) < self.flat_share, anywhere, textured)]
        draws = np.concatenate([chosen, rng.integers((GRID, GRID, 8), size=(size, 3))], axis=1).tolist()
        scale, more = self.scale, self._pairs[0].lr.shape[2:]
        lr, hr = (np.empty((size, side, side, *more), np.uint8) for side in (patch, scale * patch))
        for k, (number, top, left, down, right, turn) in enumerate(draws):
            pair = self._pairs[number]
            height, width = pair.lr.shape[:2]
            y = top + down * min(GRID, height - patch - top + 1) // GRID  # less room below the last place
            x = left + right * min(GRID, width - patch - left + 1) // GRID
            oriented(lr[k], turn)[:] = pair.lr[y : y + patch, x : x + patch]
            oriented(hr[k], turn)[:] = pair.hr[scale * y : scale * (y + patch), scale * x : scale * (x + patch)]
        known = np.array([self._pairs[draw[0]].strength for draw in draws], np.float32)
        if self.even_share:  # asked before drawing: pools without it draw what they always did
            even = rng.random(size) < self.even_share
            levels = rng.integers(_BLACK, _WHITE + 1, size)[even]
            for planes in (lr, hr):
                planes[even] = levels.reshape(-1, *[1] * (planes.ndim - 1))
            known[even] = rng.random(size)[even]
        if not self.strengths:
            return _floats(lr), _floats(hr)
        return with_strength(_floats(lr), torch.from_numpy(known)), _floats(hr)


def _above_median(gradient: NDArray[np.float64]) -> NDArray[np.bool_]:
    above = gradient > np.median(gradient)
    return above if above.any() else ~above  # none stands out: all will do


def _weight(name: str, weights: Mapping[str, float]) -> float:
    return next((weight for pattern, weight in weights.items() if fnmatchcase(name, pattern)), 1.0)


def oriented(plane: NDArray[_Level], turn: int) -> NDArray[_Level]:
    """The square plane (P, P) or (P, P, 3) seen in orientation `turn` of 0..7, as a view."""
    if turn & 1:
        plane = plane[::-1]
    if turn & 2:
        plane = plane[:, ::-1]
    return plane.swapaxes(0, 1) if turn & 4 else plane


def _side(pair: Pair) -> int:
    """LR pixels."""
    return min(int(side) for side in pair.lr.shape[:2])


def _floats(levels: Plane) -> Tensor:
    """(N, P, P) or (N, P, P, 3) of 0..255 to N C P P in 0..1."""
    planes = levels[:, None] if levels.ndim == 3 else np.moveaxis(levels, -1, 1)
    return torch.from_numpy(np.divide(planes, np.float32(255), dtype=np.float32, order="C"))


def _places(lr: Plane, patch: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows and columns where patches may start, and the mean gradient of luma in what they may cover from there."""
    if lr.ndim == 3:
        lr = np.rint(rgb_to_luma(lr)).astype(np.uint8)
    starts, cells, pixels = [], [], []
    for side in lr.shape:
        start = np.arange(0, side - patch + 1, GRID)
        end = np.minimum(start + patch + GRID - 1, side)
        cell = start // GRID, -(-end // GRID)  # the first one, and the one behind the last
        starts.append(start)
        cells.append(cell)
        pixels.append(np.minimum(cell[1] * GRID, side) - start)
    total = _integral(lr)
    (y0, y1), (x0, x1) = cells
    inside = total[np.ix_(y1, x1)] - total[np.ix_(y0, x1)] - total[np.ix_(y1, x0)] + total[np.ix_(y0, x0)]
    top, left = np.meshgrid(*starts, indexing="ij")
    return top.ravel(), left.ravel(), (inside / np.outer(*pixels)).ravel()


def _integral(lr: Plane) -> NDArray[np.int64]:
    """Sums of |gradient| over all cells of GRID x GRID pixels above and to the left, with a row and column of 0."""
    wide = lr.astype(np.int16)
    detail = np.zeros(lr.shape, np.int32)
    detail[1:] += np.abs(wide[1:] - wide[:-1])
    detail[:, 1:] += np.abs(wide[:, 1:] - wide[:, :-1])
    for axis, side in enumerate(lr.shape):
        detail = np.add.reduceat(detail, np.arange(0, side, GRID), axis=axis)
    return np.pad(detail.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
