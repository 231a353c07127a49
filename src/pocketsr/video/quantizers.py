"""What a video's stream says of the quantizers of its frames."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.source import FrameQp, mean_qp
from pocketsr.source.av1 import Av1Frames

__all__ = ["QUANTIZERS", "Quantizers"]

# FFmpeg's decoders of H.264, VP9, and MPEG-1 to MPEG-4 tell the quantizer of each block; others take no notice.
QUANTIZERS = {"export_side_data": "venc_params"}

_AV1C = 4  # bytes before the OBUs in a container's description of AV1
_WAITING = 256  # frames that a decoder may hold back


class Quantizers:
    """Of each decoded frame: as its decoder tells it, or of AV1, whose decoders don't, as its packet does."""

    def __init__(self, stream: VideoStream) -> None:
        codec, head = stream.codec_context.codec.canonical_name, bytes(stream.codec_context.extradata or b"")
        self._av1 = Av1Frames(head[_AV1C if head[:1] == b"\x81" else 0 :]) if codec == "av1" else None
        self._told: dict[int, float] = {}

    def read(self, packet: Packet[Any]) -> None:
        """Each of the stream's, before it is decoded."""
        if self._av1 is None or not packet.size:
            return
        found = self._av1.shown(bytes(packet))
        if found is not None and packet.pts is not None:
            self._told[packet.pts] = found
            if len(self._told) > _WAITING:
                del self._told[next(iter(self._told))]

    def of(self, frame: VideoFrame) -> FrameQp | None:
        """None where neither tells."""
        if self._av1 is not None:
            told = None if frame.pts is None else self._told.pop(frame.pts, None)
            return None if told is None else FrameQp("av1", told)
        with suppress(ValueError):  # side data newer than PyAV's list of names
            for item in frame.side_data:
                if (data := cast(SideData, item)).type.name == "VIDEO_ENC_PARAMS":
                    return mean_qp(bytes(data))
        return None
