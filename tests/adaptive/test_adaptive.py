"""Each block has the bits of the network that was chosen for it, with and without a picture before."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketsr import ArgumentError, Stream, UserError, load, upscale_image
from pocketsr.adaptive import Adaptive, open_adaptive
from pocketsr.engine import Plane, load_chroma, reusing
from pocketsr.engine import load as compiled
from pocketsr.frames import Frame
from pocketsr.loading import key_of

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from partial_runs import blocks, next_picture

SIZES = [(1, 1), (5, 31), (37, 65), (42, 160), (64, 33), (90, 130)]
KINDS: dict[type, int | None] = {np.uint8: None, np.uint16: 10, np.float32: None}


def scene(rng: np.random.Generator, height: int, width: int, kind: type) -> Plane:
    """Flat on one side and a texture on the other."""
    ramp = np.linspace(0.2, 0.6, width)[None] * np.ones((height, 1))
    ramp[:, width // 2 :] += 0.3 * rng.random((height, width - width // 2))
    if kind is np.float32:
        return ramp.astype(np.float32)
    return np.rint(ramp * (255 if kind is np.uint8 else 1023)).astype(kind)


@pytest.fixture(scope="module")
def adaptive() -> Adaptive:
    return open_adaptive("tiny", "small-w8a8", threads=2, least_db=0.1)


def chosen_pixels(adaptive: Adaptive, y: Plane, bits: int | None) -> NDArray[np.bool_]:
    shape = (adaptive.scale * y.shape[0], adaptive.scale * y.shape[1])
    return blocks(adaptive.choose(adaptive.measure(y, bits)), adaptive.scale, shape)


@pytest.mark.parametrize("kind", KINDS)
def test_each_block_is_of_one_network(adaptive: Adaptive, kind: type) -> None:
    rng, shares = np.random.default_rng(0), []
    for height, width in SIZES:
        y, bits = scene(rng, height, width, kind), KINDS[kind]
        chosen = chosen_pixels(adaptive, y, bits)
        expected = np.where(chosen, adaptive.good(y, bits), adaptive.cheap(y, bits))
        np.testing.assert_array_equal(adaptive(y, bits), expected)
        out = np.zeros_like(expected)
        assert adaptive(y, bits, out) is out
        np.testing.assert_array_equal(out, expected)
        shares.append(chosen.mean())
    assert 0 < shares[-1] < 1


def test_the_good_one_gets_what_has_texture(adaptive: Adaptive) -> None:
    y = scene(np.random.default_rng(1), 96, 192, np.uint8)
    chosen = adaptive.choose(adaptive.measure(y))
    assert chosen[:, 14:].mean() > 0.9
    assert chosen[:, :9].mean() < 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_with_a_picture_before_it_is_the_same(kind: type, share: float) -> None:
    """Sequences at random: patches, corners, cuts, and pictures that come twice."""
    rng = np.random.default_rng(2)
    adaptive = open_adaptive("tiny", "small-w8a8", threads=2, least_db=0.1, share=share)
    reused = 0
    for height, width in SIZES:
        remembering, bits = reusing(adaptive), KINDS[kind]
        y = scene(rng, height, width, kind)
        for number in range(12):
            np.testing.assert_array_equal(remembering(y, bits), adaptive(y, bits), f"{height}x{width} {number}")
            y = next_picture(rng, y) if number % 3 else y.copy()
        reused += remembering.pixels - remembering.computed
    assert reused > 0


def test_one_pixel_in_each_corner() -> None:
    adaptive = open_adaptive("tiny", "small-w8a8", threads=1, least_db=0.1)
    remembering, y = reusing(adaptive), scene(np.random.default_rng(3), 61, 147, np.uint8)
    remembering(y)
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        y = y.copy()
        y[corner] ^= 1
        np.testing.assert_array_equal(remembering(y), adaptive(y))
    assert remembering.computed < remembering.pixels


def test_threads_change_nothing() -> None:
    y = scene(np.random.default_rng(4), 70, 90, np.uint8)
    one, three = (open_adaptive("tiny", "small-w8a8", threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one(y), three(y))


def test_a_stream_of_frames_keeps_what_did_not_change() -> None:
    adaptive = open_adaptive("tiny", "small-w8a8", threads=2, least_db=0.1)
    rng = np.random.default_rng(5)
    plain, stream = Stream(adaptive), Stream(adaptive, reuse=True)
    frame = Frame.blank("yuv420p", 130, 62)
    for part, samples in zip(frame.layout.components, frame.components, strict=True):
        samples[...] = scene(rng, samples.shape[0], samples.shape[1], np.uint8) if part.role == "luma" else 128
    for number in range(6):
        for got, wanted in zip(stream(frame).components, plain(frame).components, strict=True):
            np.testing.assert_array_equal(got, wanted)
        frame = Frame.from_planes("yuv420p", [plane.copy() for plane in frame.planes])
        luma = next(iter(frame.components))
        luma[10 * number : 10 * number + 6, 40:60] ^= 5
    assert stream.computed_share is not None
    assert stream.computed_share < 0.9


def test_flat_gradients_have_no_seams(adaptive: Adaptive) -> None:
    """Beside a texture, so that both networks are used: where a ramp is, no step is larger than a network's own."""
    y = scene(np.random.default_rng(6), 96, 256, np.uint8)
    chosen = chosen_pixels(adaptive, y, None)
    assert 0 < chosen.mean() < 1
    flat = np.s_[:, : 2 * 120]  # clear of the texture
    large, own = (net(y)[flat].astype(int) for net in (adaptive, adaptive.cheap))
    for axis in (0, 1):
        assert np.abs(np.diff(large, axis=axis)).max() <= np.abs(np.diff(own, axis=axis)).max() + 1


def test_by_its_name() -> None:
    with load("adaptive", threads=1) as net:
        assert isinstance(net, Adaptive)
        assert (net.cheap.name, net.good.name, net.scale, net.edge_halo) == ("small_w8a8", "quality", 2, 0)
        rgb = np.repeat(scene(np.random.default_rng(7), 20, 30, np.uint8)[..., None], 3, axis=2)
        assert upscale_image(rgb, model=net).shape == (40, 60, 3)
    assert key_of("adaptive") == key_of("adaptive") != key_of("quality")
    with pytest.raises(UserError, match="has its own"):
        load("adaptive", weights="some.safetensors")


def test_networks_that_do_not_go_together() -> None:
    tiny = compiled("tiny", 1)
    with pytest.raises(ArgumentError, match="x3"):
        Adaptive(tiny, load_chroma(3, threads=1))
    with pytest.raises(ArgumentError, match="parts of luma"):
        Adaptive(tiny, Fake())
    with pytest.raises(UserError, match="image has the shape"):
        open_adaptive("tiny", "small-w8a8", threads=1)(np.zeros((3, 4, 3), np.uint8))


class Fake:
    scale, channels, edge_halo = 2, 1, 0

    def __call__(self, y: Plane, bits: Any = None, out: Any = None) -> Plane:  # noqa: ARG002
        return y.repeat(2, 0).repeat(2, 1)


def test_the_networks_of_its_name_leave_flat_areas_flat() -> None:
    """Each level by both, beside a texture, so that both are used: a border between them isn't seen."""
    adaptive = open_adaptive(threads=2)
    rng, used = np.random.default_rng(8), []
    for level in range(0, 256, 15):
        y = np.full((64, 192), level, np.uint8)
        y[:, 144:] = rng.integers(0, 256, (64, 48))
        used.append(chosen_pixels(adaptive, y, None).mean())
        assert (adaptive(y)[:, : 2 * 120] == level).all()
    assert all(0 < share < 1 for share in used)
