"""What each level of a ladder takes on this machine: measured once, and kept by machine, build and networks."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence

from pocketsr.atomic_io import replacing
from pocketsr.engine.runtime.cache import cache_folder, machine_key
from pocketsr.engine.runtime.owned import NotOursError, read_owned
from pocketsr.live.situation import CONSTANTS, Level

__all__ = ["LARGE", "SMALL", "TimeLevel", "kept", "probe", "us_per_mpx"]

SMALL, LARGE = (320, 180), (640, 360)
"""Of the frames that are timed: a small one first, since an old phone may need seconds for a large one."""

_LONG_US = 20_000  # a small frame that takes as long isn't ruled by what each frame costs whatever its size
_TOO_LONG_US = 200_000  # better levels are of no use here
_TIMES = 3
_MOST_BYTES = 4096

TimeLevel = Callable[[Level, int, int], int]
"""Microseconds that a level takes for a frame of (width, height)."""


def us_per_mpx(small_us: int, large_us: int) -> int:
    """From the times of a small and a large frame: microseconds for a million pixels, at least 1."""
    us, (width, height) = (small_us, SMALL) if small_us >= _LONG_US else (large_us, LARGE)
    return max(1, min(us * 1_000_000 // (width * height), CONSTANTS["most_us_per_mpx"]))


def probe(levels: Sequence[Level], time_level: TimeLevel) -> list[int]:
    """The microseconds a million pixels of each `Level`, in their order; 0 for those not in `levels`, and for those
    above one that is hopelessly slow. Each is run a few times, and the quickest counts."""

    def quickest(level: Level, size: tuple[int, int]) -> int:
        time_level(level, *size)  # caches and memory
        return min(time_level(level, *size) for _ in range(_TIMES))

    found = [0] * len(Level)
    for level in sorted(levels):
        small = quickest(level, SMALL)
        found[level] = us_per_mpx(small, small if small >= _LONG_US else quickest(level, LARGE))
        if small >= _TOO_LONG_US:
            break
    return found


def kept(about: Sequence[bytes], measure: Callable[[], list[int]]) -> list[int]:
    """What `measure` finds for the networks that `about` tells apart, from the cache where this machine has been
    measured before. A file that is broken, foreign or out of range is measured anew; one that can't be written isn't
    missed."""
    key = hashlib.sha256(machine_key().encode())
    for part in about:
        key.update(hashlib.sha256(part).digest())
    name = f"probe-{key.hexdigest()[:32]}.json"
    try:
        folder = cache_folder().resolve()
    except Exception:  # no home: NoCacheError, which the engine's own cache has told of
        return measure()
    with contextlib.suppress(OSError, NotOursError, ValueError, RecursionError):
        if (costs := _checked(json.loads(read_owned(folder, name, _MOST_BYTES)))) is not None:
            return costs
    costs = measure()
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(folder / name) as file:
            file.chmod(0o600)  # whatever the umask says
            file.write_text(json.dumps({"us_per_mpx": costs}))
    return costs


def _checked(content: object) -> list[int] | None:
    """The costs that a file holds, where they can be any. A lie among them costs a level, or late frames: the governor
    measures every frame."""
    if not isinstance(content, dict):
        return None
    costs = content.get("us_per_mpx")
    if not isinstance(costs, list) or len(costs) != len(Level):
        return None
    if any(type(cost) is not int or not 0 <= cost <= CONSTANTS["most_us_per_mpx"] for cost in costs):
        return None
    return costs if costs[Level.BICUBIC] else None
