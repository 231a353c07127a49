"""Which stream is the film, and how it is decoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.codec import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.video.ffmpeglog import Described

__all__ = ["announced_end", "decoded", "decoder_of", "is_shown", "main_stream"]

_MOST_PIXELS = 16384 * 16384  # of a frame: 16K is half of it


def announced_end(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """When the last frame ends, in seconds, by what the file's head says; None if it doesn't say."""
    if not container.format.name.startswith("matroska"):
        return None  # counts frames instead, or says nothing that would be reliable
    words = {key.lower(): value for key, value in stream.metadata.items()}.get("duration", "")
    parts = words.split(":")
    if len(parts) == 3:
        try:
            return sum((Fraction(part) * 60 ** (2 - at) for at, part in enumerate(parts)), Fraction(0))
        except ValueError:
            return None
    alone = len(container.streams) == 1
    return Fraction(container.duration, av.time_base) if alone and container.duration else None


def main_stream(container: InputContainer, path: Path, about: dict[int, Described]) -> VideoStream:
    """The video stream to upscale: the default one, else the largest; never a cover picture."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise UserError(f"{path} holds no video stream")
    # PyAV 18.1 gives a stream without a decoder no codec context: width and all else raise AttributeError.
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise UserError(f"{path}: there is no decoder for its video ({about[streams[0].index].name})")
    return max(known, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height, -s.index))


def decoded(decoder: VideoCodecContext, packet: Packet[Stream] | None) -> list[VideoFrame]:
    """The frames that come out for a packet, or at the end (None); none where it is damaged or empty."""
    if packet is not None and not packet.size:
        return []  # AVI fills gaps with these; to a decoder an empty packet would mean the end
    try:
        return decoder.decode(packet)
    except (av.EOFError, av.FFmpegError):
        return []


def decoder_of(stream: VideoStream, threads: int | None) -> VideoCodecContext:
    """A decoder for the stream, which refuses frames of an absurd size."""
    context = stream.codec_context
    alpha = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1"
    if alpha and context.name in ("vp8", "vp9"):  # FFmpeg's own decoders drop the alpha plane
        context = CodecContext.create("libvpx" if context.name == "vp8" else "libvpx-vp9", "r")
    context.options = {"max_pixels": str(_MOST_PIXELS)}  # a hostile head of a few bytes may ask for gigabytes
    # Threads within a frame only: an error then belongs to the packet just sent, and none is lost at the end.
    context.thread_type = "SLICE"
    context.thread_count = threads or 0
    return context


def is_shown(codec: str, packet: Packet[Stream]) -> bool:
    """False for packets that by design become no picture: VP8's and VP9's hidden reference frames."""
    if not packet.size or codec not in ("vp8", "vp9", "libvpx", "libvpx-vp9"):
        return True
    data = memoryview(packet)
    if codec in ("vp8", "libvpx"):
        return bool(data[0] & 0x10)
    superframe = data[-1] & 0xE0 == 0xC0
    return superframe or bool(data[0] & 0x08) or bool(data[0] & 0x02)
