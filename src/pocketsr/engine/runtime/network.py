"""A compiled network, ready to run: a strip of the frame a thread, the interpreter lock released."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.arguments import check_strength, check_threads, check_whole
from pocketsr.engine.info import ModelInfo
from pocketsr.engine.runtime.arrays import check_frame, new_array, planes_of
from pocketsr.engine.runtime.parts import Mask, Part, check_mask, cut, mask_shape
from pocketsr.engine.runtime.threads import Crew, Job, Pool
from pocketsr.engine.upscaler import check_told
from pocketsr.errors import ArgumentError, UserError

__all__ = ["Network"]

_KINDS: dict[type, str] = {np.uint8: "u8", np.uint16: "u16", np.float32: "f32"}  # whatever the order of their bytes
_MEMORY = 4 << 30  # bytes that all strips work with; where more threads would take more, fewer run
_WORTH = 0.95  # of the blocks: where more are to be computed than that, all of them take no longer
_KEPT = 8  # workshops, for as many calls at one time


@dataclass(eq=False)
class _Workshop:
    """What one call at a time works with: threads, and working memory for each strip of pictures `width` wide."""

    crew: Crew
    width: int = 0
    scratch: list[NDArray[np.uint8]] = field(default_factory=list)


class Network:
    """A network compiled for this machine. Make it with `pocketsr.load`.

    `scale`: how much larger the output is. `channels`: 1 takes luma planes (H, W), 3 takes RGB (H, W, 3). `info`: what
    else is known about it, a `ModelInfo`. `strengths`: between how many strengths of a degradation the biases of a
    network are linear that is told one, else 0; `default_strength`: what it takes where a caller says nothing.
    `digest`: SHA-256 of its ONNX file, where `load` made it; else None.
    Any number of threads may call it at one time, each on `threads` of its own. After a fork the child can, too. A call
    that an exception interrupts, as Ctrl-C does, ends when `out` isn't written to any more; its content is then void.
    """

    def __init__(self, library: Path, info: ModelInfo, threads: int | None = None) -> None:
        check_threads(threads)
        self.info = info
        self.name, self.scale, self.channels = info.name, info.scale, info.channels
        threads = threads or len(
            os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        )
        self.threads = threads
        self.strengths, self.default_strength = info.strengths, info.default_strength
        self.digest: bytes | None = None
        self._library = ctypes.CDLL(str(library))
        self._scratch_size = getattr(self._library, f"{self.name}_scratch")
        self._scratch_size.restype = ctypes.c_size_t
        self._scratch_size.argtypes = [ctypes.c_int]
        self._bands = getattr(self._library, f"{self.name}_bands")
        self._entries = {kind: self._entry(kind) for kind in _KINDS.values()}
        self._changes = getattr(self._library, f"{self.name}_changes")
        self._wanted = getattr(self._library, f"{self.name}_wanted")
        pointer, distance, number = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int
        self._changes.argtypes = [pointer, distance, pointer, distance, number, number, number, pointer, distance]
        self._wanted.argtypes = [number, number, pointer, distance, pointer, distance]
        self._changes.restype = self._wanted.restype = None
        self._workshops = Pool(lambda: _Workshop(Crew(threads)), _KEPT)

    def _entry(self, kind: str) -> Any:
        entry = getattr(self._library, f"{self.name}_{kind}_{'at' if self.strengths else 'part'}")
        pointer, distance, number = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int
        max_value = [number] if kind == "u16" else []
        entry.argtypes = [pointer, distance, distance] * 2 + [number, number, *max_value, number, number, pointer]
        entry.argtypes += [pointer, distance, number, *([ctypes.c_float] if self.strengths else [])]
        entry.restype = None
        return entry

    def __reduce__(self) -> str:
        raise TypeError(f"the network {self.name} is neither copied nor sent to a process: load it there")

    @property
    def edge_halo(self) -> int:
        """See `ModelInfo.edge_halo`."""
        return self.info.edge_halo

    @property
    def reach(self) -> int:
        """The former name of `edge_halo`."""
        return self.edge_halo

    def close(self) -> None:
        """Lets threads and working memory go. Calls that run are none the worse, later ones take new ones."""
        self._workshops.clear()

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        kind = "luma" if self.channels == 1 else "RGB"
        return f"<Network {self.name} x{self.scale} {kind}, {self.info.params:,} parameters, {self.threads} threads>"

    def scratch_bytes(self, width: int) -> int:
        """Working memory of one thread for frames of `width` pixels, 1 to 2^26 / scale."""
        check_whole(width, "pixels of width", 1, 2**26 // self.scale)  # more than any picture has; C counts in 32 bits
        return int(self._scratch_size(width))

    def __call__(
        self,
        y: NDArray[Any],
        bits: int | None = None,
        out: NDArray[Any] | None = None,
        *,
        changed: Mask | None = None,
        wanted: Mask | None = None,
        strength: float | None = None,
    ) -> NDArray[Any]:
        """Upscale one frame, or a part of it.

        y: (H, W) for a luma network, (H, W, 3) for an RGB one; uint8, uint16, or float32 in the network's own
        range (then the result is neither rounded nor clipped). Rows may be any distance apart.
        bits: significant bits of uint16 samples, default 16: the largest sample is 2**bits - 1.
        out: an array of the result's shape and type to write into.
        changed: which blocks of `y` differ from the picture whose result `out` holds, as `changes` tells: only what
            depends on them is computed, and `out` is then to the last bit what a whole run gives.
        wanted: which blocks of the result to compute; those and no others are written to `out`.
        strength: how far `y` is from its clean shrink, 0 (clean) to 1 (`pixels.strength`), for a network that is told;
            None: its `default_strength`. A part of a picture takes the strength that the rest was made with.
        Masks: blocks are those of 4 rows and 8 columns of `y`; a mask has the shape (ceil(H / 4), ceil(W / 8)).
        Returns (scale*H, scale*W) or (scale*H, scale*W, 3) of the same type. Raises UserError for what does not fit.
        """
        check_frame(self.name, self.channels, self.scale, y, bits, out)
        given = self._strength(strength)
        planes = planes_of(y)
        count, height, width = planes.shape
        part = self._part(changed, wanted, out, height, width)
        shape = (self.scale * height, self.scale * width)
        if out is None:
            out = new_array(shape if self.channels == 1 else (*shape, self.channels), planes.dtype)
        elif np.may_share_memory(out, planes):  # rows would be overwritten before they are read
            planes = planes.copy()
        source, target = self._ready(planes), planes_of(out)
        result = target if _direct(target) else new_array((count, *shape), target.dtype.newbyteorder("="))
        if part is not None and result is not target:
            result[...] = target
        self._run(_KINDS[planes.dtype.type], source, result, int(bits or 16), part, given)
        if result is not target:
            target[...] = result
        return out

    def _strength(self, strength: float | None) -> tuple[float, ...]:
        """What the C is told: nothing, where the network takes none."""
        if not self.strengths:
            check_told(self, strength)
            return ()
        if strength is None:
            return (self.default_strength,)
        return (check_strength(strength),)

    def changes(self, before: NDArray[Any], now: NDArray[Any]) -> NDArray[np.bool_]:
        """Which blocks of two pictures of one shape and type differ, for `changed`. Raises ArgumentError otherwise."""
        if before.shape != now.shape or before.dtype != now.dtype or before.ndim not in (2, 3) or 0 in now.shape:
            raise ArgumentError(
                f"pictures are {before.shape} {before.dtype} and {now.shape} {now.dtype}: two of a kind are compared"
            )
        old, new = (self._ready(planes_of(picture)) for picture in (before, now))
        _, height, width = new.shape
        found = np.zeros(mask_shape(height, width), np.uint8)
        for a, b in zip(old, new, strict=True):
            self._changes(
                a.ctypes.data, a.strides[0], b.ctypes.data, b.strides[0], width, height, b.itemsize,
                found.ctypes.data, found.shape[1],
            )  # fmt: skip
        return found.view(np.bool_)

    def wanted(self, changed: Mask, height: int, width: int) -> NDArray[np.bool_]:
        """Which blocks of the result those of `changed` may change, in a picture of this size, for `wanted`."""
        given = check_mask(changed, "changed", height, width)
        found = np.empty_like(given)
        self._wanted(width, height, given.ctypes.data, given.shape[1], found.ctypes.data, found.shape[1])
        return found.view(np.bool_)

    def _part(
        self, changed: Mask | None, wanted: Mask | None, out: NDArray[Any] | None, height: int, width: int
    ) -> Part | None:
        """What is to be computed; None where all of it is."""
        if changed is None and wanted is None:
            return None
        if changed is not None and wanted is not None:
            raise ArgumentError("changed and wanted are both given: one of them says what to compute")
        if out is None:
            raise ArgumentError("a part of a frame goes into the result before: give it as out")
        if wanted is not None:
            mask = check_mask(wanted, "wanted", height, width)
            return None if mask.all() else Part(mask)
        mask = check_mask(changed, "changed", height, width)
        part = Part(self.wanted(mask, height, width).view(np.uint8), mask)
        return None if np.count_nonzero(part.wanted) > _WORTH * part.wanted.size else part

    @staticmethod
    def _ready(planes: NDArray[Any]) -> NDArray[Any]:
        """Planes whose samples lie side by side in native byte order; copied only where they do not."""
        return planes if _direct(planes) else np.ascontiguousarray(planes, planes.dtype.newbyteorder("="))

    def _new_scratch(self, width: int, strips: int) -> list[NDArray[np.uint8]]:
        """For as many of `strips` as memory is allowed for."""
        size = self.scratch_bytes(width)
        if size > _MEMORY:
            raise UserError(f"{width:,} pixels wide: {self.name} needs {size >> 30} GB of memory; cut it in parts")
        return [new_array((size,), np.uint8) for _ in range(min(strips, _MEMORY // size))]

    def _run(
        self, kind: str, source: NDArray[Any], target: NDArray[Any], bits: int, part: Part | None,
        strength: tuple[float, ...],
    ) -> None:  # fmt: skip
        _, height, width = source.shape
        bands = int(self._bands(height))
        grows = part is not None and part.changed is not None
        mask = part and (part.wanted if part.changed is None else part.changed)
        if part is not None and not part.wanted.any():
            return
        workshop = self._workshops.take()
        strips = min(self.threads, bands)
        if width != workshop.width or len(workshop.scratch) < strips:
            workshop.scratch = self._new_scratch(width, strips)
            workshop.width = width
        strips = min(strips, len(workshop.scratch))
        max_value = [2**bits - 1] if kind == "u16" else []

        def distances(planes: NDArray[Any]) -> list[int]:
            return [
                planes.ctypes.data,
                planes.strides[1] // planes.itemsize,
                planes.strides[0] // planes.itemsize,
            ]

        where = [*distances(source), *distances(target), width, height, *max_value]
        entry = self._entries[kind]

        if part is None:
            cuts = [(bands * index // strips, bands * (index + 1) // strips) for index in range(strips)]
        else:
            cuts = cut(part.work(), bands, strips) if strips > 1 else [(0, bands)]

        def strip(index: int) -> Job:
            first, last = cuts[index]
            used = (source, target, workshop.scratch[index], mask)  # kept alive by the job, even if its caller is gone
            wanted = (None, 0, 0) if mask is None else (mask.ctypes.data, mask.shape[1], grows)
            return lambda: entry(*where, first, last, used[2].ctypes.data, *wanted, *strength)

        jobs = [strip(index) for index in range(strips)]
        try:
            workshop.crew.run(jobs)
        except BaseException:
            workshop.crew.finish()  # nobody may write to `out` when the caller has it again
            raise
        self._workshops.put(workshop)


def _direct(planes: NDArray[Any]) -> bool:
    """Whether the C can take or write `planes` (C, H, W) where they lie: samples side by side, whole samples apart."""
    return planes.strides[2] == planes.itemsize and planes.flags.aligned and planes.dtype.isnative
