"""Writes the output: encodes frames with exact times, and carries everything else over from the input."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import av
import av.logging
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.atomic_io import Beside
from pocketsr.errors import UserError
from pocketsr.pipes import Outflow
from pocketsr.scheduling import keep_scheduling
from pocketsr.video.codecs import choose_encoder, refuse_odd
from pocketsr.video.containers import (
    PROMPT_MUXING,
    losses,
    muxer_options,
    shifted,
)
from pocketsr.video.encoders import encoder_facts
from pocketsr.video.extras import Extras, stream_metadata
from pocketsr.video.ffmpeglog import first_complaint, listening
from pocketsr.video.output import add_video, open_output
from pocketsr.video.reader import VideoReader
from pocketsr.video.source import Source, has_captions
from pocketsr.video.steps import count_from, in_steps
from pocketsr.video.types import VideoOptions

__all__ = ["VideoWriter"]


class VideoWriter:
    """An output that comes to be: `encode` frames, `copy` packets, then `finish`, or `abort` at any time.

    Args:
        target: where to; None encodes and throws away.
        reader: the input, from which everything else is carried over; None where frames come from elsewhere.
        source: what its video is, and what the output's is to be tagged as.
        size: (width, height) of the frames to come.
        pipe: where to write instead, of FFmpeg's format `kind`; `target` then is its name alone.

    Raises:
        UserError: from every method, when the output can't be made or written; says why and what to do.
    """

    def __init__(
        self,
        target: Path | None,
        reader: VideoReader | None,
        source: Source,
        size: tuple[int, int],
        options: VideoOptions,
        *,
        overwrite: bool = False,
        pipe: Outflow | None = None,
        kind: str | None = None,
    ) -> None:
        self._target = str(target) if target is not None else "the output"
        self._source = source
        self._inexact = False
        self._origin: int | None = None  # the first frame's time, in the input's unit, where frames are counted
        self._count = -1
        self._last: dict[int, int] = {}
        self._captions_lost = False
        self._pipe, self._kind = pipe, kind
        self._beside = None
        if target is not None and pipe is None:
            self._beside = Beside(target, Path(source.name), overwrite=overwrite)
        self._keeps = target is not None
        self._extras: Extras | None = None
        self._container: OutputContainer | None = None
        self.warnings: list[str] = []
        try:
            self._container = self._open()
            self.encoder = choose_encoder(source, self._container, self._target, options)
            refuse_odd(self.encoder, size, self._target)
            self._stream, self._tick = add_video(
                self._container, source, self.encoder, size, options, called=self._target, prompt=self._is_prompt
            )
            if reader is not None:
                self._stream.metadata.update(stream_metadata(reader))
                self._stream.disposition = reader.stream.disposition
            if self._keeps and reader is not None:
                self._extras = Extras(reader, self._container, self._target)
                self._container.metadata.update(self._extras.container_tags())
                self.warnings += self._extras.warnings
            self._container.container_options.update(
                muxer_options(
                    self._container.format.name,
                    source.time_base,
                    self._extras.time_bases if self._extras else [],
                    self._container.metadata,
                )
            )
            if self._is_prompt:
                self._container.container_options.update(PROMPT_MUXING)
            self._start(self._container)
        except BaseException:
            self.abort()
            raise
        if self.encoder.warning is not None:
            self.warnings.append(self.encoder.warning)
        kind = self._container.format.name
        self.warnings += [f"{self._target}: {text}" for text in losses(kind, source, self.encoder.name)]

    @property
    def _is_prompt(self) -> bool:
        """Whether somebody waits for each frame, at the other end of a pipe."""
        return self._pipe is not None

    @property
    def kind(self) -> str:
        """FFmpeg's name of the container."""
        assert self._container is not None
        return self._container.format.name

    def _open(self) -> OutputContainer:
        if self._pipe is not None:
            return av.open(self._pipe, "w", format=self._kind)
        if self._beside is None:
            return av.open(os.devnull, "w", format="null")
        return open_output(self._beside.path, self._beside.target, self._target)

    def _start(self, container: OutputContainer) -> None:
        said: list[tuple[int, str, str]] = []
        try:
            with listening(av.logging.ERROR) as said, keep_scheduling():
                container.start_encoding()
        except (av.FFmpegError, ValueError, OSError) as error:
            if self._pipe is not None and self._pipe.broken:
                raise BrokenPipeError(errno.EPIPE, "the reader went away", self._target) from error
            self._refuse_full(error)
            reason = first_complaint(said) or _reason(error)
            raise UserError(
                f"{self._target}: {container.format.name} with {self.encoder.words} can't be set up ({reason}): "
                "choose another --codec or suffix"
            ) from error

    def encode(self, frame: VideoFrame, pts: int, duration: int) -> None:
        """Encode a frame to be shown at `pts` for `duration`, in the input stream's time base."""
        assert self._container is not None
        source = self._source
        frame.pts, frame.duration, frame.time_base = pts, duration, source.time_base
        frame.colorspace, frame.color_primaries, frame.color_trc = (
            source.colorspace,
            source.color_primaries,
            source.color_trc,
        )
        if not self._captions_lost and not encoder_facts(self.encoder.name).captions:
            self._captions_lost = not source.captions and has_captions(frame)
        if self._tick is not None:  # the encoder counts frames: no two may have one number
            self._origin = pts if self._origin is None else self._origin
            self._count = max(round((pts - self._origin) * source.time_base / self._tick), self._count + 1)
            frame.pts, frame.duration, frame.time_base = self._count, 1, self._tick
        base = self._tick or self._stream.time_base
        since = pts - (self._origin or 0)
        if base and (since * source.time_base / base).denominator != 1:
            self._inexact = True
        with self._writing():
            self._mux(self._stream.encode(frame))

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        assert self._container is not None
        for packet in packets:
            if self._origin is not None:
                count_from(packet, self._origin, self._source.time_base)
            in_steps(packet, self._stream, self._last, 0)
            with self._excused():
                self._container.mux_one(packet)

    def _drain(self) -> None:
        """Write what the encoder still holds."""
        self._mux(self._stream.encode(None))

    def _excused(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._extras is None else self._extras.excused()

    def copy(self, packet: Packet[Stream]) -> None:
        """Carry a packet of another stream over, as it is."""
        if self._extras is not None:
            with self._writing():
                self._extras.copy(packet)

    def finish(self) -> None:
        """Write what the encoder still holds and move the finished file into place."""
        assert self._container is not None
        kind = self._container.format.name
        with self._writing():
            self._drain()
            self._close(self._container)
            if self._beside is not None:
                self._beside.keep()
        self._container = None
        late = shifted(kind, self._extras.earliest) if self._extras else None
        if late is not None:
            self.warnings.append(f"{self._target}: {late}")
        if self._captions_lost and self._keeps:
            self.warnings.append(
                f"{self._target}: closed captions begin later in the video, and {self.encoder.name} can't hold them: "
                "use --codec h264 or h265"
            )
        if self._extras is not None:
            self.warnings += [f"{self._target}: {text}" for text in self._extras.sum_up()]
        if self._inexact and self._tick is not None and self._keeps:
            self.warnings.append(
                f"{self._target}: {self.encoder.name} has {float(1 / self._tick):g} frames a second and no times "
                "between: timestamps were rounded to the nearest; --codec h264 keeps them"
            )
        elif self._inexact and self._keeps:
            base = self._stream.time_base
            self.warnings.append(
                f"{self._target}: this format counts time in units of {base} s: timestamps were rounded to "
                "the nearest; .mp4 keeps them exact"
            )

    def _close(self, container: OutputContainer) -> None:
        """Write what FFmpeg still holds, and the end. What it refuses may be a packet, or the file as a whole."""
        streams = len(container.streams)
        try:
            container.close()
        except av.FFmpegError as error:
            if self._beside is None or self._extras is None:
                raise
            with self._extras.excused():
                raise
            with av.open(f"file:{self._beside.path}") as made:  # fails where the end is missing
                if len(made.streams) < streams:
                    raise UserError(f"{self._target} can't be written: {_reason(error)}") from error

    def abort(self) -> None:
        """Leave nothing of the output behind."""
        if self._container is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                self._container.close()
            self._container = None
        if self._beside is not None:
            self._beside.discard()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:  # the reader of a pipe has what it wanted
            raise
        except (av.FFmpegError, OSError, ValueError) as error:
            self._refuse_full(error)
            raise UserError(f"{self._target} can't be written: {_reason(error)}") from error

    def _refuse_full(self, error: Exception) -> None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"{self._target}: the disk is full; nothing was left behind: free some space and run again"
            ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0]
