"""A compiled network, ready to run: a strip of the frame a thread, the interpreter lock released."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir import Info
from pocketsr.errors import UserError

__all__ = ["Network"]

_KINDS = {"uint8": "u8", "uint16": "u16", "float32": "f32"}


class _Crew:
    """Threads that wait for strips; the caller's own thread takes the first one.

    On Linux the waiting threads are kept off the processor that the caller runs on: woken after a pause, they would
    often be put right there and wait for it (measured on two cores: `tiny` 1.1 ms a frame in place of 0.75).
    """

    def __init__(self, size: int) -> None:
        self._jobs: list[SimpleQueue[Callable[[], None] | None]] = [SimpleQueue() for _ in range(size - 1)]
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._workers = [
            threading.Thread(target=self._work, args=(jobs, self._done), daemon=True) for jobs in self._jobs
        ]
        for worker in self._workers:
            worker.start()
        self._processors = os.sched_getaffinity(0) if sys.platform == "linux" else set()
        self._current: Callable[[], int] | None = None
        if 1 < size <= len(self._processors):
            self._current = getattr(ctypes.CDLL(None), "sched_getcpu", None)
        self._avoided = -1

    def _spread(self) -> None:
        if sys.platform != "linux" or self._current is None or (here := self._current()) == self._avoided:
            return
        self._avoided = here
        for worker in self._workers:
            try:
                os.sched_setaffinity(worker.native_id or 0, self._processors - {here})
            except OSError:  # not allowed here: the scheduler decides alone
                self._current = None
                return

    @staticmethod
    def _work(jobs: SimpleQueue[Callable[[], None] | None], done: SimpleQueue[BaseException | None]) -> None:
        while (job := jobs.get()) is not None:
            try:
                job()
                done.put(None)
            except BaseException as error:  # handed to the caller
                done.put(error)

    def run(self, jobs: list[Callable[[], None]]) -> None:
        self._spread()
        for queue, job in zip(self._jobs, jobs[1:], strict=False):
            queue.put(job)
        jobs[0]()
        for _ in jobs[1:]:
            if (error := self._done.get()) is not None:
                raise error

    def close(self) -> None:
        for queue in self._jobs:
            queue.put(None)


class Network:
    """A network compiled for this machine. Make it with `pocketsr.load`.

    `scale`: how much larger the output is. `channels`: 1 takes luma planes (H, W), 3 takes RGB (H, W, 3).
    One call at a time: a second thread needs a Network of its own.
    """

    def __init__(self, library: Path, about: dict[str, Any], threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise UserError(f"{threads} threads: at least 1 is expected")
        self.name: str = about["name"]
        self.scale: int = about["scale"]
        self.channels: int = about["channels"]
        self.info = Info(about["params"], about["macs_per_pixel"], about["receptive_field"])
        self.threads = threads or len(
            os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        )
        self.reach: int = about["reach"]
        self._library = ctypes.CDLL(str(library))
        self._scratch_size = getattr(self._library, f"{self.name}_scratch")
        self._scratch_size.restype = ctypes.c_size_t
        self._scratch_size.argtypes = [ctypes.c_int]
        self._bands = getattr(self._library, f"{self.name}_bands")
        self._entries = {kind: self._entry(kind) for kind in _KINDS.values()}
        self._crew = _Crew(self.threads)
        self._scratch: list[NDArray[np.uint8]] = []
        self._width = 0

    def _entry(self, kind: str) -> Any:
        entry = getattr(self._library, f"{self.name}_{kind}")
        pointer, distance, number = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int
        white = [number] if kind == "u16" else []
        entry.argtypes = [pointer, distance, distance] * 2 + [number, number, *white, number, number, pointer]
        entry.restype = None
        return entry

    def __del__(self) -> None:
        if hasattr(self, "_crew"):
            self._crew.close()

    def scratch_bytes(self, width: int) -> int:
        """Working memory of one thread for frames of `width` pixels."""
        return int(self._scratch_size(width))

    def __call__(
        self,
        y: NDArray[Any],
        bits: int | None = None,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Enlarge one frame.

        y: (H, W) for a luma network, (H, W, 3) for an RGB one; uint8, uint16, or float32 in the network's own
        range (then the result is neither rounded nor clipped). Rows may be any distance apart.
        bits: significant bits of uint16 samples, default 16: the largest sample is 2**bits - 1.
        out: an array of the result's shape and type to write into.
        Returns (scale*H, scale*W) or (scale*H, scale*W, 3) of the same type. Raises UserError for what does not fit.
        """
        planes = self._planes(y, "the image")
        kind = _KINDS.get(y.dtype.name)
        if kind is None:
            raise UserError(f"samples are {y.dtype}; uint8, uint16 or float32 is expected")
        count, height, width = planes.shape
        shape = (self.scale * height, self.scale * width)
        if out is None:
            out = np.empty(shape if self.channels == 1 else (*shape, self.channels), y.dtype)
        elif out.dtype != y.dtype or out.shape[:2] != shape or not out.flags.writeable:
            raise UserError(f"out is {out.shape} {out.dtype}; a writable {shape} {y.dtype} is expected")
        source = self._ready(planes)
        target = self._planes(out, "out")
        direct = target.strides[2] == target.itemsize and not any(s % target.itemsize for s in target.strides)
        result = target if direct else np.empty((count, *shape), y.dtype)
        self._run(kind, source, result, bits)
        if result is not target:
            target[...] = result
        return out

    def _planes(self, image: NDArray[Any], what: str) -> NDArray[Any]:
        """`image` as (C, H, W), without a copy."""
        wanted = "(H, W)" if self.channels == 1 else f"(H, W, {self.channels})"
        if image.ndim == 2 and self.channels == 1:
            planes = image[None]
        elif image.ndim == 3 and image.shape[2] == self.channels and self.channels > 1:
            planes = image.transpose(2, 0, 1)
        else:
            raise UserError(f"{what} has the shape {image.shape}; {wanted} is expected by {self.name}")
        if 0 in planes.shape:
            raise UserError(f"{what} has the shape {image.shape}: it is empty")
        return planes

    @staticmethod
    def _ready(planes: NDArray[Any]) -> NDArray[Any]:
        """Planes whose samples lie side by side in native byte order; copied only where they do not."""
        size = planes.itemsize
        if planes.strides[2] == size and not any(s % size for s in planes.strides) and planes.dtype.isnative:
            return planes
        return np.ascontiguousarray(planes, planes.dtype.newbyteorder("="))

    def _run(self, kind: str, source: NDArray[Any], target: NDArray[Any], bits: int | None) -> None:
        _, height, width = source.shape
        bands = int(self._bands(height))
        strips = min(self.threads, bands)
        if width != self._width or len(self._scratch) < strips:
            size = self.scratch_bytes(width)
            self._scratch = [np.zeros(size, np.uint8) for _ in range(strips)]
            self._width = width
        white = []
        if kind == "u16":
            if bits is not None and not 1 <= bits <= 16:
                raise UserError(f"{bits} bits: 1 to 16 are expected")
            white = [2 ** (bits or 16) - 1]

        def distances(planes: NDArray[Any]) -> list[int]:
            return [
                planes.ctypes.data,
                planes.strides[1] // planes.itemsize,
                planes.strides[0] // planes.itemsize,
            ]

        where = [*distances(source), *distances(target), width, height, *white]
        entry = self._entries[kind]

        def strip(index: int) -> Callable[[], None]:
            first, last = bands * index // strips, bands * (index + 1) // strips
            scratch = self._scratch[index].ctypes.data
            return lambda: entry(*where, first, last, scratch)

        self._crew.run([strip(index) for index in range(strips)])
