"""Everything in a file but the upscaled stream: sound, subtitles, covers, attachments, chapters, metadata."""

from __future__ import annotations

import html
import os
import re
import struct
from collections.abc import Callable
from fractions import Fraction

import av
from av.codec import Codec
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from pocketsr.errors import UserError
from pocketsr.video.containers import MP4, carries

__all__ = ["Extras", "container_metadata", "stream_metadata"]

_PLAIN = {"audio": "flac", "subtitle": "srt", "video": "copy"}  # codecs that Matroska takes
_TEXT_SUBTITLES = ("subrip", "srt", "text", "webvtt")
# What a file says about how it was muxed is not true of ours any more.
_MUXER_KEYS = re.compile(
    r"major_brand|minor_version|compatible_brands|encoder|(bps|duration|number_of_|_statistics_).*", re.I
)


def container_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """The container's tags without those that described the old file's bytes."""
    return {key: value for key, value in metadata.items() if not _MUXER_KEYS.fullmatch(key)}


def stream_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """As `container_metadata`, for the stream that is encoded anew."""
    return container_metadata(metadata)


class Extras:
    """Copies streams without decoding them.

    Args:
        source, main: the input, and the index of its stream that is upscaled instead.
        output: a container that is not started yet; the streams are added here.

    Raises:
        UserError: the container can't hold a sound or subtitle stream; the message names it and the mend.
    """

    def __init__(self, source: InputContainer, main: int, output: OutputContainer, target: str) -> None:
        self._target = target
        self._output = output
        self._chapters = source.chapters()
        self.warnings: list[str] = []
        self._to: dict[int, Stream] = {}
        self._convert: dict[int, Callable[[bytes], bytes | None]] = {}
        self._last: dict[int, int] = {}
        self.earliest = Fraction(0)  # time of the first packet, if before zero, in seconds
        for stream in source.streams:
            if stream.index != main:
                self._add(stream)
        if self._chapters:
            output.set_chapters(self._chapters)

    def _add(self, stream: Stream) -> None:
        name = _codec_name(stream)
        made: Stream | None = None
        if stream.type == "data":
            made = self._add_data(stream, name)
        elif stream.type == "attachment":
            made = self._add_attachment(stream)
        elif stream.type in ("audio", "subtitle", "video"):
            made = self._add_coded(stream, name)
        else:
            self._leave_out(stream, name)
        if made is not None:
            self._to[stream.index] = made
            made.metadata.update(stream.metadata)
            if "title" in stream.metadata and self._output.format.name in MP4:
                made.metadata["handler_name"] = stream.metadata["title"]  # where MP4's players look for it
            made.disposition = stream.disposition

    def _add_coded(self, stream: Stream, name: str) -> Stream:
        if stream.type == "video" and not stream.disposition & Disposition.attached_pic:
            self.warnings.append(f"{self._target}: video stream {stream.index} is copied at its own size")
        kind = self._output.format.name
        if stream.type == "subtitle" and kind in MP4 and name in _TEXT_SUBTITLES:
            self._convert[stream.index] = _to_mov_text
            return self._output.add_mux_stream("mov_text", time_base=stream.time_base)
        if stream.type == "subtitle" and kind == "matroska" and name == "mov_text":
            self._convert[stream.index] = _from_mov_text
            return self._output.add_mux_stream("subrip", time_base=stream.time_base)
        try:
            if stream.codec_context is None or carries(kind, name) is False:
                raise ValueError
            return self._output.add_stream_from_template(stream, opaque=True)
        except ValueError as error:
            mend = _home(stream)
            without = f"ffmpeg -i INPUT -map 0 -map -0:{stream.index} -c copy OUT{_suffix(self._output)}"
            raise UserError(
                f"{self._target}: {kind} can't hold stream {stream.index} ({stream.type}, {name}): {mend}, "
                f"or take it out: {without}"
            ) from error

    def _add_attachment(self, stream: Stream) -> Stream | None:
        if self._output.format.name != "matroska":
            self._leave_out(stream, stream.metadata.get("filename", "attachment"))
            return None
        return self._output.add_stream_from_template(stream)

    def _add_data(self, stream: Stream, name: str) -> Stream | None:
        if self._output.format.name == "mpegts" and stream.container.format.name == "mpegts":
            return self._output.add_stream_from_template(stream)
        # Chapters and time codes of MP4 lie in data streams, and are written anew from what was read of them.
        if not (self._chapters and name in ("bin_data", "text")) and "timecode" not in stream.metadata:
            self._leave_out(stream, name)
        return None

    def _leave_out(self, stream: Stream, name: str) -> None:
        kind = self._output.format.name
        self.warnings.append(
            f"{self._target}: stream {stream.index} ({stream.type}, {name}) can't go into {kind}: left out"
        )

    def copy(self, packet: Packet[Stream]) -> None:
        """Write a packet of another stream, with the times it has."""
        index = packet.stream_index
        to = self._to.get(index)
        if to is None or not packet.size:
            return
        if index in self._convert:
            data = self._convert[index](bytes(packet))
            if data is None:
                return
            made = Packet(data)
            made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
            made.time_base, made.is_keyframe = packet.time_base, True
            packet = made
        if packet.dts is None:
            packet.dts = packet.pts
        last = self._last.get(index)
        if packet.dts is None or (last is not None and packet.dts < last):
            packet.dts = last  # damaged input: no container takes times that go back
        if packet.dts is not None:
            self.earliest = min(self.earliest, packet.dts * packet.time_base)
            self._last[index] = packet.dts
            if packet.pts is not None and packet.pts < packet.dts:
                packet.pts = packet.dts
        packet.stream = to
        self._output.mux_one(packet)

    @property
    def time_bases(self) -> list[Fraction]:
        """Time bases of the copied streams."""
        return [stream.time_base for stream in self._to.values() if stream.time_base]


def _home(stream: Stream) -> str:
    """Where the stream would fit, in words."""
    for suffix, kind in ((".mkv", "matroska"), (".mp4", "mp4"), (".mov", "mov"), (".avi", "avi"), (".wmv", "asf")):
        with av.open(os.devnull, "w", format=kind) as container:
            if stream.codec_context is not None and stream.codec_context.name in container.supported_codecs:
                return f"write to {suffix}"
    return f"convert it first with ffmpeg -i INPUT -map 0 -c copy -c:{stream.type[0]} {_PLAIN[stream.type]} OUT.mkv"


def _codec_name(stream: Stream) -> str:
    if stream.codec_context is None:
        return stream.name or "unknown codec"
    return Codec(stream.codec_context.name, "r").canonical_name


def _suffix(output: OutputContainer) -> str:
    return output.name[output.name.rfind(".") :]


def _to_mov_text(data: bytes) -> bytes | None:
    """SubRip or WebVTT to 3GPP timed text: a big-endian length, then UTF-8 without markup."""
    text = html.unescape(re.sub(r"<[^>]*>|\{\\[^}]*\}", "", data.decode("utf-8", "replace"))).strip()
    payload = text.replace("\r\n", "\n").encode()[:0xFFFF]
    return struct.pack(">H", len(payload)) + payload if payload else None


def _from_mov_text(data: bytes) -> bytes | None:
    """3GPP timed text to SubRip; None for the empty samples that only fill gaps. Styles are dropped."""
    length = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 0
    return data[2 : 2 + length].strip() or None
