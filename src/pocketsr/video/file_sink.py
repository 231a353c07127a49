"""Video files as a sink of frames."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from av.packet import Packet
from av.stream import Stream

from pocketsr.arguments import as_path, check_number, check_type
from pocketsr.errors import ArgumentError, UserError
from pocketsr.frames import Frame, FrameFormat, layout_of, viewed
from pocketsr.pipes import Outflow
from pocketsr.video.file_source import VideoFileSource
from pocketsr.video.reader import VideoReader
from pocketsr.video.source import Source, described_format, with_format
from pocketsr.video.types import VideoOptions
from pocketsr.video.upscaler import converted, rearranged
from pocketsr.video.writer import VideoWriter

__all__ = ["VideoFileSink"]

_COUNTED_BY = Fraction(1, 90_000)  # seconds, where a time base is finer than FFmpeg's numbers
_FASTEST = 240  # frames a second that a time base may mean, rather than a mere unit


class VideoFileSink:
    """A video file to write: `with VideoFileSink(path) as sink`. It is complete at the end of the `with`.

    If an exception ends it, nothing of it is left, and an existing file at `path` stays. A file has one size and pixel
    format: a change raises UserError.

    Args:
        path: the file to write, whose suffix chooses the container; None encodes but writes nothing.
        rate: frames per second: times frames without timestamps, and is the rate stated in the file.
        codec, crf, preset: for the encoder; the defaults follow from the container.
        threads, cores: for the encoder, as for `VideoOptions`.
        overwrite: whether an existing file may be replaced.
        pipe: where to write instead, piece by piece; the path is a name for it then. Whoever opened it closes it.
        kind: FFmpeg's name of the container, which a pipe's name doesn't say.
        pix_fmt: what frames of other samples are converted to by swscale, chroma at the left; None: they stay.

    Raises UserError, from every method, where the file can't be written.
    """

    def __init__(
        self,
        path: str | Path | None,
        *,
        rate: Fraction | float | None = None,
        codec: str | None = None,
        crf: float | None = None,
        preset: str | None = None,
        threads: int | None = None,
        overwrite: bool = False,
        pipe: Outflow | None = None,
        kind: str | None = None,
        cores: int | None = None,
        pix_fmt: str | None = None,
    ) -> None:
        if rate is not None:
            check_number(rate, "rate")
        if rate is not None and not 0 < rate <= 1_000_000:
            raise ArgumentError(f"rate {rate}: more than 0 frames a second are expected")
        self.path = None if path is None else as_path(path, "path")
        self._rate = None if rate is None else Fraction(rate).limit_denominator(1001)
        self._options = VideoOptions(codec, crf, preset, threads, cores)
        self._overwrite = overwrite
        self._pipe, self._kind = pipe, kind
        self._into = None if pix_fmt is None else layout_of(pix_fmt)
        self._beside: VideoFileSource | None = None
        self._writer: VideoWriter | None = None
        self._closed = False
        self._form: FrameFormat | None = None
        self._came: FrameFormat | None = None  # before any conversion
        self._base = _COUNTED_BY
        self._last: int | None = None
        self.aspect: Fraction | None = None
        """Shape of the pixels that keeps that of the accompanied source's picture, where frames have another."""
        self.panes = (1, 1)
        """How many pictures stand side by side in a frame, across and down, each of the accompanied source's shape."""
        self.frames = 0
        """How many were written."""

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that can't be kept; complete when the sink is closed."""
        return self._writer.warnings if self._writer is not None else []

    @property
    def encoder(self) -> str | None:
        """A description of the chosen encoder; None before the first frame."""
        return self._writer.encoder.words if self._writer is not None else None

    @property
    def pix_fmt(self) -> str | None:
        """The pixel format that is encoded, into which others of the same samples are rearranged; None as before."""
        return self._writer.encoder.pix_fmt if self._writer is not None else None

    def accompany(self, source: VideoFileSource) -> None:
        """Copy everything else of `source`: sound by `copy`, tags, chapters. Call it before `begin`."""
        if self._writer is None:
            self._beside = source
            source.reader.follows_changes = False  # it can tell how to make such a file uniform

    def begin(self, form: FrameFormat) -> None:
        """Frames of this format follow. Raises UserError for a change of more than colours and times."""
        check_type(form, FrameFormat, "form", "a pocketsr.FrameFormat")
        if self._closed:
            raise ArgumentError(f"{self._name} is closed: make another sink")
        if self._form is None:
            self._open(form)
            self._came = form
        elif form == self._came:
            return
        elif (form.width, form.height) != (self._form.width, self._form.height) or (
            form.pix_fmt not in (self._form.pix_fmt, self.pix_fmt)
        ):
            raise UserError(
                f"{self._name}: frame {self.frames + 1} is {form}, those before it {self._form}: "
                "a file has one size and format: write the rest into another"
            )

    def _open(self, form: FrameFormat) -> None:
        if self._into is not None and self._into.samples != layout_of(form.pix_fmt).samples:
            form = replace(form, pix_fmt=self._into.name, siting="left")
        if form.time_base is None and self._rate is None:
            raise ArgumentError(f"{self._name}: its frames have no times: give their pts and time_base, or a rate")
        base = 1 / self._rate if form.time_base is None and self._rate is not None else form.time_base or _COUNTED_BY
        if base <= 0:
            raise ArgumentError(f"{self._name}: a time base of {base} s")
        self._base = base if max(base.numerator, base.denominator) < 2**31 else _COUNTED_BY
        rate = self._rate or (1 / base if 1 <= 1 / base <= _FASTEST else None)
        about = described_format(form, self._base, rate)
        reader = None
        if self._beside is not None:
            reader = self._beside.reader
            about = with_format(reader.source, form, self.panes)
            self.aspect = None if about.aspect == reader.source.aspect else about.aspect
        size = (form.width, form.height)
        self._writer = self._made_writer(reader, about, size)
        self._form = form

    def _made_writer(self, reader: VideoReader | None, about: Source, size: tuple[int, int]) -> VideoWriter:
        return VideoWriter(
            self.path, reader, about, size, self._options, overwrite=self._overwrite, pipe=self._pipe, kind=self._kind
        )

    def write(self, frame: Frame) -> None:
        """Encode a frame. Frames come in order of time; one without a time follows the last by one frame."""
        check_type(frame, Frame, "frame", "a pocketsr.Frame")
        form = frame.format
        if self._closed or self._form is None or (_shape(form) != _shape(self._form) and form != self._came):
            self.begin(form)
        assert self._writer is not None
        assert self._form is not None
        pts = self._ticks(frame)
        if self._last is not None and pts <= self._last:
            raise ArgumentError(f"{self._name}: frame {self.frames + 1} is not after the one before it")
        if self._into is not None and self._into.samples != frame.layout.samples:
            frame = converted(frame, self._into.name)
        if frame.layout.name != self._writer.encoder.pix_fmt:
            frame = rearranged(frame, self._writer.encoder.pix_fmt)
        made = viewed(frame) or frame.to_av()
        duration = round((frame.duration or 0) * (frame.time_base or self._base) / self._base)
        self._writer.encode(made, pts, duration)
        self._last = pts
        self.frames += 1

    def _ticks(self, frame: Frame) -> int:
        if frame.pts is not None and frame.time_base is not None:
            return round(frame.pts * frame.time_base / self._base)
        if self._rate is None:
            where = f"{self._name}: frame {self.frames + 1}"
            raise ArgumentError(f"{where} has no time: give its pts and time_base, or a rate")
        return 0 if self._last is None else self._last + max(1, round(1 / self._rate / self._base))

    def interrupt(self) -> None:
        """End a wait, in another thread, for the reader of a pipe."""
        if self._pipe is not None:
            self._pipe.stop()

    def copy(self, packet: Packet[Stream]) -> None:
        """Copy a packet of another stream of the accompanied source."""
        if self._writer is not None:
            self._writer.copy(packet)

    def close(self) -> None:
        """Write what the encoder still holds, and move the file into place; nothing where no frame was written."""
        if not self._closed:
            self._closed = True
            if self._writer is not None:
                try:
                    self._writer.finish()
                except BaseException:
                    self._writer.abort()
                    raise

    def abort(self) -> None:
        """Leave nothing of the file behind, unless it is complete."""
        if not self._closed:
            self._closed = True
            if self._writer is not None:
                self._writer.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    @property
    def _name(self) -> str:
        return "the output" if self.path is None else str(self.path)

    def __repr__(self) -> str:
        coded = f", {self.encoder}" if self.encoder else ""
        return f"<VideoFileSink {self._name!r}, {self.frames} frames{coded}{', closed' if self._closed else ''}>"


def _shape(form: FrameFormat) -> tuple[int, int, str]:
    return form.width, form.height, form.pix_fmt
