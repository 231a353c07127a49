"""Small clips for the tests of this room, and what they become in an encoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pocketsr.codec.encoding import Codec, CodecSetting, VideoPacket, as_frames, encode
from pocketsr.pixels import imresize


def moving(width: int, height: int, count: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Luma with edges and texture that moves two pixels a frame, studio range."""
    rng = np.random.default_rng(seed)
    shape = (height + 2 * count, width + 2 * count)
    coarse = imresize(rng.uniform(40, 200, (shape[0] // 8 + 1, shape[1] // 8 + 1)), 8)[: shape[0], : shape[1]]
    blocks = np.kron(rng.integers(0, 2, (shape[0] // 12 + 1, shape[1] // 12 + 1)), np.full((12, 12), 40.0))
    photo = np.clip(coarse + blocks[: shape[0], : shape[1]] + rng.normal(0, 2, shape), 16, 235).astype(np.uint8)
    return [photo[2 * k : 2 * k + height, 2 * k : 2 * k + width].copy() for k in range(count)]


def with_chroma(planes: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """I420, a colour that changes slowly over the picture."""
    height, width = planes[0].shape
    slope = np.linspace(100, 160, width // 2).astype(np.uint8)
    chroma = np.tile(slope, (height, 1)).reshape(height // 2, width)
    return [np.concatenate([plane, chroma]) for plane in planes]


def sent(codec: Codec, width: int = 96, height: int = 64, count: int = 6) -> list[VideoPacket]:
    frames = as_frames(with_chroma(moving(width, height, count)), 30.0)
    return encode(frames, CodecSetting(codec, 120, 30.0, 300))
