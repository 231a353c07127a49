"""How well two figures of the same networks agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["kendall_tau", "share_within"]


def kendall_tau(a: Sequence[float], b: Sequence[float]) -> float:
    """Kendall's tau-b (Biometrika, 1945): 1 where both put all in the same order, -1 in the opposite one.

    0 where either says nothing, all its figures being equal. Raises ValueError for different lengths or fewer than 2.
    """
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"two figures of the same 2 networks at least are expected, not {len(a)} and {len(b)}")
    x, y = np.asarray(a, float), np.asarray(b, float)
    upper = np.triu_indices(len(x), 1)
    dx, dy = np.sign(x[:, None] - x)[upper], np.sign(y[:, None] - y)[upper]
    pairs = float(np.sqrt(np.count_nonzero(dx) * np.count_nonzero(dy)))
    return float((dx * dy).sum()) / pairs if pairs else 0.0


def share_within(predicted: Sequence[float], measured: Sequence[float], tolerance: float) -> float:
    """Share of the predictions that are off by at most `tolerance`, relative to what was measured."""
    errors = np.abs(np.asarray(predicted) / np.asarray(measured) - 1)
    return float(np.mean(errors <= tolerance))
