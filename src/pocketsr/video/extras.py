"""Everything in a file but the upscaled stream: sound, subtitles, covers, attachments, chapters, metadata."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from pocketsr.errors import UserError
from pocketsr.video.containers import container_facts, tags_without_place
from pocketsr.video.reader import VideoReader
from pocketsr.video.rehearsal import add_like, copied, rehearse
from pocketsr.video.steps import in_steps
from pocketsr.video.subtitles import converter

__all__ = ["Extras", "stream_metadata"]

# What a file says about how it was muxed is not true of ours any more.
_MUXER_KEYS = re.compile(
    r"major_brand|minor_version|compatible_brands|encoder|(bps|duration|number_of_|_statistics_).*", re.I
)
_COVERS = {"mjpeg": ("image/jpeg", "cover.jpg"), "png": ("image/png", "cover.png"), "bmp": ("image/bmp", "cover.bmp")}
_WHERE = ((".mkv", "matroska"), (".mp4", "mp4"), (".mov", "mov"), (".avi", "avi"), (".wmv", "asf"), (".ts", "mpegts"))


def container_metadata(metadata: dict[str, str], *, keeps_timecode: bool = True) -> dict[str, str]:
    """The container's tags without those that described the old file's bytes, or the time code of a picture cut off."""
    dropped = () if keeps_timecode else ("timecode",)
    return {
        key: value for key, value in metadata.items() if not _MUXER_KEYS.fullmatch(key) and key.lower() not in dropped
    }


def stream_metadata(reader: VideoReader) -> dict[str, str]:
    """As `container_metadata`, for the stream that is encoded anew."""
    return container_metadata(reader.stream.metadata, keeps_timecode=reader.keeps_timecode)


class Extras:
    """Copies streams without decoding them.

    Args:
        reader: the input, whose main stream is upscaled instead.
        output: a container that is not started yet; the streams are added here.

    Raises:
        UserError: the container can't hold sound or subtitles; the message names all of them, FFmpeg's reason and
            what to do.
    """

    def __init__(self, reader: VideoReader, output: OutputContainer, target: str) -> None:
        self._target = target
        self._output = output
        self._reader = reader
        self._kind = output.format.name
        self._facts = container_facts(self._kind)
        self.warnings: list[str] = []
        self._to: dict[int, Stream] = {}
        self._convert: dict[int, Callable[[bytes], bytes | None]] = {}
        self._last: dict[int, int] = {}
        self._left_out: list[str] = []
        self._refused: list[tuple[Stream, str]] = []
        self._copied = self._lost = 0  # packets
        self._cuts = not reader.keeps_timecode
        self.earliest = Fraction(0)  # time of the first packet, if before zero, in seconds
        self._chapters = _moved(reader.container.chapters(), reader.shift, reader.length)
        for stream in reader.container.streams:
            if stream.index != reader.stream.index:
                self._add(stream)
        self._refuse()
        if self._left_out:
            self.warnings.append(f"{target}: {self._kind} can't hold {', '.join(self._left_out)}: left out")
        if self._chapters:
            output.set_chapters(self._chapters)

    def _add(self, stream: Stream) -> None:
        made: Stream | None = None
        if stream.disposition & Disposition.attached_pic:
            made = self._add_cover(stream)
        elif stream.type in ("audio", "subtitle", "video"):
            made = self._add_coded(stream)
        elif stream.type == "attachment" and self._facts.attachments:
            made = self._output.add_stream_from_template(stream)
        elif stream.type != "data" or not self._written_anew(stream):
            if stream.type == "data" and self._kind == self._reader.container.format.name == "mpegts":
                made = self._output.add_stream_from_template(stream)
            else:
                self._leave_out(stream)
        if made is not None:
            self._keep(stream, made)

    def _keep(self, stream: Stream, made: Stream) -> None:
        self._to[stream.index] = made
        made.metadata.update(stream.metadata)
        if "title" in stream.metadata and self._facts.mp4:
            made.metadata["handler_name"] = stream.metadata["title"]  # where MP4's players look for it
        made.disposition = stream.disposition

    def _add_coded(self, stream: Stream) -> Stream | None:
        codec = self._codec(stream)
        convert = converter(codec, self._facts.timed_text) if stream.type == "subtitle" else None
        if convert is not None and self._facts.timed_text is not None:
            self._convert[stream.index] = convert
            return self._output.add_mux_stream(self._facts.timed_text, time_base=stream.time_base)
        reason = self._obstacle(stream, codec)
        if reason is None:
            if stream.type == "video":
                self.warnings.append(f"{self._target}: video stream {stream.index} is copied at its own size")
            return add_like(self._output, stream)
        if stream.codec_context is None or _is_unknown(stream):  # there is no format that it could go into
            self._leave_out(stream, reason)
        else:
            self._refused.append((stream, reason))
        return None

    def _obstacle(self, stream: Stream, codec: str) -> str | None:
        """Why the output can't hold a stream of sound, subtitles or video; None: it can."""
        if self._facts.carries is not None and stream.type != "video" and codec not in self._facts.carries:
            return f"{self._kind} has no place for {codec}"  # FFmpeg would write private data that nothing reads
        if self._facts.rehearsed:
            return rehearse(self._kind, stream, self._reader.first.get(stream.index, ()))
        listed = stream.codec_context is not None and stream.codec_context.name in self._output.supported_codecs
        return None if listed else f"FFmpeg doesn't list {codec} for {self._kind}"

    def _add_cover(self, stream: Stream) -> Stream | None:
        """A cover where the format keeps them: a stream of one picture in MP4, an attached file in Matroska."""
        codec = self._codec(stream)
        first = self._reader.first.get(stream.index)
        if self._facts.cover is None or codec not in _COVERS or not first:
            self._leave_out(stream)
            return None
        if self._facts.cover == "stream":
            return add_like(self._output, stream)
        tags = {key.lower(): value for key, value in stream.metadata.items()}
        mimetype, name = _COVERS[codec]
        self._output.add_attachment(tags.get("filename", name), tags.get("mimetype", mimetype), bytes(first[0]))
        return None

    def _written_anew(self, stream: Stream) -> bool:
        """Whether a data stream of MP4 holds chapters or a time code, which are written from what was read of them."""
        names = ("bin_data", "text")
        return bool(self._chapters and self._codec(stream) in names) or "timecode" in stream.metadata

    def _codec(self, stream: Stream) -> str:
        return self._reader.described[stream.index].name

    def _leave_out(self, stream: Stream, reason: str | None = None) -> None:
        name = stream.metadata.get("filename") or self._codec(stream)
        cover = "cover" if stream.disposition & Disposition.attached_pic else stream.type
        self._left_out.append(f"stream {stream.index} ({cover}, {name}{f': {reason}' if reason else ''})")

    def _refuse(self) -> None:
        if not self._refused:
            return
        source = Path(self._reader.source.name)
        streams = [stream for stream, _ in self._refused]
        named = ", ".join(f"stream {s.index} ({s.type}, {self._codec(s)})" for s in streams)
        maps = " ".join(f"-map -0:{stream.index}" for stream in streams)
        # Into the input's own kind of container, which holds all the rest.
        without = f"ffmpeg -i {source.name} -map 0 {maps} -c copy -copy_unknown CUT{source.suffix}"
        reasons = "; ".join(dict.fromkeys(reason for _, reason in self._refused))
        raise UserError(
            f"{self._target}: {self._kind} can't hold {named}: {_home(streams, self._reader)}, "
            f"or take {'it' if len(streams) == 1 else 'them'} out first: {without} ({reasons})"
        )

    def copy(self, packet: Packet[Stream]) -> None:
        """Write a packet of another stream, at the time it has, or as soon after as the format allows."""
        index = packet.stream_index
        to = self._to.get(index)
        if to is None or not packet.size:
            return
        if index in self._convert:
            data = self._convert[index](bytes(packet))
            if data is None:
                return
            packet = copied(packet, data)
            packet.is_keyframe = True
        step = 0 if self._facts.equal_times or to.type in ("subtitle", "data") else 1
        in_steps(packet, to, self._last, index, step=step)
        if packet.dts is not None and packet.dts < 0 and self._cuts and not self._facts.before_zero:
            return  # a packet that reaches into the span, and begins before it
        if packet.dts is not None:
            self.earliest = min(self.earliest, packet.dts * packet.time_base)
        packet.stream = to
        self._copied += 1
        with self.excused():
            self._output.mux_one(packet)

    @contextlib.contextmanager
    def excused(self) -> Iterator[None]:
        """Lets a muxer's refusal of a packet pass, and counts it: one packet is not worth the work of hours.

        FFmpeg sorts packets of all streams before it writes them, so the refused one may be of any stream and have
        come earlier. What an encoder makes is sound, so it is one of the copied, as damaged files have them.

        Raises:
            FFmpegError: nothing is copied, or more than a tenth was refused.
        """
        try:
            yield
        except (av.InvalidDataError, av.ArgumentError):
            self._lost += 1
            if self._lost > max(10, self._copied // 10) or not self._copied:
                raise

    def sum_up(self) -> list[str]:
        """What was lost of the copied streams while they were written, in words."""
        if not self._lost:
            return []
        return [f"{self._lost} packet{'s' * (self._lost > 1)} of copied streams could not be written (damaged?)"]

    def container_tags(self) -> dict[str, str]:
        """The file's tags, as far as the output has places for them; a warning names the others."""
        tags = container_metadata(self._reader.container.metadata, keeps_timecode=self._reader.keeps_timecode)
        covers = any(made.disposition & Disposition.attached_pic for made in self._to.values())
        lost = tags_without_place(self._kind, tags, covers=covers)
        if lost:
            names = ", ".join(lost[:12])
            self.warnings.append(
                f"{self._target}: {self._kind} can't hold the tags {names} beside a cover: left out; use .mkv"
            )
        return {key: value for key, value in tags.items() if key not in lost}

    @property
    def time_bases(self) -> list[Fraction]:
        """Time bases of the copied streams."""
        return [stream.time_base for stream in self._to.values() if stream.time_base]


def _is_unknown(stream: Stream) -> bool:
    """Whether sound is announced, but begins too late in the file for FFmpeg to have learned its sample rate."""
    return isinstance(stream.codec_context, AudioCodecContext) and not stream.codec_context.sample_rate


def _home(streams: list[Stream], reader: VideoReader) -> str:
    """Where all of the streams fit, in words."""
    for suffix, kind in _WHERE:
        if all(_fits(kind, stream, reader) for stream in streams):
            return f"write to {suffix}"
    return "convert it with ffmpeg"


def _fits(kind: str, stream: Stream, reader: VideoReader) -> bool:
    facts = container_facts(kind)
    codec = reader.described[stream.index].name
    if facts.carries is not None and codec not in facts.carries:
        return False
    return rehearse(kind, stream, reader.first.get(stream.index, ())) is None


def _moved(chapters: list[Any], shift: Fraction, length: Fraction | None) -> list[Any]:
    """Chapters with their times moved as the packets' are, those that reach into the output's `length`."""
    if not shift and length is None:
        return chapters
    kept = []
    for chapter in chapters:
        base = chapter["time_base"]
        begin, end = (chapter[name] + round(shift / base) for name in ("start", "end"))
        most = end if length is None else round(length / base)
        chapter["start"], chapter["end"] = max(0, begin), max(0, min(end, most))
        if length is None or (end > 0 and begin < most):
            kept.append(chapter)
    return kept
