"""A stream that makes a frame of the one before gives the frames of one that doesn't."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pocketsr import UserError
from pocketsr.engine import Plane, Reusing, load
from pocketsr.frames import Frame
from pocketsr.live import Stream


def noise(pix_fmt: str, width: int, height: int, rng: np.random.Generator) -> Frame:
    frame = Frame.blank(pix_fmt, width, height)
    for part, samples in zip(frame.layout.components, frame.components, strict=True):
        samples[...] = rng.integers(0, 1 << frame.layout.bits, samples.shape) << part.shift
    return frame


def changed(frame: Frame, rng: np.random.Generator) -> Frame:
    """Another frame, a patch of one component of it changed."""
    other = Frame.from_planes(frame.layout.name, [plane.copy() for plane in frame.planes])
    components = list(other.components)
    samples = components[rng.integers(len(components))]
    y, x = rng.integers(samples.shape[0]), rng.integers(samples.shape[1])
    samples[y : y + 6, x : x + 9] = samples[y, x] ^ (1 << frame.layout.components[0].shift)
    return other


def sequence(pix_fmt: str, rng: np.random.Generator) -> list[Frame]:
    """Patches change, scenes and sizes do, and a frame comes twice."""
    frames = []
    for size in ((80, 46), (80, 46), (33, 17), (80, 46)):
        frames.append(noise(pix_fmt, *size, rng))
        frames += [changed(frames[-1], rng) for _ in range(3)]
        frames.append(frames[-1])
    return frames


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "nv12", "yuv420p10le", "gbrp", "rgba", "gray"])
def test_frames_are_the_same(pix_fmt: str) -> None:
    plain, stream = Stream("tiny"), Stream("tiny", reuse=True)
    for frame in sequence(pix_fmt, np.random.default_rng(1)):
        for got, wanted in zip(stream(frame).components, plain(frame).components, strict=True):
            np.testing.assert_array_equal(got, wanted)
    assert stream.computed_share is not None
    assert 0.2 < stream.computed_share < 0.95
    assert plain.computed_share is None


def test_of_another_size_too() -> None:
    plain, stream = Stream("tiny", size=1.5), Stream("tiny", size=1.5, reuse=True)
    for frame in sequence("yuv420p", np.random.default_rng(2)):
        for got, wanted in zip(stream(frame).components, plain(frame).components, strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_what_the_caller_does_to_a_result_is_his_own_affair() -> None:
    stream, network = Stream("tiny", reuse=True), load("tiny")
    y = np.random.default_rng(3).integers(0, 256, (40, 64), np.uint8)
    for row in range(4):
        y[row] ^= 1  # in place: the picture before was copied
        big = stream(y).to_array()
        np.testing.assert_array_equal(big, network(y))
        big[...] = 0


def test_other_upscalers_are_spared_pictures_that_have_not_changed() -> None:
    class Repeat:
        scale, channels, edge_halo, calls = 2, 1, 0, 0

        def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:  # noqa: ARG002
            self.calls += 1
            made = y.repeat(2, 0).repeat(2, 1)
            if out is not None:
                out[...] = made
            return made if out is None else out

    network = Repeat()
    reusing = Reusing(network)
    y = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for seen, expected in ((y, 1), (y, 1), (y + 1, 2), (y + 1, 2), (y.T, 3)):
        np.testing.assert_array_equal(reusing(seen), seen.repeat(2, 0).repeat(2, 1))
        assert network.calls == expected


def test_where_all_changes_nothing_is_kept_for_a_while() -> None:
    rng, network = np.random.default_rng(4), load("tiny")
    reusing = Reusing(network)
    for _ in range(45):
        y = rng.integers(0, 256, (24, 40), np.uint8)
        np.testing.assert_array_equal(reusing(y), network(y))
    assert reusing.pixels == reusing.computed == 45 * y.size
    for _ in range(30):
        np.testing.assert_array_equal(reusing(y), network(y))
    assert reusing.computed < reusing.pixels


def test_a_call_that_fails_leaves_nothing_behind() -> None:
    network = load("tiny")
    reusing = Reusing(network)
    y = np.random.default_rng(5).integers(0, 256, (24, 40), np.uint8)
    reusing(y)
    with pytest.raises(UserError):
        reusing(y + 1, out=np.empty((3, 3), np.uint8))
    np.testing.assert_array_equal(reusing(y + 1), network(y + 1))
    assert Fraction(reusing.computed, reusing.pixels) > 0
