"""The kinds of work that take time, and what decides how much of each a step of the engine's schedule is."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.codegen.method import CHANNELS_A_WORD, DIRECT, Method, Storage

__all__ = ["FLOAT_BYTES", "WORK", "Add", "Additions", "Counts", "Shape", "stored_bytes"]

WORK: tuple[str, ...] = (
    "products",  # cycles of inner loops, by what limits them: multiply-adds, loads or latency
    "sums_inline",  # sums started in registers, direct convolutions
    "sums_called",  # the same, in Winograd's domain
    "calls",  # inner products called
    "into_rows",  # vectors transformed along the rows
    "into_both",  # vectors transformed along both axes
    "from_rows",  # vectors transformed back
    "from_both",
    "result",  # vectors stored as a layer's result
    "point",  # pointwise instructions on a vector
    "other",  # vectors read for a sum with another layer
    "function",  # sigmoid, tanh and the like, a vector
    "table",  # pointers looked up
    "border",  # rows given their border
    "samples",  # vectors of samples read or written, once for each level of (de)interleaving
    "scattered",  # samples written one by one
    "tiles",  # bytes of transformed rows that the first cache doesn't hold
    "far",  # bytes of rows and weights that the second cache doesn't hold
    "interleaved",  # samples of R'G'B' taken apart or put together, by one thread for all
    "frame",  # frames started
    "dots",  # cycles of dot products of bytes, as `products`
    "added",  # vectors of bytes or halves added: weights of 2 bits
    "taken",  # vectors loaded for that, and widened to halves
    "moved",  # vectors of bytes that went over to halves
    "compared",  # vectors compared with a step of the stairs that lead to results of 2 bits
    "widened",  # sums of bytes or halves made 32 bits, a vector
    "words",  # vectors of words packed from four channels' results
    "bytes",  # vectors of results stored as bytes
    "numbers",  # vectors of integers read for a sum with another layer
    "chosen",  # vectors of weights looked up by the pixels' classes, or lanes picked by them
    "classes",  # vectors of pixels whose classes are found
)
"""Kinds of work, in the order of all vectors of counts."""

Counts = NDArray[np.float64]
Add = Callable[[str, float], None]
"""Adds so many of a kind."""
FLOAT_BYTES = 4


class Additions(NamedTuple):
    """The instructions of a turn of `emit_sums`: vectors added and loaded, channels' sums that don't fit in a byte."""

    added: int
    taken: int
    moved: int


class Shape(NamedTuple):
    """What decides how much work a step is: `kind` is read, write, conv, pointwise, classes or shuffle.

    stages: by name, in lower case. top: the largest number that an integer convolution reads, else 0. storage: of the
    result. words: how many hold the inputs, where these are words. classes: of pixels, where kernels are chosen.
    """

    kind: str
    inputs: int
    outputs: int
    kernel: tuple[int, int] = (1, 1)
    groups: int = 1
    stages: tuple[str, ...] = ()
    scale: int = 1
    factor: int = 1  # of the shuffle
    border: bool = False  # somebody reads beyond the border of the result
    method: Method = DIRECT
    top: int = 0
    storage: Storage = Storage.FLOATS
    words: int = 0
    additions: Additions | None = None
    classes: int = 0


def stored_bytes(channels: int, storage: Storage, words: int = 0) -> int:
    """Of a pixel of `channels` planes; words: that hold them, if more than they fill."""
    if storage is Storage.BYTES:
        return channels
    return FLOAT_BYTES * (channels if storage is Storage.FLOATS else words or ceil(channels / CHANNELS_A_WORD))
