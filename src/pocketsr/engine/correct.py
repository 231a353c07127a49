"""Corrections at the speed of C: coefficients that come at run time, behind a x2 network.

`codec.correction.filter.corrected` is the definition; this gives the same bits. The engine takes coefficients as plain
numbers, so that a network can be loaded without the room that reads messages.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.arguments import check_threads, check_whole
from pocketsr.engine.runtime import cache as library_cache
from pocketsr.engine.runtime.arrays import new_array
from pocketsr.engine.runtime.threads import Crew, Job, Pool
from pocketsr.engine.upscaler import Plane
from pocketsr.errors import ArgumentError

__all__ = ["Corrector", "load_correction"]

_NAME = "pocketsr"
_SHAPE = (4, 41)  # phases, taps
_KINDS: dict[type, str] = {np.uint8: "u8", np.uint16: "u16"}
_KEPT = 8  # crews, for as many calls at one time
_LEAST_ROWS = 16  # for a thread: less is done sooner than said
_MOST_SIDE = 2**25  # pixels: twice as many still fit what C counts with


class Corrector:
    """Applies corrections. Any number of threads may call it at one time, each on `threads` of its own."""

    def __init__(self, library: Path, threads: int) -> None:
        self.threads = threads
        self._library = ctypes.CDLL(str(library))
        self._entries = {kind: self._entry(kind) for kind in _KINDS.values()}
        self._crews = Pool(lambda: Crew(threads), _KEPT)

    def _entry(self, kind: str) -> Any:
        entry = getattr(self._library, f"{_NAME}_correct_{kind}")
        pointer, distance, number = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int
        max_value = [number] if kind == "u16" else []
        entry.argtypes = [pointer, *[pointer, distance] * 3, number, number, *max_value, number, number]
        entry.restype = None
        return entry

    def __call__(
        self, coefficients: NDArray[np.int8], low: Plane, high: Plane, bits: int | None = None, out: Plane | None = None
    ) -> Plane:
        """`high` (2 H, 2 W), corrected, into `out` or new memory; `low` (H, W) is what it was made of.

        coefficients: (4, 41) int8, phase by phase, in steps of 1/64. low, high, out: uint8 or uint16, one type; rows
        may be any distance apart. bits: of a uint16 sample, default 16.
        Raises ArgumentError for what doesn't go together.
        """
        _check(coefficients, low, high, out)
        if bits is not None:
            check_whole(bits, "bits", 1, 16)
        low, high = _ready(low), _ready(high)
        weights = np.ascontiguousarray(coefficients)
        if out is None:
            out = new_array(high.shape, high.dtype)
        direct = _is_direct(out) and not np.may_share_memory(out, high) and not np.may_share_memory(out, low)
        made = out if direct else new_array(high.shape, high.dtype)
        self._run(weights, low, high, made, int(bits or 16))
        if made is not out:
            out[...] = made
        return out

    def _run(self, weights: NDArray[np.int8], low: Plane, high: Plane, out: Plane, bits: int) -> None:
        height, width = low.shape
        kind = _KINDS[low.dtype.type]
        entry = self._entries[kind]
        planes = [
            number for plane in (low, high, out) for number in (plane.ctypes.data, plane.strides[0] // plane.itemsize)
        ]
        where = [weights.ctypes.data, *planes, width, height, *([2**bits - 1] if kind == "u16" else [])]
        strips = max(1, min(self.threads, height // _LEAST_ROWS))

        def strip(index: int) -> Job:
            used = (weights, low, high, out)  # kept alive by the job, even if its caller is gone
            first, last = height * index // strips, height * (index + 1) // strips
            return lambda: entry(*where, first, last) if used else None

        crew = self._crews.take()
        try:
            crew.run([strip(index) for index in range(strips)])
        except BaseException:
            crew.finish()  # nobody may write to `out` when the caller has it again
            raise
        self._crews.put(crew)

    def close(self) -> None:
        """Lets threads go. Calls that run are none the worse, later ones take new ones."""
        self._crews.clear()

    def __reduce__(self) -> str:
        raise TypeError("a corrector is neither copied nor sent to a process: load it there")


def load_correction(threads: int | None = None) -> Corrector:
    """Compiled for this machine the first time, from the cache after that. threads: default, all cores.

    Raises UserError where there is neither a cache nor a compiler.
    """
    check_threads(threads)
    own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return _loaded(threads or len(own))


@cache
def _loaded(threads: int) -> Corrector:
    from pocketsr.engine.codegen.emit_correct import correction_exports, emit_correction, emit_correction_header

    header = emit_correction_header(_NAME)
    source = emit_correction(_NAME).replace(f'#include "{_NAME}_correct.h"', header)  # one file

    def make(folder: Path) -> library_cache.Entry:
        from pocketsr.engine.codegen.target import host_target
        from pocketsr.engine.runtime.build import build_library, library_suffix

        target = host_target()
        library = folder / f"correct{library_suffix(target)}"
        build_library(source, library, target, correction_exports(_NAME))
        return library, {}

    return library_cache.entry_for(b"correction " + source.encode(), make, lambda entry: Corrector(entry[0], threads))


def _is_direct(plane: Plane) -> bool:
    """Whether the C can take or write a plane where it lies."""
    return plane.strides[1] == plane.itemsize and plane.flags.aligned and plane.dtype.isnative


def _ready(plane: Plane) -> Plane:
    plane = np.asarray(plane)
    return plane if _is_direct(plane) else np.ascontiguousarray(plane, plane.dtype.newbyteorder("="))


def _check(coefficients: Any, low: Any, high: Any, out: Any) -> None:
    if not isinstance(coefficients, np.ndarray) or (coefficients.shape, coefficients.dtype) != (_SHAPE, np.int8):
        raise ArgumentError("coefficients of a correction are an array of 4x41 int8")
    for plane in (low, high):
        if not isinstance(plane, np.ndarray) or plane.ndim != 2 or plane.dtype.type not in _KINDS:
            raise ArgumentError("planes (H, W) of uint8 or uint16 are corrected")
    if high.shape != (2 * low.shape[0], 2 * low.shape[1]) or not low.size or low.dtype.type is not high.dtype.type:
        raise ArgumentError(
            f"a plane and one of twice its sides, of one type, are expected, not {low.shape} {low.dtype} and "
            f"{high.shape} {high.dtype}"
        )
    if max(low.shape) > _MOST_SIDE:
        raise ArgumentError(f"planes of up to {_MOST_SIDE:,} pixels a side are corrected, not {low.shape}")
    if out is None:
        return
    fits = isinstance(out, np.ndarray) and out.shape == high.shape and out.dtype.type is high.dtype.type
    if not fits or not out.flags.writeable:
        raise ArgumentError(f"out isn't a writable {high.shape} {high.dtype}")
