"""Predicted times, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from design_profiles import profile

from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.design.cost import predict_ms, work_of_strips
from pocketsr.design.kinds import WORK
from pocketsr.design.schedule import of_chain
from pocketsr.design.work import beyond
from pocketsr.engine.codegen.target import Target

TARGET = Target(None, None, 16, 32, 49152)
POINT = Chain((Layer(4, (1, 1), act=Act.NONE),), anchor=Anchor.NONE)  # 1 -> 4, no row but its own


def _work(chain: Chain, size: tuple[int, int], threads: int = 1) -> dict[str, float]:
    return dict(zip(WORK, work_of_strips(of_chain(chain, TARGET), size, threads, 1 << 21)[-1], strict=True))


def test_work_of_a_single_convolution_by_hand() -> None:
    # 160 pixels are 10 vectors; 4 channels x 5 vectors of sums: 2 turns a row of one product of 10 cycles each
    work = _work(POINT, (160, 8))
    assert work["calls"] == 8 * 2
    assert work["products"] == 8 * 2 * 4 * 5 / 2
    assert work["sums_inline"] == work["result"] == 8 * 4 * 10
    assert work["sums_called"] == work["into_rows"] == work["into_both"] == work["tiles"] == work["far"] == 0
    assert work["samples"] == 8 * (10 + 4 * 10 * 2)  # read; interleaved in pairs and written
    assert work["frame"] == 1


def test_every_thread_makes_its_share_and_what_its_neighbours_looked_at() -> None:
    chain = Chain((Layer(8), Layer(8), Layer(4, act=Act.NONE)))
    whole, (first, second) = (work_of_strips(of_chain(chain, TARGET), (640, 360), n, 1 << 21) for n in (1, 2))
    products = WORK.index("products")
    assert first[products] < second[products] < whole[0][products] < first[products] + second[products]


def test_a_prediction_is_the_slowest_threads_work_times_its_costs() -> None:
    schedule = of_chain(POINT, TARGET)
    assert predict_ms(schedule, (160, 8), profile(1, calls=1e6)) == pytest.approx(16.0)
    assert predict_ms(schedule, (160, 8), profile(2, calls=1e6)) == pytest.approx(8.0)
    assert predict_ms(schedule, (160, 8), profile(2, frame=3e6)) == pytest.approx(3.0)


def test_colour_is_taken_apart_by_one_thread() -> None:
    chain = Chain((Layer(12, (1, 1), act=Act.NONE),), channels=3, anchor=Anchor.NONE)
    assert _work(chain, (10, 10), threads=2)["interleaved"] == 10 * 10 * 3 * 5


def test_what_no_cache_holds_takes_longer() -> None:
    assert beyond(100, 50) == 0
    assert beyond(100, 400) == 0.75
    wide = Chain((Layer(32), Layer(4, act=Act.NONE)))
    assert _work(wide, (640, 360))["tiles"] > 0
    assert _work(wide, (320, 360))["far"] == 0 < _work(wide, (3840, 360))["far"]


def test_each_pixel_more_is_work_more() -> None:
    chain = Chain((Layer(8), Layer(4, act=Act.NONE)))
    small, large = (np.array(list(_work(chain, size).values())) for size in ((640, 360), (1280, 360)))
    assert (large >= small).all()
    assert large[WORK.index("products")] == pytest.approx(2 * small[WORK.index("products")], rel=0.1)
