"""Decoding, upscaling and encoding overlap: a thread each, with short queues between them."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from time import perf_counter
from typing import Any, TypeAlias

from av.packet import Packet
from av.stream import Stream

from pocketsr.errors import ArgumentTypeError
from pocketsr.frames import Frame, FrameFormat, FrameSink
from pocketsr.video.belt import Belt, Stopped
from pocketsr.video.changing import Changing
from pocketsr.video.comparing import Comparison
from pocketsr.video.sections import Tally
from pocketsr.video.types import Progress
from pocketsr.video.upscaler import Enlarger

__all__ = ["Item", "Job", "checked"]

# Enough that a slow frame in one stage doesn't starve the next; a few 4K frames (12 MB each) cost little.
_QUEUED = 4
_PATIENCE_S = 2.0  # for a source or sink of others, which may wait for what never comes, to see that the work is off

Item: TypeAlias = "Frame | Packet[Stream] | Tally"  # PyAV's types take parameters in its stubs only


def checked(item: Item) -> Item:
    """What a source gave. Raises ArgumentTypeError for what is no frame."""
    if not isinstance(item, Frame | Packet | Tally):
        what = type(item).__name__
        raise ArgumentTypeError(f"a source gives frames (pocketsr.Frame), not {what}: see Frame.from_array")
    return item


class Job:
    """A thread each for the source, the network and the sink.

    Args:
        items: frames, and what goes with them to `aside`, in its order.
        form: that the sink was begun with.
        aside: takes what is no frame, on the sink's thread; None: that is left out.

    The caller's thread only reports progress and waits: Ctrl-C reaches it there at once, and never in the
    middle of a network's work on a frame.
    """

    def __init__(
        self, items: Iterator[Item], enlarge: Enlarger | Changing | Comparison, sink: FrameSink, form: FrameFormat,
        aside: Callable[[Any], None] | None = None,
    ) -> None:  # fmt: skip
        self._items, self._enlarge, self._sink, self._aside = items, enlarge, sink, aside
        self._form = form
        self._decoded: Belt[Item | None] = Belt(_QUEUED)
        self._upscaled: Belt[Item | None] = Belt(_QUEUED)
        self._progress: SimpleQueue[int | None] = SimpleQueue()  # frames done; None at the end
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._guard, args=(work,), name=f"pocketsr{work.__name__}", daemon=True)
            for work in (self._decode, self._upscale, self._encode)
        ]
        self.decode_s, self.upscale_s, self.encode_s = array("d"), array("d"), array("d")

    @property
    def size(self) -> tuple[int, int]:
        """Of the last frame."""
        return self._form.width, self._form.height

    def run(self, total: int | None, on_progress: Progress | None) -> None:
        """Do it all; returns when the last frame is in the sink."""
        for thread in self._threads:
            thread.start()
        while (done := self._progress.get()) is not None:
            if on_progress is not None:
                on_progress(done, total)
        if self._failure is not None:
            raise self._failure
        for thread in self._threads:
            thread.join()

    def stop(self, own_source: bool, own_sink: bool) -> None:
        """Call the threads off and wait for them; for others' code not for ever."""
        self._decoded.stop()
        self._upscaled.stop()
        for thread, own in zip(self._threads, (own_source, True, own_sink), strict=True):
            if thread.ident is not None:
                thread.join(None if own else _PATIENCE_S)

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:  # handed to the caller's thread
            self._failure = self._failure or error
            self._decoded.stop()
            self._upscaled.stop()
            self._progress.put(None)

    def _decode(self) -> None:
        start = perf_counter()
        for item in self._items:
            if isinstance(checked(item), Frame):
                self.decode_s.append(perf_counter() - start)
            self._decoded.put(item)
            start = perf_counter()
        self._decoded.put(None)

    def _upscale(self) -> None:
        while (item := self._decoded.get()) is not None:
            if isinstance(item, Frame):
                start = perf_counter()
                item = self._enlarge(item)
                self.upscale_s.append(perf_counter() - start)
            elif isinstance(item, Tally) and isinstance(self._enlarge, Enlarger):  # the end of a segment
                self._enlarge.forget()
            self._upscaled.put(item)
        self._upscaled.put(None)

    def _encode(self) -> None:
        while (item := self._upscaled.get()) is not None:
            if not isinstance(item, Frame):
                if self._aside is not None:
                    self._aside(item)
                continue
            start = perf_counter()
            if item.format != self._form:
                self._sink.begin(item.format)
                self._form = item.format
            self._sink.write(item)
            self.encode_s.append(perf_counter() - start)
            self._progress.put(len(self.encode_s))
        self._progress.put(None)
