"""What each shipped network makes of pictures whose enlargement is known: flat ones, blobs, mirrored ones, steps.

At scale s LR pixel i covers HR pixels s i to s i + s - 1, so its centre lies at HR s i + (s - 1) / 2. Bicubic is among
the networks: it shows that the tests measure what they say, since it passes by its definition.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

import pocketsr.bench
from pocketsr.engine import Plane, Upscaler, load, load_chroma, repeat_edges
from pocketsr.engine.onnx.told import KNOTS
from pocketsr.models import SHIPPED, resolve
from pocketsr.pixels import imresize, rgb_to_luma

SIDE = 48  # LR pixels: wider than what any shipped network sees on both sides of the middle
LOW, HIGH = 60, 180  # the levels of a step, with room for overshoot below and above
STEP = HIGH - LOW
TOLD = [name for name in SHIPPED if KNOTS in {entry.key for entry in onnx.load(resolve(name)).metadata_props}]
"""Networks that are told a strength, by their files: to load them would compile all that ship."""

AXES = pytest.mark.parametrize("axis", [0, 1], ids=["vertically", "horizontally"])


@pytest.fixture(scope="module", params=SHIPPED)
def net(request: pytest.FixtureRequest) -> Upscaler:
    return repeat_edges(load(request.param, threads=1))


@pytest.fixture(scope="module")
def bicubic(net: Upscaler) -> Upscaler:
    """At the network's scale."""
    return load_chroma(net.scale, "center", threads=1)


@pytest.fixture(scope="module")
def photograph() -> Plane:
    with Image.open(Path(pocketsr.bench.__file__).parent / "picture.webp") as image:
        luma = np.rint(rgb_to_luma(np.asarray(image.convert("RGB")))).astype(np.uint8)
    return imresize(luma[:320, :320], 0.5)


def test_flat_pictures_stay_exactly_flat(net: Upscaler) -> None:
    off = {}
    for level in range(16, 236):
        enlarged = net(np.full((17, 23), level, np.uint8)).astype(int)
        wrong = np.argwhere(enlarged != level)
        if len(wrong):
            y, x = wrong[0]
            off[level] = f"{len(wrong)} of {enlarged.size} pixels, first {enlarged[y, x]} in row {y}, column {x}"
    assert not off, f"{len(off)} of 220 flat pictures (level: what is wrong): {off}"


def test_flat_pictures_hardly_move_beyond_studio_range(net: Upscaler) -> None:
    """Full-range videos have these levels, and networks weren't trained on them: one level is what rounding may do."""
    levels = (*range(16), *range(236, 256))
    off = {level: int(np.abs(net(np.full((9, 11), level, np.uint8)).astype(int) - level).max()) for level in levels}
    assert not {level: most for level, most in off.items() if most > 1}


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("strength", [0.0, 0.3, 0.6, 0.8, 0.9])
def test_flat_pictures_stay_flat_at_every_strength(name: str, strength: float) -> None:
    """Those near 1 are rare in training: small-call and medium-call once moved flat pictures by a level there."""
    net = load(name, threads=1)
    off = {level: sorted(set(made.ravel().tolist()))
           for level in (16, 40, 77, 128, 180, 222, 235)
           if ((made := net(np.full((9, 11), level, np.uint8), strength=strength)) != level).any()}  # fmt: skip
    assert not off


@pytest.mark.parametrize("height", [140, -140], ids=["bright", "dark"])
@pytest.mark.parametrize("centre", [(23.5, 23.5), (23.25, 22.9), (23.0, 24.0)], ids=str)
def test_blobs_keep_their_place(net: Upscaler, height: int, centre: tuple[float, float]) -> None:
    """A Gaussian of sigma 2 LR pixels, in 16 bits so that rounding moves nothing: where it is, in HR pixels.

    What the network makes of the ground alone is taken away.
    """
    ground = 60 if height > 0 else 200
    flat = np.full((SIDE, SIDE), 256 * ground, np.uint16)
    blob = flat + 256 * _gaussian(SIDE, centre, 2.0, height)
    enlarged = (net(np.rint(blob).astype(np.uint16)) - net(flat).astype(float)) / 256
    moved = _moved(enlarged, centre, net.scale, height)
    assert max(map(abs, moved)) < 0.01 * net.scale, (
        f"moved down by {moved[0]:+.3f} and right by {moved[1]:+.3f} HR pixels"
    )


def test_what_moved_is_found() -> None:
    """By a fortieth of an LR pixel, under noise of a twentieth of a level, as networks in 8 bits have around a blob."""
    centre = (23.25, 22.9)
    noise = np.random.default_rng(0).normal(0, 0.05, (2 * SIDE, 2 * SIDE))
    enlarged = _gaussian(2 * SIDE, (2 * centre[0] + 0.5 + 0.05, 2 * centre[1] + 0.5 - 0.03), 4.0, 140) + noise
    assert _moved(enlarged, centre, 2, 140) == pytest.approx([0.05, -0.03], abs=0.003)


def _gaussian(side: int, centre: tuple[float, float], sigma: float, height: float) -> NDArray[np.float64]:
    y, x = np.mgrid[:side, :side]
    blob: NDArray[np.float64] = height * np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * sigma**2))
    return blob


def _moved(enlarged: NDArray[np.float64], centre: tuple[float, float], scale: int, height: float) -> list[float]:
    """HR pixels down and right by which the blob of `centre` (LR pixels) lies beside its place, by least squares.

    Lucas and Kanade (IJCAI 1981): blob and its slopes are fitted. A centroid would weigh most what lies farthest: a
    twentieth of a level in the tail of a blob counted as a tenth of a pixel.
    """
    place = [scale * each + (scale - 1) / 2 for each in centre]
    sigma = 2.0 * scale
    blob = _gaussian(scale * SIDE, (place[0], place[1]), sigma, height)
    rows, columns = np.mgrid[: scale * SIDE, : scale * SIDE]
    slopes = [blob * (at - to) / sigma**2 for at, to in zip((rows, columns), place, strict=True)]
    fitted = np.linalg.lstsq(
        np.stack([blob.ravel(), *(each.ravel() for each in slopes)], 1), enlarged.ravel(), rcond=None
    )[0]
    return [float(each / fitted[0]) for each in fitted[1:]]


@AXES
def test_mirrored_photographs_are_enlarged_alike(
    net: Upscaler, photograph: Plane, axis: int, request: pytest.FixtureRequest
) -> None:
    """A network that moves pictures by s moves a mirrored one by -s once it is mirrored back: 2 s lie between both.

    To first order both differ by 2 s times the gradient, so that s follows by least squares. A network need not be
    symmetric pixel by pixel, but on the mean over a photograph it must be.
    """
    plain = net(photograph).astype(float)
    mirrored = np.flip(net(np.ascontiguousarray(np.flip(photograph, axis))), axis).astype(float)
    slope = np.gradient((plain + mirrored) / 2, axis=axis)
    moved = float((slope * (mirrored - plain)).sum() / (slope * slope).sum() / 2)
    limit = 0.03 if "screen" in request.node.name else 0.02  # photographs aren't what `screen` is for
    assert abs(moved) < limit, f"pictures move by {moved:+.4f} HR pixels along axis {axis}"
    brighter = float((mirrored - plain).mean())
    assert abs(brighter) < 0.05, f"the mirrored picture is brighter by {brighter:+.3f} levels on the mean"


@AXES
def test_steps_overshoot_no_more_than_bicubic(net: Upscaler, bicubic: Upscaler, axis: int) -> None:
    """A step between two flat levels, shrunk by the protocol and enlarged again.

    Networks may go 5 % of the step (6 levels) beyond bicubic, since they make an edge of the same height steeper.
    """
    steps = _steps(net.scale)
    most = max(max(_beyond(_enlarged(bicubic, step, axis, 1))) for step in steps)  # 9 levels
    for step in steps:
        for turn in (1, -1):
            below, above = _beyond(_enlarged(net, step, axis, turn))
            beyond = f"{below} levels below and {above} above a step of {STEP}"
            assert max(below, above) <= most + 0.05 * STEP, f"{beyond}, bicubic {most}"


@AXES
def test_hard_steps_ring_little(net: Upscaler, axis: int) -> None:
    """A step drawn at LR, as in screenshots, is steeper than any in a shrunk picture: who undoes a blur overdoes it.

    Bicubic overshoots by 8 levels. A third of the step would be a line of its own beside every edge; networks for x4,
    which undo twice the blur, may reach two fifths. From 4 LR pixels on nothing is left of the ringing but 2 levels,
    which nobody sees.
    """
    most = STEP * (0.4 if net.scale == 4 else 1 / 3)
    hard = np.full((SIDE, SIDE), LOW, np.uint8)
    hard[:, SIDE // 2 :] = HIGH
    for turn in (1, -1):
        enlarged = _enlarged(net, hard, axis, turn)
        below, above = _beyond(enlarged)
        assert max(below, above) < most, f"{below} levels below and {above} above a step of {STEP}"
        edge, clear = net.scale * SIDE // 2, 4 * net.scale
        far = np.abs(np.hstack([enlarged[:, : edge - clear] - LOW, enlarged[:, edge + clear :] - HIGH])).max()
        assert far <= 2, f"ringing of {far} levels at 4 LR pixels and more from the edge"


@AXES
def test_straight_edges_stay_straight(net: Upscaler, axis: int) -> None:
    """Neighbouring rows come from other outputs of the network: where those disagree, an edge becomes a comb."""
    for step in _steps(net.scale):
        for turn in (1, -1):
            comb = np.ptp(_enlarged(net, step, axis, turn), axis=0).max()
            assert comb <= (5 if net.scale == 4 else 4), (
                f"along the edge of a step of {STEP} levels pixels differ by {comb}"
            )


def _steps(scale: int) -> list[Plane]:
    """LR of LOW on the left and HIGH on the right: the HR step lies between two LR pixels, and in the midst of one."""
    steps, edge = np.full((2, scale * SIDE, scale * SIDE), LOW, np.uint8), scale * SIDE // 2
    steps[0, :, edge:] = steps[1, :, edge + scale // 2 :] = HIGH
    return [imresize(step, 1 / scale) for step in steps]


def _enlarged(net: Upscaler, lr: Plane, axis: int, turn: int) -> NDArray[np.int64]:
    """What `net` makes of `lr` mirrored (turn -1) and transposed (axis 0), turned back."""
    mirrored = lr[:, ::turn]
    turned = net(np.ascontiguousarray(mirrored if axis else mirrored.T)).astype(np.int64)
    return (turned if axis else turned.T)[:, ::turn]


def _beyond(enlarged: NDArray[np.int64]) -> tuple[int, int]:
    """How many levels the darkest pixel is below LOW, and the brightest above HIGH."""
    return LOW - int(enlarged.min()), int(enlarged.max()) - HIGH
