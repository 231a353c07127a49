"""How sharp the edges of text and windows are: whether they were drawn in whole pixels before they were shrunk."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["EDGE_FEATURES", "edge_features", "typical_contrast"]

EDGE_FEATURES = (
    "before", "before over 0.03", "over 0.1", "over 0.2", "halo", "turned back", "first of two", "over 0.9",
    "below 0.6", "first of three", "below 0.5", "over 0.85", "edges", "beside flat", "contrast",
)  # fmt: skip
_STRONG = 30.0  # levels, of the largest step of an edge
_FLAT, _LEVEL = 0.06, 1.0  # a share of the edge, and a level besides: below it is flat
_HALO = (-0.12, -0.015)  # what shrinking by cubic kernels leaves beside a sharp edge
_CLIPPED = 0.3
_FEW = 5.0  # edges, so that of next to none nothing follows
_LEAST = 0.02  # of shares, before their logarithm


class _Edges(NamedTuple):
    """before: the step before an edge, on a flat side, as a share of the edge: above 0 of a soft one, below 0 of a
    halo. of_two: the largest step as a share of the two that make the edge, of the same edges. of_three: as a share of
    three, of all edges. height: of those three together, in levels."""

    before: NDArray[np.floating[Any]]
    of_two: NDArray[np.floating[Any]]
    of_three: NDArray[np.floating[Any]]
    height: NDArray[np.floating[Any]]


def edge_features(tiles: NDArray[np.float32]) -> NDArray[np.float64]:
    """Numbers as `EDGE_FEATURES` names them, of (N, H, W) in levels of 255, W and H at least 8.

    Of shares their log2, since what tells is whether an edge in ten or one in a hundred is soft.
    """
    before, of_two, of_three, height = _found(tiles)
    flat, all_ = len(before) + _FEW, len(of_three) + _FEW

    def share(which: NDArray[np.bool_], count: float) -> float:
        return float(np.log2(_LEAST + which.sum() / count))

    return np.array([
        np.clip(before, -_CLIPPED, _CLIPPED).sum() / flat,
        share(before > 0.03, flat),
        share(before > 0.1, flat),
        share(before > 0.2, flat),
        share((before > _HALO[0]) & (before < _HALO[1]), flat),
        share(before < _HALO[0], flat),
        of_two.sum() / flat,
        share(of_two > 0.9, flat),
        share(of_two < 0.6, flat),
        of_three.sum() / all_,
        share(of_three < 0.5, all_),
        share(of_three > 0.85, all_),
        np.log2(1.0 + len(before)) / 10.0,
        np.log2(flat / all_),
        height.sum() / (255.0 * all_),
    ])  # fmt: skip


def typical_contrast(tiles: NDArray[np.float32]) -> float:
    """Levels from ink to paper at the median edge; 0 without any. A bright bar above a dimmed page lifts the mean."""
    heights = _found(tiles).height
    return float(np.median(heights)) if len(heights) else 0.0


def _found(tiles: NDArray[np.float32]) -> _Edges:
    """Edges along rows and columns, each seen from both of its sides."""
    found = [
        _seen_from_left(steps)
        for turned in (tiles, tiles.swapaxes(1, 2))
        for steps in (np.diff(turned, axis=2), -np.diff(turned, axis=2)[:, :, ::-1])
    ]
    return _Edges(*(np.concatenate(each) for each in zip(*found, strict=True)))


def _seen_from_left(steps: NDArray[np.float32]) -> _Edges:
    size = np.abs(steps)
    strong = size[:, :, 4:-1]
    there = (strong > _STRONG) & (strong >= size[:, :, 3:-2]) & (strong > size[:, :, 5:])
    around = np.lib.stride_tricks.sliding_window_view(steps, 6, axis=2)[there]  # (edges, 6): the edge's largest is 4
    around = around * np.sign(around[:, 4:5])
    left, largest, right = around[:, 3], around[:, 4], around[:, 5]
    # The edge is the largest step and the larger of its neighbours of the same direction, if any. What lies before it,
    # and is it flat beyond?
    mate_left = (left >= right) & (left > 0)
    whole = largest + np.maximum(np.maximum(left, right), 0)
    before = np.where(mate_left, around[:, 2], left) / whole
    far = np.abs(around)
    beyond = np.where(mate_left, np.maximum(far[:, 1], far[:, 0]), np.maximum(far[:, 2], far[:, 1]))
    flat = beyond < _FLAT * whole + _LEVEL
    three = largest + np.maximum(left, 0) + np.maximum(right, 0)
    return _Edges(before[flat], (largest / whole)[flat], largest / three, three)
