"""Asks FFmpeg's muxers before the work: a stream's first packets are written to memory, alone."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from fractions import Fraction
from types import MappingProxyType

import av
import av.logging
from av.audio.codeccontext import AudioCodecContext
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from pocketsr.video.ffmpeglog import first_complaint, listening

__all__ = ["add_like", "copied", "rehearse"]

# PyAV refuses to add what FFmpeg doesn't list for a format, and what has no decoder, though the muxer may well take
# it (A-law in Matroska). So a stream of a codec that is listed is added, and turned into the right one.
_STAND_INS = MappingProxyType(
    {
        "audio": ("aac", "mp2", "flac", "libopus", "wmav2", "pcm_s16le"),
        "subtitle": ("mov_text", "ass", "webvtt", "dvbsub", "dvdsub"),
        "video": ("mpeg4", "mpeg2video", "libvpx", "mjpeg", "flv"),
    }
)


def add_like(output: OutputContainer, stream: Stream) -> Stream:
    """A stream of `output` with all that the input's `stream` says of itself, with or without a decoder for it.

    Raises:
        ValueError: the format takes no stream of this type.
    """
    for name in _STAND_INS[stream.type]:
        with contextlib.suppress(ValueError):
            scratch = av.open(io.BytesIO(), "w", format=output.format.name)
            made: Stream = output.add_stream_from_template(scratch.add_stream(name), opaque=True)
            break
    else:
        raise ValueError(f"it takes no {stream.type}")
    BitStreamFilterContext("null", in_stream=stream, out_stream=made)
    context = made.codec_context
    context.codec_tag = "\0\0\0\0"  # each format has its own four characters for a codec
    if isinstance(context, AudioCodecContext) and context.layout.name in ("1 channels", "2 channels"):
        context.layout = {1: "mono", 2: "stereo"}[context.layout.nb_channels]  # as everybody plays them
    if stream.time_base is not None:
        made.time_base = stream.time_base
    return made


def copied(packet: Packet[Stream], data: bytes | None = None) -> Packet[Stream]:
    """A packet with the same times and marks, and with `data` in place of its own."""
    made: Packet[Stream] = Packet(bytes(packet) if data is None else data)
    made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
    made.time_base, made.is_keyframe = packet.time_base, packet.is_keyframe
    return made


def rehearse(kind: str, stream: Stream, packets: Sequence[Packet[Stream]]) -> str | None:
    """Why FFmpeg's muxer `kind` doesn't take the stream, in its own words; None: it does.

    A header alone isn't enough: what a format can't hold is often found when it is closed.
    """
    said: list[tuple[int, str, str]] = []
    output = av.open(io.BytesIO(), "w", format=kind)
    try:
        with listening(av.logging.ERROR) as said:
            to = add_like(output, stream)
            output.start_encoding()
            for order, packet in enumerate(packets):
                made = copied(packet)
                made.pts = made.dts = round(Fraction(order, 10) / packet.time_base)  # only the content is asked about
                made.stream = to
                output.mux_one(made)
            output.close()
    except (av.FFmpegError, ValueError, OSError) as error:
        with contextlib.suppress(av.FFmpegError, ValueError, OSError):
            output.close()
        return first_complaint(said) or str(getattr(error, "strerror", None) or error)
    return None
