"""Whether a picture fits in memory, asked before it is tried."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocketsr.errors import UserError
from pocketsr.models import DEFAULT_SCALE, scale_at
from pocketsr.sizing import Plan, Shape, Size, plan

__all__ = ["MOST_PIXELS", "Growth", "check_memory", "free_bytes", "growth_of"]

MOST_PIXELS = 2**30
"""Pixels of an input: 32768 x 32768. Pillow's own limit, 179 million, is less than a phone's camera has (200)."""
Growth = Callable[[int, int], float]
"""By how much a picture of (width, height) grows at the most while it is upscaled, in each direction."""
_ALWAYS = 1 << 28  # bytes that are tried in any case
_SPARE = 1.1  # the interpreter, the network's rings, the encoder


def growth_of(size: Size | None, scale: int | None) -> Growth:
    """By a network of `scale`, to `size`; None: by that which suits the size."""

    def way(width: int, height: int) -> Plan:
        best = DEFAULT_SCALE if size is None else scale_at(size.growth(Shape(width, height)) or DEFAULT_SCALE)
        return plan(size, best if scale is None else scale, width, height)

    def growth(width: int, height: int) -> float:
        """By the way that takes more: a picture may still be turned."""
        ways = [way(*sides) for sides in ((width, height), (height, width))]
        return max(
            side / had
            for way in ways
            for made in (way.middle, way.target)
            for side, had in zip(made, way.source, strict=True)
        )

    return growth


def check_memory(path: Any, width: int, height: int, channels: int, sample_bytes: int, scale: float) -> None:
    """Raises UserError where upscaling a picture of this size takes more memory than there is."""
    size = f"{path} has {width}x{height} pixels"
    if width * height > MOST_PIXELS:
        raise UserError(f"{size}, and {MOST_PIXELS / 1e6:.0f} million are the most: cut it into parts")
    needed, free = _SPARE * width * height * _bytes_a_pixel(channels, sample_bytes, scale), free_bytes()
    if free is not None and needed > max(free, _ALWAYS):
        raise UserError(
            f"{size}: upscaling it takes {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free: "
            "end other programs, or cut it into parts"
        )


def _bytes_a_pixel(channels: int, sample_bytes: int, scale: float) -> float:
    """Of the input, at the moment when most is held: its pixels, 16-bit planes of it and of the result, the result."""
    area, planes = scale * scale, min(channels, 3)
    held = channels * sample_bytes * (1 + area) + 2 * planes * (1 + area)
    return held + (channels * sample_bytes * area + 60 if channels == 4 else 0)  # alpha: joined, colour below it filled


def free_bytes() -> int | None:
    """Memory that this process may still take: of the machine, its control group and its limit. None: unknown."""
    found = [size for size in (_of_machine(), _of_group(), _of_limit()) if size is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _of_group() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        most = (folder / "memory.max").read_text().strip()
        if most == "max":
            return None
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        used = int((folder / "memory.current").read_text()) - int(stat["file"])  # the page cache gives way
        return max(0, int(most) - used)
    except (OSError, ValueError, KeyError):
        return None


def _of_limit() -> int | None:
    """What `ulimit -v` leaves."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError, ValueError):
        return None
    return None if most == resource.RLIM_INFINITY else max(0, most - used)
