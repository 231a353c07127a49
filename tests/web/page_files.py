"""Clips, pictures and a camera's film for the page, made here, and the native results beside them."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pocketsr.engine import load

__all__ = ["GREY", "make_files"]

Array = NDArray[np.uint8]
_ORANGE = [200, 120, 40]
_FPS, _FRAMES = 10, 20


def _noise(width: int, height: int, low: int = 0, high: int = 256) -> Array:
    smooth = np.add.outer(np.arange(height) * 3, np.arange(width) * 2) % (high - low - 40)
    return (low + smooth + np.random.default_rng(11).integers(0, 40, (height, width))).astype(np.uint8)


GREY = _noise(67, 31)


def make_files(folder: Path) -> None:
    """All that web/test/page/page.test.mjs asks for."""
    Image.fromarray(GREY).save(folder / "grey.png")
    photo = np.stack([_noise(240, 160), _noise(240, 160)[::-1], np.full((160, 240), 90, np.uint8)], axis=2)
    Image.fromarray(photo).save(folder / "photo.png")
    (folder / "notes.txt").write_text("neither a picture nor a video\n")
    film = _noise(192, 108, 16, 235)
    _y4m(folder / "camera.y4m", film)
    (folder / "camera.expected").write_bytes(load("small-w8a8", threads=1)(film).tobytes())
    for name, encoder in (("vp8.webm", "libvpx"), ("vp9.webm", "libvpx-vp9"), ("h264.mp4", "libx264")):
        _clip(folder / name, encoder, [(160, 96)])
    _clip(folder / "sizes.webm", "libvpx", [(160, 96), (96, 64)])
    _turned(folder / "turned.mp4")


def _y4m(path: Path, luma: Array) -> None:
    height, width = luma.shape
    chroma = bytes([128]) * (width * height // 2)
    frame = b"FRAME\n" + luma.tobytes() + chroma
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F{_FPS}:1 Ip A1:1 C420jpeg\n".encode() + frame * 4)


def _turned(path: Path) -> None:
    """Red on the left and blue on the right, to be turned clockwise, as phones' upright films are: red above blue."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=_FPS, options={"deadline": "realtime", "b": "200k"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        walls = np.full((96, 160, 3), [200, 40, 40], np.uint8)
        walls[:, 80:] = [40, 40, 200]
        for frame in [*(av.VideoFrame.from_ndarray(walls, "rgb24") for _ in range(_FRAMES)), None]:
            for packet in stream.encode(frame):
                container.mux(packet)
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 44  # of the matrix, ISO/IEC 14496-12, 8.3.2, version 0
    one = 1 << 16
    assert struct.unpack_from(">5i", content, start) == (one, 0, 0, 0, one)
    struct.pack_into(">9i", content, start, 0, one, 0, -one, 0, 0, 96 * one, 0, 1 << 30)
    path.write_bytes(content)


def _clip(path: Path, encoder: str, sizes: list[tuple[int, int]]) -> None:
    """An orange wall, _FRAMES of each size one after the other, in one stream."""
    with av.open(path, "w") as container:
        stream = container.add_stream(encoder, rate=_FPS)
        for part, (width, height) in enumerate(sizes):
            codec = stream.codec_context if part == 0 else av.CodecContext.create(encoder, "w")
            assert isinstance(codec, av.VideoCodecContext)
            codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
            codec.time_base, codec.framerate = Fraction(1, _FPS), Fraction(_FPS)
            codec.options = {"profile": "baseline"} if encoder == "libx264" else {"deadline": "realtime", "b": "200k"}
            wall = np.full((height, width, 3), _ORANGE, np.uint8)
            frames = [av.VideoFrame.from_ndarray(wall, "rgb24") for _ in range(_FRAMES)]
            for number, frame in enumerate(frames):
                frame.pts, frame.time_base = part * _FRAMES + number, Fraction(1, _FPS)
            for each in [*frames, None]:
                for packet in codec.encode(each):
                    packet.stream = stream
                    container.mux(packet)
