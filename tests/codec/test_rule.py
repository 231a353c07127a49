"""The rule of sizes: what its table says, what rules a size out, and what it measures of a picture."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest

from pocketsr.codec import CODECS, Choice, Codec, choose, half_size_psnr
from pocketsr.codec.rule import NETWORK, TABLE, Limit
from pocketsr.errors import ArgumentError
from pocketsr.models import SHIPPED
from pocketsr.pixels import imresize

NATIVE = Choice(1, None)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, "h264", (Limit(28, 0.01, 0.02), Limit(36, 0.03, 0.04)))
    monkeypatch.setitem(TABLE, "vp9", (Limit(28, 0.0, 0.02),))
    monkeypatch.setitem(TABLE, "av1", ())


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("codec", "bpp", "softness", "scale"),
    [
        ("h264", 0.01, 28, 2),
        ("h264", 0.0101, 28, 1.5),
        ("h264", 0.02, 35.9, 1.5),
        ("h264", 0.021, 35.9, 1),
        ("h264", 0.021, 36, 2),
        ("h264", 0.04, 50, 1.5),
        ("h264", 0.041, 100, 1),
        ("h264", 0.001, 27.9, 1),  # crisper than all that was measured
        ("vp9", 0.0001, 40, 1.5),
        ("av1", 0.0001, 40, 1),
        ("h264", 0.001, math.inf, 2),
        ("h264", 0.001, -math.inf, 1),
    ],
)
def test_a_size_is_looked_up(codec: Codec, bpp: float, softness: float, scale: float) -> None:
    expected = NATIVE if scale == 1 else Choice(scale, NETWORK)
    assert choose(codec, bpp, softness_db=softness) == expected


@pytest.mark.usefixtures("table")
def test_a_low_qp_rules_a_smaller_size_out() -> None:
    # 30 dB are 65 squared levels; QP 32 has steps of 25, whose noise is 53, QP 34 has 32 and 85
    assert choose("h264", 0.01, softness_db=30, qp=32) == NATIVE
    assert choose("h264", 0.01, softness_db=30, qp=34) == Choice(2, NETWORK)
    # base_q_idx 176 has steps of 408 / 8 = 51: 217; 120 has 152 / 8 = 19: 30
    assert choose("vp9", 0.01, softness_db=30, qp=176) == Choice(1.5, NETWORK)
    assert choose("vp9", 0.01, softness_db=30, qp=120) == NATIVE
    for codec in get_args(Codec):  # it never makes a picture smaller
        for qp in range(0, 52, 3):
            chosen = choose(codec, 0.011, softness_db=37, qp=qp)
            assert chosen in (NATIVE, choose(codec, 0.011, softness_db=37))


@pytest.mark.parametrize(
    ("codec", "bpp", "more", "said"),
    [
        ("mjpeg", 0.01, {}, "unknown codec 'mjpeg'"),
        ("vp8", 0.01, {"qp": 4}, "leave it out"),
        ("h264", 0, {}, "above 0"),
        ("h264", math.nan, {}, "above 0"),
        ("h264", math.inf, {}, "above 0"),
        ("h264", 0.01, {"softness_db": math.nan}, "no number"),
        ("h264", 0.01, {"qp": 52}, "0 to 51"),
        ("av1", 0.01, {"qp": -1}, "0 to 255"),
        ("av1", 0.01, {"qp": math.nan}, "0 to 255"),
    ],
)
def test_what_makes_no_sense_is_refused(codec: Codec, bpp: float, more: dict[str, float], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        choose(codec, bpp, **({"softness_db": 40.0} | more))


def test_the_table_goes_one_way() -> None:
    """Softer pictures may be smaller at higher rates, and 1.5x always pays where 2x does."""
    assert set(TABLE) == {*CODECS, "vp8"}
    for lines in TABLE.values():
        assert [line.softness_db for line in lines] == sorted({line.softness_db for line in lines})
        for line in lines:
            assert 0 <= line.bpp_2x <= line.bpp_1_5x < 0.1
        for column in ("bpp_2x", "bpp_1_5x"):
            limits = [getattr(line, column) for line in lines]
            assert limits == sorted(limits)
    assert NETWORK in SHIPPED


def test_softness_is_what_halving_costs() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (65, 81)).astype(np.uint8)
    soft = np.clip(imresize(noise.astype(float), 4), 0, 255).astype(np.uint8)
    assert half_size_psnr(noise) < 15
    assert half_size_psnr(soft) > 30
    assert half_size_psnr(np.full((32, 32), 9, np.uint8)) == 100
    for wrong in (noise.astype(np.float32), noise[:3], noise[None]):
        with pytest.raises(ArgumentError, match="a plane of uint8"):
            half_size_psnr(wrong)
