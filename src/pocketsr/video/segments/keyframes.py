"""Key frames from which a decoder gives every picture that follows as if it had seen all before."""

from __future__ import annotations

from collections.abc import Iterator

from av.packet import Packet
from av.stream import Stream

__all__ = ["known_codec", "opens"]

# A packet that a file calls a key frame is one, for these. H.264's and HEVC's are looked into.
_AS_SAID = (
    *("vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d", "mpeg1video", "mpeg2video", "mpeg4", "h263", "flv"),
    *("theora", "ffv1", "prores", "mjpeg", "png", "dnxhd", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "magicyuv"),
    *("v210", "qtrle"),
)
_IDR, _SEI, _RECOVERY_POINT = 5, 6, 6  # of H.264: types of NAL units, of messages
_HEVC_FIRST, _HEVC_LAST = 16, 21  # BLA, IDR and CRA pictures
_HEAD = 4096  # bytes of a packet that are searched for messages


def known_codec(codec: str) -> bool:
    """Whether anything is known of the key frames of FFmpeg's decoder `codec`."""
    return codec in _AS_SAID or codec in ("h264", "hevc")


def opens(codec: str, packet: Packet[Stream], extradata: bytes | None) -> bool:
    """Whether decoding can begin with the packet, and all pictures shown after its own come out right.

    H.264's files also call pictures key frames from which a picture is whole only some frames later (a recovery point
    of intra refresh): such a one doesn't count, nor one that is only nearly right.
    """
    if not packet.is_keyframe or not packet.size or packet.is_corrupt:
        return False
    if codec == "h264":
        length = (extradata[4] & 3) + 1 if extradata and len(extradata) > 4 and extradata[0] == 1 else None
        return any(unit[0] & 31 == _IDR or _exact_recovery(unit) for unit in _units(bytes(packet), length))
    if codec == "hevc":
        length = (extradata[21] & 3) + 1 if extradata and len(extradata) > 21 and extradata[0] == 1 else None
        return any(_HEVC_FIRST <= unit[0] >> 1 & 63 <= _HEVC_LAST for unit in _units(bytes(packet), length))
    return codec in _AS_SAID


def _units(data: bytes, length: int | None) -> Iterator[bytes]:
    """The beginnings of a packet's NAL units, none of them empty; length: bytes of their sizes; None: start codes."""
    at = 0
    if length is not None:
        while at + length < len(data):
            size = int.from_bytes(data[at : at + length], "big")
            at += length
            if size:
                yield data[at : at + min(size, _HEAD)]
            at += size
        return
    while (at := data.find(b"\0\0\1", at)) >= 0 and at + 3 < len(data):
        at += 3
        end = data.find(b"\0\0\1", at, at + _HEAD)
        yield data[at : at + _HEAD if end < 0 else end]


def _exact_recovery(unit: bytes) -> bool:
    """Whether a unit says that from its picture on all are exactly right: recovery_frame_cnt 0, exact_match_flag."""
    if unit[0] & 31 != _SEI:
        return False
    body, at = unit[1:].replace(b"\0\0\3", b"\0\0"), 0
    while at + 2 < len(body):
        kind = size = 0
        for first in (True, False):
            total = 0
            while at < len(body) and body[at] == 0xFF:
                total, at = total + 255, at + 1
            total, at = total + (body[at] if at < len(body) else 0), at + 1
            kind, size = (total, size) if first else (kind, total)
        if kind == _RECOVERY_POINT:
            return at < len(body) and body[at] & 0b1100_0000 == 0b1100_0000  # ue(v) 0 is one set bit
        at += size
    return False
