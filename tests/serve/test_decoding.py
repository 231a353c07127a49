"""Encoded frames to pictures, and what ends a peer."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

pytest.importorskip("aiortc")

from call_samples import claims, encoded, waits_for

from pocketsr.serve.assembly import EncodedFrame
from pocketsr.serve.decoding import Decoding
from pocketsr.serve.settings import Limits

CODECS = ["VP8", "H264"]


_MUCH = Limits(frames_a_second=1000, frames_waiting=1000)


class Bench:
    """A decoder, and what came out of it."""

    def __init__(self, codec: str, limits: Limits = _MUCH) -> None:
        self.pictures, self.refusals = list[av.VideoFrame](), list[str]()
        self.decoding = Decoding(codec, limits, lambda picture, _: self.pictures.append(picture), self.refusals.append)

    def put(self, *frames: EncodedFrame) -> None:
        for frame in frames:
            self.decoding.put(frame)
        waits_for(lambda: not self.decoding._waiting or self.refusals)

    def close(self) -> list[av.VideoFrame]:
        self.decoding.close()
        return self.pictures


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_frame_is_a_picture_at_once(codec: str) -> None:
    bench = Bench(codec)
    for count, frame in enumerate(encoded(codec, 5), 1):
        bench.put(frame)
        waits_for(lambda count=count: len(bench.pictures) == count)  # none waits for the next
    pictures = bench.close()
    assert [picture.pts for picture in pictures] == [0, 3000, 6000, 9000, 12000]
    assert (bench.decoding.received.frames, bench.decoding.received.key_frames) == (5, 1)
    assert {(picture.width, picture.height) for picture in pictures} == {(64, 48)}
    if codec == "VP8":  # BT.601 by its definition
        assert {(picture.colorspace, picture.color_range) for picture in pictures} == {(5, 1)}


def test_sizes_change_between_frames(codec: str) -> None:
    bench = Bench(codec)
    bench.put(*encoded(codec, 3), *encoded(codec, 3, 98, 50), *encoded(codec, 3))
    assert [(p.width, p.height) for p in bench.close()] == [(64, 48)] * 3 + [(98, 50)] * 3 + [(64, 48)] * 3
    assert bench.refusals == []


def test_colours_are_those_of_each_sequence() -> None:
    bench = Bench("H264")
    bench.put(*encoded("H264", 2, matrix=1, span=1), *encoded("H264", 2), *encoded("H264", 2, matrix=6, span=2))
    told = [(picture.colorspace, picture.color_range) for picture in bench.close()]
    assert told == [(1, 1)] * 2 + [(2, 0)] * 2 + [(6, 2)] * 2


def test_behind_a_loss_a_key_frame_is_needed(codec: str) -> None:
    bench = Bench(codec)
    first, second = encoded(codec, 6), encoded(codec, 3, 98, 50)
    bench.put(*first[:2])
    bench.decoding.lost()
    bench.put(*first[3:], *second)
    pictures = bench.close()
    assert [(p.width, p.height) for p in pictures] == [(64, 48)] * 2 + [(98, 50)] * 3
    assert bench.decoding.received.lost == 4  # the one that never came, and three that built upon it


def test_a_key_frame_is_asked_for_as_long_as_none_comes(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("pocketsr.serve.decoding.time.monotonic", lambda: now[0])
    bench = Bench(codec)
    frames = encoded(codec, 3)
    assert not bench.decoding.starved()  # it has just begun
    now[0] += 0.6
    assert (bench.decoding.starved(), bench.decoding.starved()) == (True, False)
    now[0] += 0.6
    assert bench.decoding.starved()
    bench.put(frames[0])
    waits_for(lambda: bench.pictures)
    now[0] += 0.6
    assert not bench.decoding.starved()
    bench.decoding.lost()
    assert bench.decoding.starved()
    bench.close()


@pytest.mark.parametrize("size", [(16384, 16384), (16384, 16), (1936, 1088)])
def test_a_picture_that_is_too_large_ends_it_before_it_is_decoded(codec: str, size: tuple[int, int]) -> None:
    bench = Bench(codec)
    bench.put(*encoded(codec, 2), EncodedFrame(claims(codec, *size), 97, 6000, 0.0), *encoded(codec, 2))
    waits_for(lambda: bench.refusals)
    (why,) = bench.refusals
    assert "1920x1088 pixels are the most" in why
    assert len(bench.close()) == 2


def test_turned_pictures_are_as_welcome() -> None:
    limits = Limits()
    assert limits.allow(1920, 1088)
    assert limits.allow(1088, 1920)
    assert not limits.allow(1921, 1080)
    assert not limits.allow(1100, 1100)
    assert not limits.allow(0, 1080)


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv422p", "yuv420p10le"])
def test_other_formats_end_it(pix_fmt: str) -> None:
    bench = Bench("H264")
    frames = encoded("H264", 2, pix_fmt=pix_fmt) if pix_fmt != "yuv420p10le" else _deep()
    bench.put(*frames)
    waits_for(lambda: bench.refusals)
    assert bench.refusals == [f"a picture of {pix_fmt}: 8 bits and 4:2:0 (yuv420p) are expected"]
    assert bench.close() == []


def _deep() -> list[EncodedFrame]:
    made = av.CodecContext.create("libx264", "w")
    made.width, made.height, made.pix_fmt, made.options = 64, 48, "yuv420p10le", {"tune": "zerolatency"}
    made.time_base, made.framerate = Fraction(1, 30), Fraction(30)
    picture = av.VideoFrame(64, 48, "yuv420p10le")
    for plane in picture.planes:  # what memory happens to hold may be beyond 10 bits, which x264 doesn't survive
        plane.update(bytes(plane.buffer_size))
    picture.pts = 0
    return [EncodedFrame(b"".join(map(bytes, made.encode(picture))), 97, 0, 0.0)]


def test_garbage_ends_it_and_nothing_else(codec: str) -> None:
    rng = np.random.default_rng(3)
    bench = Bench(codec)
    valid = encoded(codec, 1)[0].data
    for number in range(400):
        data = bytearray(valid)
        for place in rng.integers(12 if codec == "VP8" else 40, len(data), 8):
            data[place] = rng.integers(256)
        bench.put(EncodedFrame(bytes(data[: rng.integers(1, len(data))]), 97, number * 3000, 0.0))
    waits_for(lambda: bench.refusals or not bench.decoding._waiting)
    assert all("broken" in why or "too large" in why or "are the most" in why for why in bench.refusals)
    again = Bench(codec)
    again.put(*encoded(codec, 3))
    waits_for(lambda: len(again.pictures) == 3)  # another peer isn't touched
    again.close()
    bench.close()


def test_key_frames_that_never_decode_end_it() -> None:
    bench = Bench("VP8")
    data = claims("VP8", 64, 48)[:12]
    bench.put(*[EncodedFrame(data, 97, number * 3000, 0.0) for number in range(30)])
    waits_for(lambda: bench.refusals)
    assert bench.refusals == ["its pictures are broken, or larger than 1920x1088"]
    bench.close()


def test_more_than_the_rate_is_dropped_until_a_key_frame(codec: str) -> None:
    bench = Bench(codec, Limits(frames_a_second=20, frames_waiting=1000))
    frames = encoded(codec, 60)
    bench.put(*frames)
    waits_for(lambda: not bench.decoding._waiting)
    received = bench.decoding.received
    assert received.dropped >= 30
    assert len(bench.close()) <= 30
    assert received.dropped + received.frames == 60
