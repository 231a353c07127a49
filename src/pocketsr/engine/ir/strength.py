"""What a network that is told a strength adds at one: a line between the numbers of two neighbouring knots.

Strengths go from 0 to 1 (`pixels.strength`), the K knots are evenly spaced, and layers have a bias at each of them.
Every step is exact in double precision but the last sum, so that the emitted C gives the same bits on every machine,
whether it contracts products and sums or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Conv, Graph, Op

__all__ = ["DEFAULT_STRENGTH", "MOST_KNOTS", "at_strength", "offset_at", "strength_for"]

DEFAULT_STRENGTH = 0.5
"""Of a network whose file names none."""
MOST_KNOTS = 17


def offset_at(knots: NDArray[np.float32], strength: float) -> NDArray[np.float64]:
    """C, at a strength of 0..1, of what `knots` (K C) has at K strengths."""
    last = len(knots) - 1
    at = float(np.clip(np.float32(strength), 0, 1)) * last
    k = min(int(at), last - 1)
    slope = (knots[k + 1] - knots[k]).astype(np.float64)
    found: NDArray[np.float64] = knots[k].astype(np.float64) + (at - k) * slope
    return found


def strength_for(graph: Graph, strength: float | None) -> float:
    """`strength`, or the network's own where none is given."""
    return graph.default_strength if strength is None else strength


def at_strength(graph: Graph, strength: float | None = None) -> Graph:
    """The ordinary network that `graph` is at one strength, the default one where it is None."""
    if not graph.strengths:
        return graph
    told = strength_for(graph, strength)
    return replace(graph, ops=tuple(_settled(graph.ops, told)), strengths=0)


def _settled(ops: Iterable[Op], strength: float) -> Iterable[Op]:
    for op in ops:
        if not isinstance(op, Conv) or op.offsets is None:
            yield op
            continue
        changes: dict[str, Any] = {"bias": (op.bias + offset_at(op.offsets, strength)).astype(np.float32)}
        if op.integers is not None and op.integers.offsets is not None:
            bias = op.integers.bias + np.rint(offset_at(op.integers.offsets, strength)).astype(np.int64)
            changes["integers"] = replace(op.integers, bias=bias, offsets=None)
        yield replace(op, offsets=None, **changes)
