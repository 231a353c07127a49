"""What encoded frames say of themselves, before they are decoded."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

pytest.importorskip("aiortc")

from pocketsr.serve.bitstream import told

_ENCODERS = {"VP8": "libvpx", "H264": "libx264"}


def _encoded(codec: str, width: int, height: int, **options: str) -> list[bytes]:
    made = av.CodecContext.create(_ENCODERS[codec], "w")
    made.width, made.height, made.pix_fmt = width, height, "yuv420p"
    made.time_base, made.framerate = Fraction(1, 30), Fraction(30)
    usual = {"deadline": "realtime", "lag-in-frames": "0"} if codec == "VP8" else {"tune": "zerolatency"}
    made.options = {**usual, **options}
    frames = []
    for number in range(3):
        picture = av.VideoFrame(width, height, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes([40 * number + 60]) * plane.buffer_size)
        picture.pts = number
        frames += [bytes(packet) for packet in made.encode(picture)]
    return frames


@pytest.mark.parametrize("size", [(16, 16), (640, 360), (482, 270), (34, 1000)])
def test_vp8(size: tuple[int, int]) -> None:
    first, *others = _encoded("VP8", *size)
    assert told("VP8", first) == (True, size, b"")
    assert [told("VP8", each) for each in others] == [(False, None, b"")] * 2


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
@pytest.mark.parametrize("size", [(640, 360), (482, 270), (1280, 720)])
def test_h264_tells_the_coded_size(size: tuple[int, int], profile: str) -> None:
    first, *others = _encoded("H264", *size, profile=profile)
    whole = tuple(-(-side // 16) * 16 for side in size)
    assert told("H264", first)[:2] == (True, whole)
    assert told("H264", first).sequence[0] & 0x1F == 7
    assert [told("H264", each).key for each in others] == [False, False]


def test_h264_fields_are_half_as_high() -> None:
    first = _encoded("H264", 640, 352, **{"x264-params": "interlaced=1", "profile": "main"})[0]
    assert told("H264", first)[:2] == (True, (640, 352))


class _Writer:
    def __init__(self) -> None:
        self.bits = ""

    def take(self, value: int, count: int) -> _Writer:
        self.bits += f"{value:0{count}b}"
        return self

    def number(self, value: int) -> _Writer:
        code = f"{value + 1:b}"
        self.bits += "0" * (len(code) - 1) + code
        return self


def sps(width: int, height: int) -> bytes:
    """A baseline SPS of a picture of whole macroblocks."""
    bits = _Writer().take(66, 8).take(0, 8).take(31, 8).number(0).number(0).number(2).number(1).take(0, 1)
    bits.number(width // 16 - 1).number(height // 16 - 1).take(1, 1).take(1, 1).take(0, 1).take(0, 1).take(1, 1)
    text = bits.bits + "0" * (-len(bits.bits) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big")
    return b"\0\0\0\1\x67" + data.replace(b"\0\0\0", b"\0\0\3\0")


@pytest.mark.parametrize("size", [(16384, 16384), (640, 368), (16384, 16)])
def test_h264_of_any_size(size: tuple[int, int]) -> None:
    assert told("H264", sps(*size))[:2] == (False, size)


def test_the_largest_of_several_parameter_sets_counts() -> None:
    assert told("H264", sps(640, 368) + sps(16384, 16) + b"\0\0\1\x65abc")[:2] == (True, (16384, 368))


def test_vp8_of_the_largest_size() -> None:
    header = b"\x10\0\0\x9d\x01\x2a" + (16383).to_bytes(2, "little") + (0xC000 | 16383).to_bytes(2, "little")
    assert told("VP8", header)[:2] == (True, (16383, 16383))


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_anything_else_is_taken_without_an_error(codec: str) -> None:
    rng = np.random.default_rng(1)
    valid = _encoded(codec, 64, 48)[0]
    for number in range(300):
        data = bytearray(valid)
        for place in rng.integers(0, min(len(data), 60), 4):
            data[place] = rng.integers(256)
        told(codec, bytes(data[: rng.integers(len(data))]))
        told(codec, b"\0\0\1\x67" + rng.bytes(number))
    assert told(codec, b"")[:2] == (False, None)
    assert told("H264", b"\0\0\1\x67" + bytes(100_000))[:2] == (False, None)
