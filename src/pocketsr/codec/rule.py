"""Which size to send in a call, and what makes it large again: native, 1.5x or 2x.

A smaller picture pays where the codec is short of bits: below some rate, what coding at full size loses is more than
what halving loses. That rate is the higher the weaker the codec is and the softer the picture. So the rule is a table:
for each codec, by what halving costs the picture (`half_size_psnr`), the bits per full-size pixel below which 2x and
1.5x were better in PSNR, on every training clip of that softness or more, with a margin. Between lines nothing is
interpolated, and beyond the table everything is native: where it isn't sure, it doesn't promise.

The table was fitted by tools/fit_codec_rule.py (figures in benchmarks/codec_rule.json), on clips that no test uses;
benchmarks/codec.json has what it does on others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pocketsr.arguments import check_number
from pocketsr.codec.encoding import Codec
from pocketsr.errors import ArgumentError
from pocketsr.pixels import psnr
from pocketsr.pixels.resize import resized

__all__ = ["MOST_QP", "NETWORK", "TABLE", "Choice", "Limit", "Sent", "choose", "half_size_psnr"]

Sent: TypeAlias = Codec | Literal["vp8"]
"""What calls are coded with: VP8 too, which browsers take first, though no measurement here encodes it."""

NETWORK = "small-call"
"""What the table was fitted with."""


@dataclass(frozen=True)
class Limit:
    """From this softness on (`half_size_psnr` in dB): below how many bits per full-size pixel each size pays."""

    softness_db: float
    bpp_2x: float
    bpp_1_5x: float


TABLE: dict[Sent, tuple[Limit, ...]] = {
    "h264": (Limit(32, 0.017, 0.038), Limit(36, 0.017, 0.038)),
    "h265": (Limit(32, 0.0, 0.02), Limit(36, 0.0, 0.02)),  # not measured: the least of the others
    "vp8": (Limit(32, 0.0, 0.02), Limit(36, 0.0, 0.02)),  # likewise, all of which do more with a bit
    "vp9": (Limit(32, 0.0088, 0.02), Limit(36, 0.0088, 0.02)),
    "av1": (Limit(32, 0.0, 0.023), Limit(36, 0.0, 0.023)),
}
"""By codec, from crisp to soft. web/src/sending.ts has the same."""


@dataclass(frozen=True)
class Choice:
    """scale: 1 (native), 1.5 or 2: sides are divided by it before coding. model: the network that makes the picture
    large again, None for native; at 1.5 its 2x is resized to the size."""

    scale: float
    model: str | None


_NATIVE = Choice(1, None)
_LEAST_DB = -100.0  # no picture is as far from its half; powers of less leave the range of numbers

# The AC quantizer of VP9 and AV1 for 8 bits by base_q_idx, at its bends; between them it grows evenly.
_AC_STEPS = (
    (0, 4), (1, 8), (95, 102), (120, 152), (150, 255), (176, 408), (198, 615), (216, 864), (233, 1196), (255, 1828)
)  # fmt: skip
MOST_QP: dict[Sent, int] = {"h264": 51, "h265": 51, "vp9": 255, "av1": 255}
"""Of the scales that `choose` takes."""


def half_size_psnr(luma: NDArray[Any]) -> float:
    """What halving costs: PSNR in dB of a plane (H, W) of uint8 that was halved and doubled by bicubic.

    25 is crisp, as lossless pictures full of detail are; 40 is soft, as webcams are. It takes milliseconds; one
    frame a scene will do. 100 for a flat picture. Raises ArgumentError for other arrays.
    """
    if luma.ndim != 2 or luma.dtype != np.uint8 or min(luma.shape) < 4:
        raise ArgumentError(f"a plane of uint8 of at least 4x4 is expected, not {luma.dtype} of shape {luma.shape}")
    height, width = luma.shape
    half = resized(luma, (width + 1) // 2, (height + 1) // 2)
    return min(psnr(resized(half, width, height), luma), 100.0)


def choose(codec: Sent, bits_per_pixel: float, *, softness_db: float, qp: float | None = None) -> Choice:
    """The size to send, and the network.

    codec: as calls set it (`pocketsr.codec.encoding`). bits_per_pixel: bits a second over full-size pixels a second;
    0.02 is 553 kbit/s at 1280x720 and 30 frames. softness_db: `half_size_psnr` of a frame.
    qp: where it is known, what coding at full size takes at this rate: 0..51 for H.264 and H.265, base_q_idx 0..255 for
    VP9 and AV1; none for VP8. It can only rule a smaller size out: where quantization noise (step^2 / 12) is below
    what halving loses, the codec has the bits that it needs.
    Raises ArgumentError for a codec that isn't known and numbers that can't be, ArgumentTypeError for what is none.
    """
    if not isinstance(codec, str) or codec not in TABLE:
        raise ArgumentError(f"unknown codec '{codec}': {', '.join(TABLE)} are known")
    for value, what in ((bits_per_pixel, "bits_per_pixel"), (softness_db, "softness_db"), (qp, "qp")):
        if value is not None or what != "qp":
            check_number(value, what)
    if not (math.isfinite(bits_per_pixel) and bits_per_pixel > 0):
        raise ArgumentError(f"{bits_per_pixel} bits per pixel: a number above 0 is expected, as 0.02")
    if math.isnan(softness_db):
        raise ArgumentError("softness_db is no number: give half_size_psnr of a frame")
    if qp is not None:
        if codec not in MOST_QP:
            raise ArgumentError(f"the qp of {codec} isn't known here: leave it out")
        if not 0 <= qp <= MOST_QP[codec]:
            raise ArgumentError(f"qp {qp} of {codec}: 0 to {MOST_QP[codec]} are expected")
        if _step(codec, qp) ** 2 / 12 < 255**2 * 10 ** (-max(softness_db, _LEAST_DB) / 10):
            return _NATIVE
    fitting = [limit for limit in TABLE[codec] if softness_db >= limit.softness_db]
    if fitting:
        limit = max(fitting, key=lambda each: each.softness_db)
        for scale, below in ((2, limit.bpp_2x), (1.5, limit.bpp_1_5x)):
            if bits_per_pixel <= below:
                return Choice(scale, NETWORK)
    return _NATIVE


def _step(codec: Sent, qp: float) -> float:
    """The quantizer's step in levels of an orthonormal transform."""
    if codec in ("h264", "h265"):
        return float(2 ** ((qp - 4) / 6))
    known, steps = zip(*_AC_STEPS, strict=True)
    return math.exp(float(np.interp(qp, known, np.log(steps)))) / 8
