"""The strength of a degradation, estimated from what came out of it."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketsr.pixels.strength import strength_of
from pocketsr.sizing import Shape
from pocketsr.source.edges import EDGE_FEATURES, edge_features, typical_contrast
from pocketsr.source.features import grid_of, picture_features
from pocketsr.source.hints import Hints
from pocketsr.source.quantizer import expected_rms, jpeg_steps, step_of_qp
from pocketsr.source.screens import SCREEN_FEATURES, screen_features
from pocketsr.source.tiles import luma_tiles

__all__ = [
    "MODELS",
    "Seen",
    "contrast_of",
    "crisp_numbers",
    "estimate_strength",
    "evaluate",
    "gain_numbers",
    "look",
    "model_numbers",
    "model_of",
    "products",
    "tables",
]

MODELS = ("picture", "video", "jpeg", "was jpeg", "webp", "webp qp", "avif qp", "qp", "av1 qp", "rate")
"""By what is known: of a picture or a video nothing; JPEG's quality, or that it was a JPEG alone; lossy WebP, its QP;
AVIF's; a video's QP, of AV1 or of others, or its rate."""

_CODECS = {
    "h264": "h264", "hevc": "h265", "h265": "h265", "vp9": "vp9", "vp8": "vp9", "libvpx-vp9": "vp9", "av1": "av1",
    "libdav1d": "av1", "libaom-av1": "av1",
    **dict.fromkeys(("mpeg2video", "mpeg1video", "mpeg4", "h263", "msmpeg4", "msmpeg4v2", "wmv1", "flv"), "mpeg2"),
}  # fmt: skip
_RATED = ("h264", "h265", "vp9", "av1")  # whose rates the fit saw
_BITS = (1e-4, 24.0)  # a pixel: what lies outside is a mistake


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a picture or a frame found.

    strength: 0..1, as `pixels.strength` defines it, estimated.
    screen: whether it is text, windows and the like.
    blockiness: of what a lossless file holds, how plainly it was a JPEG's (`features.grid_of`); 0 of other files.
    shape: of the picture.
    gain_db: of a picture, what `photo` is said to gain on `small`; inf where nothing is said.
    crisp: of a screen, whether its edges are those of text that was drawn in whole pixels, which `screen` wins back:
        one that was scaled, softened or faded has them no more.
    """

    hints: Hints
    strength: float
    screen: bool
    blockiness: float
    shape: Shape | None = None
    crisp: bool = True
    gain_db: float = math.inf


def estimate_strength(luma: NDArray[Any], hints: Hints | None = None, bits: int | None = None) -> float:
    """How far a picture is from what it was before an encoder or a file changed it, 0..1, as `pixels.strength` has it.

    luma: (H, W) uint8 or uint16, of any range; (H, W, 3) R'G'B' too. Tiles of it are looked at, which takes about a
        millisecond whatever its size.
    hints: what is known of its file. bits: of a sample, where it isn't all of its type's.
    """
    return _judged(luma_tiles(luma, bits), hints or Hints()).strength


def look(pixels: NDArray[Any], hints: Hints | None = None, bits: int | None = None) -> Seen:
    """All that is to be seen in a picture; the arguments are those of `estimate_strength`."""
    hints = hints or Hints()
    tiles = luma_tiles(pixels, bits)
    judged = _judged(tiles, hints)
    strength = judged.strength
    # A photograph through `screen` loses up to 5 dB, a screen through `small` as much: what is taken has to be sure.
    features, sure = screen_features(tiles), tables()["thresholds"]
    screen = evaluate(tables()["screen"], features) > sure["sure"]
    numbers = crisp_numbers(tiles, features, strength)
    crisp = (
        screen
        and contrast_of(numbers) > sure["contrast"]
        and evaluate(tables()["crisp"], numbers) > sure["least_db"]
        and typical_contrast(tiles) > sure["contrast"]
    )
    shape = Shape(pixels.shape[1], pixels.shape[0])
    return Seen(hints, strength, screen, judged.blockiness, shape, crisp, judged.gain_db)


def crisp_numbers(
    tiles: NDArray[np.float32], features: NDArray[np.float64], strength: float
) -> NDArray[np.float64]:  # fmt: skip
    """What tells how much `screen` gains, in dB, on what else is taken. features: `screen_features` of the tiles."""
    return np.concatenate([features, edge_features(tiles), [strength]])


def contrast_of(numbers: NDArray[np.float64]) -> float:
    """Levels from ink to paper, by what `crisp_numbers` made."""
    return 255.0 * float(numbers[len(SCREEN_FEATURES) + EDGE_FEATURES.index("contrast")])


class _Judged(NamedTuple):
    """As of `Seen`."""

    strength: float
    blockiness: float
    gain_db: float


def _judged(tiles: NDArray[np.float32], hints: Hints) -> _Judged:
    blockiness = grid_of(tiles) if hints.lossless else 0.0
    if hints.lossless and blockiness <= tables()["blocks"]:  # it is what it was
        return _Judged(0.0, blockiness, math.inf)
    model, numbers = model_numbers(tiles, hints)
    strength = min(_most(hints), max(0.0, evaluate(tables()["strength"][model], numbers)))
    table = tables()["gain"].get(model)
    return _Judged(
        strength, blockiness, math.inf if table is None else evaluate(table, gain_numbers(numbers, strength))
    )


def gain_numbers(numbers: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """What tells how much `photo` gains, in dB, on `small`. numbers: as `model_numbers` has them.

    Of two pictures of one strength, one of fine lines loses where one of plain areas gains, and what was soft before it
    was encoded gains nothing.
    """
    return np.append(numbers, strength)


def _most(hints: Hints) -> float:
    """What a video's quantizer can have done at most, where it is known: each coefficient changed by up to a step. What
    else looks broken was so before it was encoded."""
    step = _step(hints) if hints.moving else None
    return 1.0 if step is None else strength_of(step / math.sqrt(3.0))


def model_numbers(tiles: NDArray[np.float32], hints: Hints) -> tuple[str, NDArray[np.float64]]:
    """Which of `MODELS` is for these hints, and what it takes."""
    model, seen = model_of(hints), picture_features(tiles)
    more: list[float] = []
    codec = _CODECS.get(hints.codec, "")
    if model == "jpeg" and hints.jpeg_quality is not None:
        steps = jpeg_steps(hints.jpeg_quality)
        more = [strength_of(expected_rms(seen.coefficients, steps)), math.log2(float(steps.mean())) / 4.0]
    elif (step := _step(hints)) is not None:
        more = [strength_of(expected_rms(seen.coefficients, step)), math.log2(step) / 4.0]
        more += [float(codec == "vp9")] if model == "qp" else []
    elif model == "rate" and hints.bits_per_pixel is not None:
        bits = min(_BITS[1], max(_BITS[0], hints.bits_per_pixel))
        more = [math.log2(bits) / 4.0, *(float(codec == other) for other in ("h265", "vp9", "av1"))]
    return model, np.concatenate([seen.numbers, more])


def model_of(hints: Hints) -> str:
    """Which of `MODELS` is for these hints."""
    if not hints.moving:
        if hints.codec == "jpeg" and hints.jpeg_quality is not None:
            return "jpeg"
        if hints.lossless or hints.codec == "tiff":  # a lossless file of which strength is asked has a JPEG's grid
            return "was jpeg"
        if hints.codec == "webp" and hints.lossless is False:
            return "webp" if _step(hints) is None else "webp qp"
        if hints.codec == "avif" and _step(hints) is not None:
            return "avif qp"
        return "picture"
    if _step(hints) is not None:
        return "av1 qp" if _CODECS.get(hints.codec) == "av1" else "qp"
    return "rate" if _CODECS.get(hints.codec) in _RATED and hints.bits_per_pixel is not None else "video"


def _step(hints: Hints) -> float | None:
    """The quantizer's, in levels, where it is known."""
    codec = _CODECS.get(hints.codec, "") if hints.moving else hints.codec if hints.lossless is False else ""
    return None if hints.qp is None else step_of_qp(codec, max(0.0, hints.qp))


def evaluate(table: dict[str, Any], numbers: NDArray[np.float64]) -> float:
    """A polynomial of the second degree of numbers that are brought to mean 0 and deviation 1, and limited to 3."""
    scaled = np.clip((numbers - table["mean"]) / table["deviation"], -3.0, 3.0)
    return float(products(scaled) @ table["weights"])


def products(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """1, each number, and the products of any two: (.., n) to (.., 1 + n + n (n + 1) / 2)."""
    first, second = np.triu_indices(scaled.shape[-1])
    ones = np.ones((*scaled.shape[:-1], 1))
    return np.concatenate([ones, scaled, scaled[..., first] * scaled[..., second]], axis=-1)


@functools.cache
def tables() -> dict[str, Any]:
    """The numbers that `tools/fit_source.py` fitted."""
    found = json.loads(Path(__file__).with_name("fitted.json").read_text(encoding="utf-8"))
    for table in (*found["strength"].values(), *found["gain"].values(), found["screen"], found["crisp"]):
        for key in ("mean", "deviation", "weights"):
            table[key] = np.array(table[key])
    made: dict[str, Any] = found
    return made
