"""An `Upscaler` of a network that another runtime runs: samples to floats and back, in as many tiles as memory asks."""

from __future__ import annotations

import functools
import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import Plane
from pocketsr.errors import UserError
from pocketsr.fallback.windows import Field, Window, windows

__all__ = ["Floats", "Runner", "TiledUpscaler"]

Floats = NDArray[np.float32]

TILE_BYTES = 512 * 2**20
"""Working memory of a tile. Larger ones are hardly faster: at a halo of 40 and 8 KB a pixel, 1.4 times the work."""

WHOLE_BYTES = 4 * 2**30
"""What a picture that can't be cut may take."""

_PROBES = (24, 48)  # sides of the pictures on which memory is measured
_SMALL = 64 * 64  # pixels: up to here nothing is measured, since nothing can be too much
_CORE = 32  # pixels that a tile should add at the least, to each side


class Runner(Protocol):
    """What runs a network on one picture as it is.

    One that takes only sizes that are multiples of a number says so as `multiple`.
    """

    name: str
    runtime: str  # its usual name
    channels: int
    scale: int
    max_value: float  # what the largest sample is to the network: 1 or 255
    size: tuple[int, int] | None  # height and width, where the network takes one size only

    def __call__(self, x: Floats) -> Floats:
        """1 C H W to 1 C scale*H scale*W, both in 0..max_value. Raises UserError where it can't."""
        ...

    def peak_bytes(self, height: int, width: int) -> int:
        """Memory that a picture of this size takes at one time, about; found out by running one."""
        ...


class TiledUpscaler:
    """`runner` as an `engine.Upscaler`.

    field: what a result depends on; None where it depends on the whole picture. Then nothing is cut, and a picture
    for which the network would need more than `whole_bytes` is refused. Else tiles take about `tile_bytes`, and the
    result is what it would be without them, to the last bits of float32.
    """

    def __init__(
        self, runner: Runner, field: Field | None, tile_bytes: int = TILE_BYTES, whole_bytes: int = WHOLE_BYTES
    ) -> None:
        self._runner, self._field = runner, field
        self._multiple: int = getattr(runner, "multiple", 1)
        self._tile_bytes, self._whole_bytes = tile_bytes, whole_bytes
        self.scale, self.channels, self.runtime = runner.scale, runner.channels, runner.runtime
        # What sees the whole picture gets it as it is: a repeated rim would count in its means.
        self.edge_halo = field.halo if field is not None and field.zero_padded else 0

    @property
    def reach(self) -> int:
        """The former name of `edge_halo`."""
        return self.edge_halo

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:
        """See `engine.Upscaler`: (H, W) or (H, W, 3), uint8 or uint16 of `bits` significant bits, rounded.

        Raises UserError for what doesn't fit, and for a picture that would take too much memory.
        """
        name, scale = self._runner.name, self.scale
        wanted = 2 if self.channels == 1 else 3
        if y.ndim != wanted or 0 in y.shape or (wanted == 3 and y.shape[2] != 3):
            takes = "(H, W)" if wanted == 2 else "(H, W, 3)"
            raise UserError(f"the image has the shape {y.shape}; {takes} is expected by {name}")
        if y.dtype not in (np.uint8, np.uint16):
            raise UserError(f"samples are {y.dtype}; uint8 or uint16 is expected")
        if bits is not None and bits not in range(1, 17):
            raise UserError(f"{bits} bits: 1 to 16 are expected")
        if out is not None and np.may_share_memory(out, y):  # one tile's result would be the next one's picture
            y = y.copy()
        top = 255 if y.dtype == np.uint8 else 2 ** (bits or 16) - 1
        height, width = y.shape[:2]
        shape = (scale * height, scale * width, *y.shape[2:])
        if out is None:
            out = np.empty(shape, y.dtype)
        elif (out.shape, out.dtype) != (shape, y.dtype):
            raise UserError(f"out is {out.shape} {out.dtype}; {shape} {y.dtype} is expected")
        below, right = -height % self._multiple, -width % self._multiple
        if below or right:  # the network can't take this size: it gets a larger one, whose rim is cut off again
            margin = ((0, below), (0, right), *[(0, 0)] * (y.ndim - 2))
            out[...] = self(np.pad(y, margin, mode="edge"), bits)[: shape[0], : shape[1]]
            return out
        rows, columns = self._cut(height, width)
        for row in rows:
            for column in columns:
                tile = self._levels(y[row.start : row.stop, column.start : column.stop], top)
                inner = tuple(
                    slice(scale * (at.first - at.start), scale * (at.last - at.start)) for at in (row, column)
                )
                place = tuple(slice(scale * at.first, scale * at.last) for at in (row, column))
                out[place] = tile[inner]
        return out

    def _levels(self, y: Plane, top: int) -> Plane:
        planes = y[None] if self.channels == 1 else y.transpose(2, 0, 1)
        x = np.multiply(planes, np.float32(self._runner.max_value / top), dtype=np.float32)
        found = self._runner(np.ascontiguousarray(x[None]))[0]
        found = np.floor(found * np.float32(top / self._runner.max_value) + np.float32(0.5))
        levels: Plane = np.clip(np.nan_to_num(found, copy=False), 0, top).astype(y.dtype)
        return levels[0] if self.channels == 1 else levels.transpose(1, 2, 0)

    def _cut(self, height: int, width: int) -> tuple[list[Window], list[Window]]:
        whole = [Window(0, height, 0, height)], [Window(0, width, 0, width)]
        if self._runner.size is not None:
            return whole if (height, width) == self._runner.size else self._fixed(height, width, self._runner.size)
        if height * width <= _SMALL:
            return whole
        if self._field is None:
            self._refuse_large(height, width)
            return whole
        if height * width <= self._pixels(self._tile_bytes):
            return whole
        halo, grid = self._field.halo, self._field.grid
        least = 2 * halo + max(_CORE, grid)

        def rounded(size: int) -> int:
            return max(size // grid, -(-least // grid)) * grid

        tall = min(height, rounded(math.isqrt(self._pixels(self._tile_bytes))))
        across = rounded(self._pixels(self._tile_bytes) // tall)  # a flat picture gets wider tiles
        return windows(height, tall, halo, grid), windows(width, across, halo, grid)

    def _fixed(self, height: int, width: int, size: tuple[int, int]) -> tuple[list[Window], list[Window]]:
        name, field = self._runner.name, self._field
        only = f"{name} accepts pictures of {size[1]}x{size[0]} only, and this one is {width}x{height}"
        if field is None or height < size[0] or width < size[1] or any(_unfit(side, field) for side in size):
            raise UserError(f"{only}: export it with dynamic height and width")
        rows, columns = (
            windows(length, side, field.halo, field.grid) for length, side in zip((height, width), size, strict=True)
        )
        if any(at.stop - at.start != side for cut, side in ((rows, size[0]), (columns, size[1])) for at in cut):
            raise UserError(f"{only}: it can't be cut in tiles of that size; export it with dynamic height and width")
        return rows, columns

    def _refuse_large(self, height: int, width: int) -> None:
        pixels = height * width
        if pixels <= (most := self._pixels(self._whole_bytes)):
            return
        a, b = self._growth
        shrink = math.sqrt(most / pixels)
        raise UserError(
            f"{self._runner.name} depends on the whole picture at once, and one of {width}x{height} would take about "
            f"{(a * pixels + b * pixels**2) / 2**30:.1f} GB of memory, more than {self._whole_bytes / 2**30:.1f}: take "
            f"a smaller one, up to about {int(width * shrink)}x{int(height * shrink)}, or a network that needn't"
        )

    @functools.cached_property
    def _growth(self) -> tuple[float, float]:
        """Memory for n pixels is about a * n + b * n**2 bytes; b is that of attention of each pixel to each."""
        sides = [-(-side // self._multiple) * self._multiple for side in _PROBES]
        (few, low), (many, high) = (
            (side**2, self._runner.peak_bytes(side, side) / side**2) for side in sides
        )  # pixels, bytes a pixel
        b = max(0.0, (high - low) / (many - few))
        return max(high - b * many, 1.0), b

    def _pixels(self, limit: int) -> int:
        """How many fit into `limit` bytes."""
        a, b = self._growth
        return int(limit / a) if b * limit < 1e-6 * a * a else int((math.sqrt(a * a + 4 * b * limit) - a) / (2 * b))


def _unfit(size: int, field: Field) -> bool:
    """Whether tiles can't be of `size` pixels along one axis."""
    return size % field.grid > 0 or size < 2 * field.halo + field.grid
