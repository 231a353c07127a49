"""Least squares with nothing below zero: a kind of work takes time or none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["costs_of", "nonnegative"]

Matrix = NDArray[np.float64]
_TINY = 1e-10


def nonnegative(a: Matrix, b: Matrix) -> Matrix:
    """The x >= 0 for which |a x - b| is least (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23)."""
    count = a.shape[1]
    x = np.zeros(count)
    free = np.zeros(count, bool)  # to be other than 0
    for _ in range(10 * count):
        slope = a.T @ (b - a @ x)
        waiting = np.where(free, -np.inf, slope)
        best = int(np.argmax(waiting))
        if waiting[best] <= _TINY * max(1.0, float(np.abs(b).sum())):
            break
        free[best] = True
        while True:
            wanted = np.zeros(count)
            wanted[free] = np.linalg.lstsq(a[:, free], b, rcond=None)[0]
            below = free & (wanted <= 0)
            if not below.any():
                break
            share = float(np.min(x[below] / np.maximum(x[below] - wanted[below], _TINY)))
            x += share * (wanted - x)
            free &= x > _TINY * float(x.max(initial=0.0))
            x[~free] = 0
        x = wanted
    return x


def costs_of(work: Matrix, measured: Matrix) -> Matrix:
    """What one of each kind of work takes (networks x kinds, and the networks' times) by least relative errors."""
    size = work.max(axis=0)
    size[size == 0] = 1
    costs: Matrix = nonnegative(work / size / measured[:, None], np.ones(len(measured))) / size
    return costs
