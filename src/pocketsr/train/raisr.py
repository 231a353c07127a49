"""Filters for RAISR, solved from pictures by least squares.

Romano, Isidoro, Milanfar, "RAISR: Rapid and Accurate Image Super Resolution", IEEE TCI 2017, sections II and III.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from pocketsr.data import Pair
from pocketsr.errors import UserError
from pocketsr.nets.raisr import Raisr, RaisrConfig

__all__ = ["NormalEquations", "solve_filters"]

Doubles = NDArray[np.float64]

_ANGLES = Raisr.shape[0]
_TAPS = Raisr.patch**2
_BAND = 1 << 19  # HR pixels at a time: 250 MB of patches


class NormalEquations:
    """For each filter the sums over its pixels: q of patch times patch, v of patch times HR pixel."""

    def __init__(self) -> None:
        self.q: Doubles = np.zeros((*Raisr.shape, _TAPS, _TAPS))
        self.v: Doubles = np.zeros((*Raisr.shape, _TAPS))

    def add(self, buckets: NDArray[np.int64], patches: NDArray[np.float32], wanted: NDArray[np.float32]) -> None:
        """buckets: n, numbers of filters; patches: n, 121; wanted: n, the HR pixels."""
        q, v = self.q.reshape(-1, _TAPS, _TAPS), self.v.reshape(-1, _TAPS)
        order = np.argsort(buckets, kind="stable")
        numbers, starts = np.unique(buckets[order], return_index=True)
        for number, rows in zip(numbers, np.split(order, starts[1:]), strict=True):
            those = patches[rows]
            q[number] += those.T @ those
            v[number] += wanted[rows] @ those

    def add_symmetries(self) -> None:
        """Count every pixel eight times, as its picture mirrored and turned would (section III.C)."""
        self.q, self.v = (_with_symmetries(sums) for sums in (self.q, self.v))

    def solved(self, ridge: float) -> Doubles:
        """The filters, shaped as `Raisr.filters`.

        ridge: how much each tap is held at that of the filter which suits all pixels of its type best, in squares of
        0..1: it decides for filters that few pixels ask for.
        """
        eye = np.eye(_TAPS)
        all_q, all_v = self.q.sum((0, 1, 2)) + ridge * eye, self.v.sum((0, 1, 2))
        common = np.linalg.solve(all_q, all_v[..., None])
        filters = np.linalg.solve(self.q + ridge * eye, self.v[..., None] + ridge * common)
        return filters.reshape(*Raisr.shape, Raisr.patch, Raisr.patch).astype(np.float64)


def _with_symmetries(sums: Doubles) -> Doubles:
    """`sums` (angle, strength, coherence, type, taps or taps squared) plus those of the seven other views."""
    sides = (Raisr.patch,) * (2 * (sums.ndim - 4))
    total = sums.reshape(*Raisr.shape[:3], 2, 2, *sides)  # type row, type column, tap row, tap column, ..
    rows, columns = range(2, total.ndim - 1, 2), range(3, total.ndim - 1, 2)  # of one angle's
    swapped = (0, 1, *(axis for pair in zip(columns, rows, strict=True) for axis in pair))
    for mirrored in (rows, columns):  # a mirror turns angles round, and odd pixels into even ones
        total = np.stack([total[k] + np.flip(total[-k], tuple(mirrored)) for k in range(_ANGLES)])
    # rows become columns, and angles a right angle less themselves
    total = np.stack([total[k] + total[_ANGLES // 2 - k].transpose(swapped) for k in range(_ANGLES)])
    return total.reshape(sums.shape)


def solve_filters(pairs: Sequence[Pair], ridge: float = 1.0) -> Raisr:
    """RAISR with limits of strength and coherence that part the pixels of `pairs` in thirds, and the best filters.

    Takes about 2 s a megapixel of HR (one Zen 5 core, busy otherwise too). Raises UserError without pairs.
    """
    if not pairs:
        raise UserError("no pictures to solve RAISR's filters from: name a folder that holds some")
    net = Raisr(RaisrConfig())
    with torch.no_grad():
        for limits, values in zip((net.strengths, net.coherences), _sampled(net, pairs), strict=True):
            limits.copy_(torch.from_numpy(np.quantile(values, [1 / 3, 2 / 3])))
        equations = NormalEquations()
        for pair in tqdm(pairs, desc="RAISR", unit="picture", disable=None):
            for band in _bands(net, pair):
                equations.add(*band)
        equations.add_symmetries()
        net.filters.copy_(torch.from_numpy(equations.solved(ridge)))
    return net.eval()


def _enlarged(net: Raisr, pair: Pair) -> Tensor:
    return net.enlarged(torch.from_numpy(pair.lr).float()[None, None] / 255)


def _sampled(net: Raisr, pairs: Sequence[Pair]) -> tuple[Doubles, Doubles]:
    """Strengths and coherences of one pixel in 64."""
    found = [torch.cat(net.structure(_enlarged(net, pair))[1:])[..., ::8, ::8].flatten(1) for pair in pairs]
    strength, coherence = torch.cat(found, 1).double().numpy()
    return strength, coherence


def _bands(
    net: Raisr, pair: Pair
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]]:  # fmt: skip
    wide = _enlarged(net, pair)
    buckets = net.buckets(wide)[0].numpy()
    patches = sliding_window_view(wide[0, 0].numpy(), (Raisr.patch, Raisr.patch))
    wanted: NDArray[np.float32] = pair.hr.astype(np.float32) / np.float32(255)
    rows = max(1, _BAND // wanted.shape[1])
    for top in range(0, len(wanted), rows):
        band = slice(top, top + rows)
        yield buckets[band].ravel(), patches[band].reshape(-1, _TAPS), wanted[band].ravel()
