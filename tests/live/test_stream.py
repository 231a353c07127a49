"""A stream gives what its networks make of each plane, whatever comes in."""

from __future__ import annotations

import threading
from fractions import Fraction

import numpy as np
import pytest
from av import VideoFrame

from pocketsr import UserError
from pocketsr.engine import Plane, load, load_chroma
from pocketsr.frames import Colour, Frame
from pocketsr.live import Stream


def noise(pix_fmt: str, width: int, height: int, seed: int = 0, **about: object) -> Frame:
    rng = np.random.default_rng(seed)
    frame = Frame.blank(pix_fmt, width, height)
    for part, samples in zip(frame.layout.components, frame.components, strict=True):
        samples[...] = rng.integers(0, 1 << frame.layout.bits, samples.shape) << part.shift
    return Frame.from_planes(pix_fmt, frame.planes, **about)  # type: ignore[arg-type]


def expected(frame: Frame) -> list[Plane]:
    """Of 4:2:0, by hand."""
    y, u, v = (np.ascontiguousarray(part) for part in frame.components)
    bits = frame.layout.bits if frame.layout.bits > 8 else None
    chroma = load_chroma(2, frame.siting)
    return [load("tiny")(y, bits), chroma(u, bits), chroma(v, bits)]


@pytest.mark.parametrize(("pix_fmt", "siting"), [("yuv420p", "left"), ("nv12", "center"), ("yuv420p10le", "topleft")])
@pytest.mark.parametrize("size", [(64, 48), (33, 17)])
def test_every_component_goes_through_its_network(pix_fmt: str, siting: str, size: tuple[int, int]) -> None:
    frame = noise(pix_fmt, *size, siting=siting, colour=Colour(1, 13, 5, True), pts=9, time_base=Fraction(1, 25))
    with Stream("tiny") as stream:
        big = stream(frame)
    assert (big.width, big.height, big.layout.name) == (2 * size[0], 2 * size[1], pix_fmt)
    assert (big.colour, big.siting, big.pts, big.time_base) == (frame.colour, siting, 9, Fraction(1, 25))
    for got, wanted in zip(big.components, expected(frame), strict=True):
        np.testing.assert_array_equal(got, wanted[: got.shape[0], : got.shape[1]])


def test_size_and_format_may_change_between_frames() -> None:
    stream = Stream("tiny")
    frames = [noise(name, *size) for name in ("yuv420p", "nv12") for size in ((40, 30), (64, 36), (40, 30))]
    for frame in frames:
        for got, wanted in zip(stream(frame).components, expected(frame), strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_the_format_that_comes_out_can_be_asked_for() -> None:
    frame = noise("nv12", 32, 24)
    big = Stream("tiny", pix_fmt="i420")(frame)
    assert big.layout.name == "yuv420p"
    for got, wanted in zip(big.components, expected(frame), strict=True):
        np.testing.assert_array_equal(got, wanted)
    with pytest.raises(UserError, match="rgb24 doesn't hold the samples of nv12: use yuv420p"):
        Stream("tiny", pix_fmt="rgb24")(frame)


def test_arrays_and_frames_of_pyav_are_taken() -> None:
    stream = Stream("tiny")
    rgb = np.random.default_rng(2).integers(0, 256, (20, 32, 3), np.uint8)
    big = stream(rgb).to_array()
    assert big.shape == (40, 64, 3)
    np.testing.assert_array_equal(big[..., 1], load("tiny")(np.ascontiguousarray(rgb[..., 1])))
    np.testing.assert_array_equal(stream(rgb[..., 0]).to_array(), load("tiny")(np.ascontiguousarray(rgb[..., 0])))
    frame = noise("yuv420p", 16, 16, pts=4)
    made = stream(frame.to_av())
    assert made.pts == 4
    assert isinstance(made.to_av(), VideoFrame)
    for wrong in (rgb.astype(float), rgb[..., :2], rgb[0, 0]):
        with pytest.raises(UserError, match="an array is"):
            stream(wrong)


def test_a_frame_to_write_into_is_written_into() -> None:
    stream, frame = Stream("tiny"), noise("nv12", 32, 24)
    out = Frame.blank("nv12", 64, 48)
    assert stream(frame, out).planes[0] is out.planes[0]
    for got, wanted in zip(out.components, stream(frame).components, strict=True):
        np.testing.assert_array_equal(got, wanted)
    with pytest.raises(UserError, match="can't hold"):
        stream(frame, Frame.blank("nv12", 64, 50))
    with pytest.raises(UserError, match="out is yuv420p"):
        stream(frame, Frame.blank("i420", 64, 48))


def test_a_stream_shared_by_threads_gives_the_right_pictures() -> None:
    stream, wrong = Stream("tiny"), []
    frames = [noise("nv12", 33 + 8 * seed, 31, seed) for seed in range(4)]
    right = [expected(frame) for frame in frames]

    def work(index: int) -> None:
        for _ in range(25):
            for got, wanted in zip(stream(frames[index]).components, right[index], strict=True):
                if not np.array_equal(got, wanted[: got.shape[0], : got.shape[1]]):
                    wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_closed_stream_says_so() -> None:
    stream = Stream("tiny")
    assert repr(stream) == "<Stream x2>"
    stream.close()
    assert repr(stream) == "<Stream x2 closed>"
    with pytest.raises(UserError, match="the stream is closed"):
        stream(noise("nv12", 8, 8))
