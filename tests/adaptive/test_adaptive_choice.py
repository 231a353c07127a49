"""Which blocks go to the good network, from gains that are made up here."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketsr import ArgumentError, ArgumentTypeError
from pocketsr.adaptive.choice import Budget, choose, closed, grown
from pocketsr.adaptive.gain import FLOOR, GAIN, SCALE, block_means, gains
from pocketsr.adaptive.pace import Pace

HALO = 16


def uneven(rows: int, columns: int) -> NDArray[np.float32]:
    """Most of the gain in the last corner."""
    octaves = (np.arange(rows)[:, None] + np.arange(columns)) / 8
    return np.exp2(octaves).astype(np.float32)


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.99])
def test_as_much_is_kept_as_was_asked_for_and_not_much_more(keep: float) -> None:
    gain = uneven(40, 30)
    chosen = choose(gain, HALO, Budget(keep=keep, spare=0))
    kept = gain[chosen].sum() / gain.sum()
    assert keep <= kept < keep + 0.1
    assert chosen[-1, -1]
    assert not chosen[0, 0]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
def test_no_more_than_a_share(share: float) -> None:
    chosen = choose(uneven(40, 30), HALO, Budget(keep=1.0, share=share))
    assert share - 0.06 <= chosen.mean() <= share


def test_all_or_nothing() -> None:
    gain = uneven(12, 9)
    assert choose(gain, HALO, Budget(keep=1.0, spare=0)).all()
    assert not choose(gain, HALO, Budget(keep=0.0)).any()
    assert choose(np.ones((12, 9), np.float32), HALO, Budget(keep=0.5)).all()  # all alike: no order among them
    assert choose(np.ones((1, 1), np.float32), HALO, Budget()).all()
    assert not choose(np.ones((12, 9), np.float32), HALO, Budget(share=0.5)).any()


def test_only_the_order_counts() -> None:
    gain = uneven(40, 30)
    for factor in (2.0**-6, 2.0**5):
        scaled = choose(gain * np.float32(factor), HALO, Budget(spare=0))
        np.testing.assert_array_equal(scaled, choose(gain, HALO, Budget(spare=0)))


def test_neighbours_are_taken_together() -> None:
    """A lone block costs all that is computed around it, one of many little more than itself."""
    gain = np.full((40, 40), 0.01, np.float32)
    gain[5, 5] = 12
    gain[20:30, 20:30] = 10
    chosen = choose(gain, HALO, Budget(keep=0.8))
    assert chosen[22:28, 22:28].all()
    assert not chosen[5, 5]


def test_what_nobody_sees_is_spared() -> None:
    gain = np.full((12, 9), 0.04, np.float32)
    assert not choose(gain, HALO, Budget(spare=0.05)).any()
    assert choose(gain, HALO, Budget(spare=0.03)).any()


def test_gaps_are_filled() -> None:
    mask = np.zeros((20, 16), bool)
    mask[4:16, 3:13] = True
    mask[9:12, 7] = False
    mask[0, 0] = True
    filled = closed(mask, 3, 1)
    assert filled[4:16, 3:13].all()
    assert not filled[17:].any()
    assert not closed(np.zeros((5, 5), bool), 3, 1).any()
    np.testing.assert_array_equal(closed(mask, 0, 0), mask)


def test_blocks_grow() -> None:
    mask = np.zeros((7, 9), bool)
    mask[0, 4] = True
    wanted = np.zeros((7, 9), bool)
    wanted[:3, 3:6] = True
    np.testing.assert_array_equal(grown(mask, 2, 1), wanted)
    np.testing.assert_array_equal(grown(mask, 0, 0), mask)


@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 24), (1, 1), (9, 17), (30, 61)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_means_of_blocks(height: int, width: int, kind: type) -> None:
    plane: NDArray[Any] = np.random.default_rng(height).integers(0, 256, (height, width)).astype(kind)
    tall, wide = -(-height // 4) * 4, -(-width // 8) * 8
    full = np.pad(plane, ((0, tall - height), (0, wide - width)), mode="edge").astype(np.float64)
    expected = full.reshape(tall // 4, 4, wide // 8, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(block_means(plane), expected, rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"keep": 1.1}, {"share": -0.1}, {"keep": float("nan")}, {"spare": -1.0}])
def test_a_budget_is_a_part(wrong: dict[str, float]) -> None:
    with pytest.raises(ArgumentError, match="is expected"):
        Budget(**wrong)


def test_a_budget_is_a_number() -> None:
    with pytest.raises(ArgumentTypeError, match="keep"):
        Budget(keep="much")


def test_a_budget_in_milliseconds_is_kept() -> None:
    """On a machine where a picture takes 2 ms and 30 more for all of it."""
    now = [0.0]
    pace = Pace(12, lambda: now[0])

    def taken() -> float:
        with pace.timing():
            now[0] += (2 + 30 * pace.share) / 1000
        return pace.share

    shares = [taken() for _ in range(60)]
    assert all(0.26 < share <= 1 / 3 for share in shares[-20:])  # 10 of 30 ms are left for it
    pace.budget_ms = 1.0  # less than the cheap network takes
    assert [taken() for _ in range(8)][-1] == 0
    pace.budget_ms = 100.0
    assert [taken() for _ in range(120)][-1] == 1


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), float("inf")])
def test_a_budget_is_some_time(wrong: float) -> None:
    with pytest.raises(ArgumentError, match="above 0"):
        Pace(wrong)


def test_the_gain_is_the_fitted_one() -> None:
    """`tools/fit_gain.py` wrote the numbers, and the curve that they stand for."""
    fit = json.loads(GAIN.with_suffix(".json").read_text(encoding="utf-8"))
    assert pytest.approx(fit["scale"], rel=0.05) == SCALE
    assert fit["floor"] == FLOOR
    magnitudes = np.array([point["magnitude"] for point in fit["curve"]], np.float32)
    made = gains(np.repeat(np.repeat(magnitudes[None] / 255, 4, 0), 8, 1), 1.0)[0]
    gained = np.array([point["gain"] for point in fit["curve"]])
    weight = np.array([point["blocks"] for point in fit["curve"]])
    assert (made * weight).sum() == pytest.approx((gained * weight).sum(), rel=0.05)
    assert np.all(np.abs(made - gained) < 0.05 + 0.7 * np.maximum(gained, 0))
    for shares in fit["shares"].values():  # what a better measure could spare
        assert shares["laplacian"][1] - shares["true"][1] < 0.06
