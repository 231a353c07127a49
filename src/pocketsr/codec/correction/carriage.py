"""Messages in a video stream: SEI of H.264 and H.265, metadata OBUs of AV1. Other decoders pass over them.

VP8 and VP9 have no place for user data: there messages go beside the stream (a data channel).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast, get_args
from uuid import UUID

from av.packet import Packet
from av.video.stream import VideoStream

from pocketsr.codec.correction import nal, obu
from pocketsr.errors import ArgumentError

__all__ = ["IDENTIFIER", "Carrier", "found", "put", "with_message"]

IDENTIFIER = UUID("f2f287a4-bcda-4edd-b329-547eb9c5f6e1")
"""Stands before each message in a stream."""

Carrier = Literal["h264", "h265", "av1"]
_PUT: dict[str, Callable[[bytes, bytes, int | None], bytes]] = {
    "h264": nal.put_h264, "h265": nal.put_h265, "av1": obu.put
}  # fmt: skip
_FOUND: dict[str, Callable[[bytes, bytes, int | None], list[bytes]]] = {
    "h264": nal.found_h264, "h265": nal.found_h265, "av1": obu.found
}  # fmt: skip


def put(codec: Carrier, data: bytes, message: bytes, length_bytes: int | None = None) -> bytes:
    """The access unit (temporal unit) `data` with `message` before its picture.

    length_bytes: None for start codes (Annex B); for NAL units behind their lengths, as in MP4, 1 to 4 (see
    `nal.length_bytes`). Raises ArgumentError for a codec that has no place for it, where `data` holds no picture, and
    where lengths of one byte have no room for the message.
    """
    _check(codec)
    return _PUT[codec](data, IDENTIFIER.bytes + message, length_bytes)


def found(codec: Carrier, data: bytes, length_bytes: int | None = None) -> list[bytes]:
    """The messages in an access unit, in their order; for broken data those before the break. Never raises for `data`.

    What they hold is checked by `read` alone. Raises ArgumentError for a codec that has no place for messages.
    """
    _check(codec)
    return _FOUND[codec](data, IDENTIFIER.bytes, length_bytes)


def with_message(
    codec: Carrier, packet: Packet[VideoStream], message: bytes, length_bytes: int | None = None
) -> Packet[VideoStream]:
    """A packet of PyAV like `packet`, with its times, that holds `message` too. Errors as of `put`."""
    made = cast("Packet[VideoStream]", Packet(put(codec, bytes(packet), message, length_bytes)))
    made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
    made.duration, made.is_keyframe = packet.duration, packet.is_keyframe
    if packet.stream is not None:
        made.stream = packet.stream
    return made


def _check(codec: str) -> None:
    if codec not in get_args(Carrier):
        raise ArgumentError(f"{codec} has no place for messages: {', '.join(get_args(Carrier))} have; send them beside")
