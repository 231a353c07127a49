"""Two networks by block that are told a strength: both the same one, and another one computes all anew."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketsr import ArgumentError, ArgumentTypeError, Stream
from pocketsr.adaptive import CALL_PAIR, Adaptive, open_adaptive
from pocketsr.engine import Plane, reusing
from pocketsr.frames import Frame

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from partial_runs import blocks, next_picture

PAIRS = [CALL_PAIR, ("small-call-w8a8", "medium-call-w8a8")]
SIZES = [(1, 1), (5, 31), (42, 160), (61, 147)]
KINDS: dict[type, int | None] = {np.uint8: None, np.uint16: 10, np.float32: None}
STRENGTHS = (0.0, 0.3, 0.55, 1.0)


def scene(rng: np.random.Generator, height: int, width: int, kind: type = np.uint8) -> Plane:
    """Flat on one side and a texture on the other."""
    ramp = np.linspace(0.2, 0.6, width)[None] * np.ones((height, 1))
    ramp[:, width // 2 :] += 0.3 * rng.random((height, width - width // 2))
    if kind is np.float32:
        return ramp.astype(np.float32)
    return np.rint(ramp * (255 if kind is np.uint8 else 1023)).astype(kind)


def by_blocks(adaptive: Adaptive, y: Plane, bits: int | None, strength: float) -> tuple[Plane, NDArray[np.bool_]]:
    """What running both networks in full and picking blocks gives, and which pixels are the good one's."""
    shape = (adaptive.scale * y.shape[0], adaptive.scale * y.shape[1])
    chosen = blocks(adaptive.choose(adaptive.measure(y, bits)), adaptive.scale, shape)
    good, cheap = (net(y, bits, strength=strength) for net in (adaptive.good, adaptive.cheap))
    return np.where(chosen, good, cheap), chosen


@pytest.fixture(scope="module", params=PAIRS, ids=lambda pair: pair[1])
def adaptive(request: pytest.FixtureRequest) -> Adaptive:
    return open_adaptive(*request.param, threads=2, share=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_each_block_is_of_one_network_told_the_strength(adaptive: Adaptive, kind: type) -> None:
    rng, shares = np.random.default_rng(0), []
    for (height, width), strength in zip(SIZES, STRENGTHS, strict=True):
        y, bits = scene(rng, height, width, kind), KINDS[kind]
        expected, chosen = by_blocks(adaptive, y, bits, strength)
        np.testing.assert_array_equal(adaptive(y, bits, strength=strength), expected)
        out = np.zeros_like(expected)
        assert adaptive(y, bits, out, strength=strength) is out
        np.testing.assert_array_equal(out, expected)
        shares.append(chosen.mean())
    assert 0 < shares[-1] < 1


def test_any_mask(adaptive: Adaptive) -> None:
    """Blocks at random: each is of the network that the mask says."""
    rng = np.random.default_rng(1)
    for (height, width), strength in zip(SIZES, STRENGTHS, strict=True):
        y = scene(rng, height, width)
        mask = rng.random((-(-height // 4), -(-width // 8))) < 0.5
        good, cheap = (net(y, strength=strength) for net in (adaptive.good, adaptive.cheap))
        expected = np.where(blocks(mask, 2, good.shape), good, cheap)
        np.testing.assert_array_equal(adaptive.run(y, None, None, mask, strength), expected)


def test_a_default_is_the_same_for_both(adaptive: Adaptive) -> None:
    y = scene(np.random.default_rng(2), 40, 160)
    assert adaptive.strengths > 0
    np.testing.assert_array_equal(adaptive(y), adaptive(y, strength=adaptive.good.default_strength))
    assert (adaptive(y) != adaptive(y, strength=1.0)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_with_a_picture_before_and_strengths_that_change(adaptive: Adaptive, kind: type) -> None:
    """Sequences at random: patches, corners, cuts, pictures that come twice, and now and then another strength."""
    rng, reused = np.random.default_rng(3), 0
    for height, width in SIZES:
        remembering, bits, strength = reusing(adaptive), KINDS[kind], 0.4
        y = scene(rng, height, width, kind)
        for number in range(12):
            expected, _ = by_blocks(adaptive, y, bits, strength)
            got = remembering(y, bits, strength=strength)
            np.testing.assert_array_equal(got, expected, f"{height}x{width} {number}")
            y = next_picture(rng, y) if number % 3 else y.copy()
            strength = float(rng.random()) if number % 4 == 2 else strength
        reused += remembering.pixels - remembering.computed
    assert reused > 0


def test_another_strength_computes_everything(adaptive: Adaptive) -> None:
    remembering, y = reusing(adaptive), scene(np.random.default_rng(4), 48, 160)
    remembering(y, strength=0.3)
    remembering(y, strength=0.3)
    assert remembering.computed == y.size  # the second picture was the first
    np.testing.assert_array_equal(remembering(y, strength=0.31), by_blocks(adaptive, y, None, 0.31)[0])
    assert remembering.computed == 2 * y.size


def test_a_stream_tells_both_what_each_frame_has_lost() -> None:
    adaptive = open_adaptive(*PAIRS[0], threads=2, share=0.5)
    strengths = iter((0.2, 0.2, 0.7, 0.7))
    stream = Stream(adaptive, reuse=True, strength=lambda _: next(strengths))
    y = scene(np.random.default_rng(5), 62, 130)
    for strength in (0.2, 0.2, 0.7, 0.7):
        expected, _ = by_blocks(adaptive, y, None, strength)
        np.testing.assert_array_equal(stream(Frame.from_array("gray", y)).to_array(), expected)
        y[10:14, 20:30] ^= 3
    assert stream.computed_share is not None
    assert stream.computed_share < 1


@pytest.mark.parametrize(("cheap", "good"), [("small", "medium-call"), ("small-call", "quality")])
def test_one_that_is_told_and_one_that_is_not(cheap: str, good: str) -> None:
    with pytest.raises(ArgumentError, match=r"is told a strength and .* takes none"):
        open_adaptive(cheap, good, threads=1)


@pytest.mark.parametrize(("strength", "kind"), [(1.5, ArgumentError), ("much", ArgumentTypeError)])
def test_a_strength_that_is_none(adaptive: Adaptive, strength: Any, kind: type[Exception]) -> None:
    for way in (adaptive, reusing(adaptive)):
        with pytest.raises(kind):
            way(np.zeros((8, 8), np.uint8), strength=strength)


def test_networks_without_strengths_are_told_none() -> None:
    untold = open_adaptive("tiny", "small-w8a8", threads=1)
    assert untold.strengths == 0
    for way in (untold, reusing(untold)):
        with pytest.raises(ArgumentError, match="takes no strength"):
            way(np.zeros((8, 8), np.uint8), strength=0.5)
