"""FFmpeg's `AVVideoEncParams`: the quantizers of a decoded frame's blocks."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

__all__ = ["FrameQp", "mean_qp"]

# libavutil/video_enc_params.h (FFmpeg 8.1), in the machine's own sizes and order: number of blocks, where they begin,
# bytes from one to the next; type, QP of the frame, and what is added to it for planes, DC and AC.
_HEAD = struct.Struct("@INNii8i")
_BLOCK = 20  # bytes that are known of a block: x, y, width, height, what is added to the frame's QP; 32 bits each
_LARGEST_BLOCK = 4096  # bytes
_MOST_BLOCKS = 1 << 20  # of 16x16 pixels: a frame of 16K is half of it
_LARGEST_SIDE = 256  # pixels of a block
# Codec and largest QP: H.264's of 14 bits; MPEG-2's largest quantiser_scale, on whose scale FFmpeg gives MPEG-1's and
# MPEG-4's too.
_TYPES = {0: ("vp9", 255), 1: ("h264", 87), 2: ("mpeg2", 112)}


class FrameQp(NamedTuple):
    """codec: whose scale it is. qp: the mean over the frame's area."""

    codec: str
    qp: float


def mean_qp(data: bytes) -> FrameQp | None:
    """The mean quantizer that a frame's side data tells of; None where it says none, or isn't what it should be.

    data: of AV_FRAME_DATA_VIDEO_ENC_PARAMS. All of its numbers may be wrong: a decoder derives them from the stream.
    """
    if len(data) < _HEAD.size:
        return None
    count, offset, size, kind, base, *_ = _HEAD.unpack_from(data)
    if kind not in _TYPES:
        return None
    codec, largest = _TYPES[kind]
    if not 0 <= base <= largest:
        return None
    if not count:
        return FrameQp(codec, float(base))
    if count > _MOST_BLOCKS or not _BLOCK <= size <= _LARGEST_BLOCK or size % 4 or offset < _HEAD.size:
        return None
    if offset + count * size > len(data):
        return None
    blocks = np.frombuffer(data, np.uint8, count * size, offset).reshape(count, size)[:, :_BLOCK]
    numbers = np.ascontiguousarray(blocks).view(np.int32)
    sides = np.clip(numbers[:, 2:4], 0, _LARGEST_SIDE).astype(np.float64)
    area = sides[:, 0] * sides[:, 1]
    if not area.any():
        return FrameQp(codec, float(base))
    each = np.clip(base + numbers[:, 4].astype(np.float64), 0, largest)
    return FrameQp(codec, float(np.average(each, weights=area)))
