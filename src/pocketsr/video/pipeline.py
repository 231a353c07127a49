"""The whole job: decoding, upscaling and encoding overlap, a thread each, with short queues between them."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from pocketsr.report import Percentiles, Report
from pocketsr.video.belt import Belt, Stopped
from pocketsr.video.colours import with_implied_colours
from pocketsr.video.containers import keeps_clock
from pocketsr.video.reader import Picture, VideoReader
from pocketsr.video.types import Progress, Say, Siting, Upscaler, VideoOptions
from pocketsr.video.upscaler import AvUpscaler
from pocketsr.video.writer import VideoWriter

__all__ = ["upscale_video"]

# Enough that a slow frame in one stage doesn't starve the next; a few 4K frames (12 MB each) cost little.
_QUEUED = 4


def upscale_video(
    source: Path,
    target: Path | None,
    upscaler: Upscaler,
    chroma: Callable[[Siting], Upscaler],
    options: VideoOptions | None = None,
    *,
    overwrite: bool = False,
    on_progress: Progress | None = None,
    on_warning: Say | None = None,
) -> Report:
    """Upscale a video; times, sound, subtitles, chapters, tags, colours and sample format stay what they are.

    Args:
        source: the input file.
        target: the output file, whose suffix chooses the container; None decodes, upscales and encodes but
            writes nothing (a benchmark).
        upscaler: the network, luma or RGB.
        chroma: gives the network for chroma planes of a siting.
        options: how to encode.
        overwrite: whether an existing target may be replaced.
        on_progress: called on the caller's thread after every frame.
        on_warning: called with each warning that is known before the first frame is upscaled; the report holds all.

    Raises:
        UserError: the input can't be read, the output can't be written, or a setting is wrong. The target is
            then as it was before: absent, or the old file. So too on KeyboardInterrupt.
    """
    began = perf_counter()
    options = options or VideoOptions()
    with VideoReader(source, options.threads, keep_clock=keeps_clock(target)) as reader:
        about = reader.source
        size = (about.width * upscaler.scale, about.height * upscaler.scale)
        about, line = with_implied_colours(about, size)
        if line is not None:
            reader.warnings.append(f"{source}: {line}")
        writer = VideoWriter(target, reader, about, size, options, overwrite=overwrite)
        job: _Job | None = None
        try:
            frames = AvUpscaler(upscaler, chroma, about.layout, writer.encoder.pix_fmt, about.siting)
            if on_warning is not None:
                for line in (*reader.warnings, *writer.warnings):
                    on_warning(line)
            job = _Job(reader, frames, writer)
            job.run(on_progress)
            start = perf_counter()
            writer.finish()
            flush_s = perf_counter() - start
        except BaseException:
            if job is not None:
                job.stop()
            writer.abort()
            raise
        seconds = perf_counter() - began
        return Report(
            frames=len(job.upscale_s),
            seconds=seconds,
            decode_ms=Percentiles.of_seconds(job.decode_s),
            upscale_ms=Percentiles.of_seconds(job.upscale_s),
            encode_ms=Percentiles.of_seconds(job.encode_s),
            decode_busy_s=sum(job.decode_s),
            upscale_busy_s=sum(job.upscale_s),
            encode_busy_s=sum(job.encode_s) + flush_s,
            size=size,
            encoder=writer.encoder.words,
            replaced=reader.replaced,
            warnings=reader.warnings + writer.warnings,
        )


class _Job:
    """A thread each for the reader, the network and the writer.

    The caller's thread only reports progress and waits: Ctrl-C reaches it there at once, and never in the
    middle of a network's work on a frame.
    """

    def __init__(self, reader: VideoReader, frames: AvUpscaler, writer: VideoWriter) -> None:
        self._reader, self._frames, self._writer = reader, frames, writer
        self._decoded: Belt[Picture | Packet[Stream] | None] = Belt(_QUEUED)
        self._upscaled: Belt[tuple[Picture, VideoFrame] | Packet[Stream] | None] = Belt(_QUEUED)
        self._progress: SimpleQueue[int | None] = SimpleQueue()  # frames done; None at the end
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._guard, args=(work,), name=f"pocketsr{work.__name__}", daemon=True)
            for work in (self._decode, self._upscale, self._encode)
        ]
        self.decode_s, self.upscale_s, self.encode_s = array("d"), array("d"), array("d")

    def run(self, on_progress: Progress | None) -> None:
        """Do it all; returns when the last frame is in the encoder."""
        for thread in self._threads:
            thread.start()
        total = self._reader.source.total
        while (done := self._progress.get()) is not None:
            if on_progress is not None:
                on_progress(done, total)
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Call the threads off and wait for them."""
        self._decoded.stop()
        self._upscaled.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:  # handed to the caller's thread
            self._failure = error
            self._decoded.stop()
            self._upscaled.stop()
            self._progress.put(None)

    def _decode(self) -> None:
        start = perf_counter()
        for item in self._reader:
            if isinstance(item, Picture):
                self.decode_s.append(perf_counter() - start)
            self._decoded.put(item)
            start = perf_counter()
        self._decoded.put(None)

    def _upscale(self) -> None:
        while (item := self._decoded.get()) is not None:
            if isinstance(item, Picture):
                start = perf_counter()
                made = self._frames(item.frame)
                self.upscale_s.append(perf_counter() - start)
                self._upscaled.put((item, made))
            else:
                self._upscaled.put(item)
        self._upscaled.put(None)

    def _encode(self) -> None:
        while (item := self._upscaled.get()) is not None:
            if isinstance(item, Packet):
                self._writer.copy(item)
                continue
            picture, made = item
            start = perf_counter()
            self._writer.encode(made, picture.pts, picture.duration)
            self.encode_s.append(perf_counter() - start)
            self._progress.put(len(self.encode_s))
        self._progress.put(None)
