"""Random pictures that change, and what a part of a frame must be: shared by the tests and `tools/fuzz_partial.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import Network, Upscaler, reusing, takes_strength, upscaled
from pocketsr.engine.runtime.parts import mask_shape

__all__ = ["Picture", "blocks", "check_remembered", "check_sequence", "check_wanted", "next_picture", "picture"]

Picture = NDArray[Any]
_BITS = 10


def picture(rng: np.random.Generator, shape: tuple[int, ...], kind: type) -> Picture:
    """Noise: (H, W) or (H, W, 3) of uint8, uint16 (10 bits) or float32."""
    if kind is np.float32:
        return rng.random(shape, np.float32)
    return rng.integers(0, 256 if kind is np.uint8 else 1 << _BITS, shape).astype(kind)


def blocks(mask: NDArray[Any], scale: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels of the result that a mask means: bool, (H, W)."""
    return np.repeat(np.repeat(mask, 4 * scale, 0), 8 * scale, 1)[: shape[0], : shape[1]].astype(bool)


def next_picture(rng: np.random.Generator, before: Picture) -> Picture:
    """The next picture of a sequence: a cut, the same, corners, or a few patches changed."""
    fresh = picture(rng, before.shape, before.dtype.type)
    height, width = before.shape[:2]
    now = before.copy()
    match rng.integers(6):
        case 0:
            return fresh
        case 1:
            return now
        case 2:
            corner = (rng.integers(-1, 1), rng.integers(-1, 1))
            now[corner] = fresh[corner]
        case _:
            for _ in range(rng.integers(1, 5)):
                y, x, tall, wide = (rng.integers(each) for each in (height, width, 20, 40))
                now[y : y + tall + 1, x : x + wide + 1] = fresh[y : y + tall + 1, x : x + wide + 1]
    return now


def _start(network: Network, rng: np.random.Generator, height: int, width: int, kind: type) -> tuple[Picture, Any]:
    shape = (height, width) if network.channels == 1 else (height, width, network.channels)
    return picture(rng, shape, kind), _BITS if kind is np.uint16 else None


def check_sequence(network: Network, rng: np.random.Generator, height: int, width: int, kind: type) -> None:
    """A few pictures, each made of the one before."""
    before, bits = _start(network, rng, height, width, kind)
    out = network(before, bits).copy()
    for _ in range(4):
        now = next_picture(rng, before)
        network(now, bits, out, changed=network.changes(before, now))
        np.testing.assert_array_equal(out, network(now, bits), f"{network.name} {height}x{width} {kind}")
        before = now


def check_remembered(network: Upscaler, rng: np.random.Generator, height: int, width: int, kind: type) -> None:
    """A few pictures, each made of the one before, through `network` with a memory and without; strengths change."""
    now, bits = picture(rng, (height, width), kind), _BITS if kind is np.uint16 else None
    remembering, strength = reusing(network), None
    for _ in range(5):
        if takes_strength(network) and rng.random() < 0.3:
            strength = float(rng.random())
        what = f"{network} {height}x{width} {kind} {strength}"
        got, whole = (upscaled(net, now, bits, None, strength) for net in (remembering, network))
        np.testing.assert_array_equal(got, whole, what)
        now = next_picture(rng, now)


def check_wanted(network: Network, rng: np.random.Generator, height: int, width: int, kind: type) -> None:
    """Any mask: what is wanted is computed, and the rest stays."""
    y, bits = _start(network, rng, height, width, kind)
    wanted = rng.random(mask_shape(height, width)) < rng.random()
    whole = network(y, bits)
    rest = picture(rng, whole.shape, kind)
    inside = blocks(wanted, network.scale, whole.shape)
    expected = np.where(inside if network.channels == 1 else inside[..., None], whole, rest)
    network(y, bits, rest, wanted=wanted)
    np.testing.assert_array_equal(rest, expected, f"{network.name} {height}x{width} {kind}")
