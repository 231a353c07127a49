"""Tiles that overlap by what a network sees: where they lie, and what of each is kept."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Field", "Window", "windows"]


@dataclass(frozen=True)
class Field:
    """What a result depends on.

    halo: pixels of the input to each side. grid: tiles must start at multiples of it, or a network with strides
    inside sees other pixels together. zero_padded: whether what lies beyond the edges counts as black.
    """

    halo: int
    grid: int = 1
    zero_padded: bool = True


@dataclass(frozen=True)
class Window:
    """Along one axis: what a tile sees, start..stop, and what is kept of it, first..last; pixels of the input."""

    start: int
    stop: int
    first: int
    last: int


def windows(length: int, size: int, halo: int, grid: int) -> list[Window]:
    """Cut `length` pixels into windows of at most `size`, which overlap by 2 * `halo` and start on the `grid`.

    `size` is a multiple of `grid`, so that inner windows end on it too, and larger than 2 * `halo` + `grid`. The
    outer windows end where the picture does: there the network pads as it would without tiles.
    """
    if size >= length:
        return [Window(0, length, 0, length)]
    step = (size - 2 * halo) // grid * grid
    last = -(-(length - size) // grid) * grid
    starts = [*range(0, last, step), last]
    cuts = [0, *(start + halo for start in starts[1:]), length]
    return [
        Window(start, min(start + size, length), first, end)
        for start, first, end in zip(starts, cuts[:-1], cuts[1:], strict=True)
    ]
