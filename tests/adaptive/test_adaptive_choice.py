"""Which blocks go to the good network, from gains that are made up here."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketsr import ArgumentError, ArgumentTypeError
from pocketsr.adaptive.choice import CALL_BUDGET, Budget, choose, closed, grown
from pocketsr.adaptive.gain import (
    CALL_WEIGHTS,
    FLOOR,
    GAIN,
    GRADIENT,
    SCALE,
    WEIGHTS,
    Measured,
    block_means,
    gains,
    measured,
    terms,
    worths,
)
from pocketsr.adaptive.pace import Pace
from pocketsr.engine import load

HALO = 16


def uneven(rows: int, columns: int) -> NDArray[np.float32]:
    """Most in the last corner: from 1 / 256 on, an octave to eight blocks."""
    octaves = (np.arange(rows)[:, None] + np.arange(columns)) / 8
    return np.exp2(octaves - 8).astype(np.float32)


def chosen_of(worth: NDArray[np.float32], **budget: float) -> NDArray[np.bool_]:
    """With so much to gain that nothing is spared."""
    return choose(worth.astype(np.float64), 1000 * worth, HALO, Budget(**budget))


@pytest.mark.parametrize("least_db", [0.2, 0.5, 1.0])
def test_what_is_worth_it_is_chosen_and_not_much_more(least_db: float) -> None:
    worth = uneven(40, 30)
    chosen = chosen_of(worth, least_db=least_db)
    limit = 10 ** (least_db / 10) - 1
    assert chosen[worth > 1.5 * limit].all()
    assert not chosen[worth < limit / 1.5].any()
    assert 0 < chosen.mean() < 1


def test_a_picture_that_gains_little_gets_little() -> None:
    shares = [chosen_of(uneven(40, 30) * np.float32(factor)).mean() for factor in (0.25, 1, 4)]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]
    assert not chosen_of(uneven(40, 30) / np.float32(1000)).any()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
def test_no_more_than_a_share(share: float) -> None:
    chosen = chosen_of(uneven(40, 30), least_db=0, share=share)
    assert share - 0.06 <= chosen.mean() <= share


def test_all_or_nothing() -> None:
    worth = uneven(12, 9)
    alike = np.ones((12, 9), np.float32)
    assert chosen_of(worth, least_db=0, spare=0).all()
    assert not chosen_of(worth, least_db=30).any()
    assert chosen_of(alike).all()
    assert chosen_of(np.ones((1, 1), np.float32)).all()
    assert not chosen_of(alike, share=0.5).any()  # all alike: no order among them


def test_neighbours_are_taken_together() -> None:
    """A lone block costs all that is computed around it, one of many little more than itself."""
    worth = np.full((40, 40), 0.001, np.float32)
    worth[5, 5] = 0.5
    worth[20:30, 20:30] = 0.4
    chosen = chosen_of(worth)
    assert chosen[22:28, 22:28].all()
    assert not chosen[5, 5]


def test_what_nobody_sees_is_spared() -> None:
    worth, gain = np.ones((12, 9)), np.full((12, 9), 0.04, np.float32)
    assert not choose(worth, gain, HALO, Budget(spare=0.05)).any()
    assert choose(worth, gain, HALO, Budget(spare=0.03)).all()
    gain[:6] = 1
    worth[6:] = 0.5
    halves = choose(worth, gain, HALO, Budget(spare=0.05))
    assert halves[:4].all()
    assert not halves[-3:].any()


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


@pytest.mark.parametrize(
    "wrong", [{"least_db": -0.1}, {"share": -0.1}, {"share": 1.1}, {"least_db": float("nan")}, {"spare": -1.0}]
)
def test_a_budget_is_a_part(wrong: dict[str, float]) -> None:
    with pytest.raises(ArgumentError, match="is expected"):
        Budget(**wrong)


def test_a_budget_is_a_number() -> None:
    with pytest.raises(ArgumentTypeError, match="least_db"):
        Budget(least_db="much")


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
    magnitudes = np.array([[point["magnitude"] for point in fit["curve"]]], np.float32)
    made = gains(Measured(magnitudes, magnitudes))[0]
    gained = np.array([point["gain"] - fit["noise"] for point in fit["curve"]])
    weight = np.array([point["blocks"] for point in fit["curve"]])
    assert (made * weight).sum() == pytest.approx((gained * weight).sum(), rel=0.05)
    assert np.all(np.abs(made - gained) < 0.05 + 0.7 * np.maximum(gained, 0))
    for shares in fit["shares"].values():  # what a better measure could spare
        assert shares["laplacian"][1] - shares["true"][1] < 0.06


def test_the_worth_is_the_fitted_one() -> None:
    fit = json.loads(GAIN.with_suffix(".json").read_text(encoding="utf-8"))
    assert tuple(fit["weights"]) == WEIGHTS
    lost = {point["least_db"]: point["lost_db"] for point in fit["lost"]}
    assert lost[Budget().least_db] <= 0.02  # of pictures that were kept apart
    assert list(lost.values()) == sorted(lost.values())


def test_worth_is_told_by_both_measures() -> None:
    """Of alike pictures, more Laplacian is worth more; in a picture that is all texture, a block is worth less."""
    rng = np.random.default_rng(0)
    gradient = np.full((20, 16), 6, np.float32)
    laplacian = (1 + 20 * rng.random((20, 16))).astype(np.float32)
    told = worths(Measured(laplacian, gradient))
    order = np.argsort(laplacian.ravel())
    assert (np.diff(told.ravel()[order]) >= 0).all()
    busy = laplacian.copy()
    busy[10:] = 60
    assert worths(Measured(busy, gradient))[0, 0] < told[0, 0]
    assert terms(Measured(laplacian, gradient)).shape == (9, 20, 16)


def test_the_measures_of_a_picture() -> None:
    """A ramp has no Laplacian and one gradient; a lone pixel has both."""
    laplacian, gradient = load(GAIN, 1), load(GRADIENT, 1)
    ramp = np.broadcast_to(np.arange(0, 200, 4, dtype=np.uint8), (12, 50))
    np.testing.assert_array_equal(laplacian(ramp)[1:-1, 1:-1], 0)
    np.testing.assert_array_equal(gradient(ramp)[1:-1, 1:-1], 4)
    np.testing.assert_array_equal(gradient(np.ascontiguousarray(ramp.T))[1:-1, 1:-1], 4)
    of = measured(laplacian(ramp), gradient(ramp), 255)
    assert of.laplacian.shape == of.gradient.shape == (3, 7)
    deep = ramp.astype(np.uint16) * 257
    same = measured(laplacian(deep), gradient(deep), 65535)
    for one, other in zip(of, same, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_the_worth_on_calls_is_the_fitted_one() -> None:
    """`tools/fit_call_gain.py` wrote the numbers; of both pairs, clips that were kept apart lose little."""
    fit = json.loads(GAIN.with_name("gain-call.json").read_text(encoding="utf-8"))
    assert tuple(fit["weights"]) == CALL_WEIGHTS
    assert not set(fit["clips"]["fitted"]) & set(fit["clips"]["apart"])
    for points in fit["lost"].values():
        lost = {point["least_db"]: point["lost_db"] for point in points}
        assert lost[CALL_BUDGET.least_db] <= 0.02
        assert list(lost.values()) == sorted(lost.values())
