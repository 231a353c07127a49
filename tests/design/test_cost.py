"""Predicted times, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from design_profiles import profile

from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.design.cost import predict_ms, schedule_of_chain, work_of_strips
from pocketsr.design.profile import default_profile
from pocketsr.design.rank import evaluate
from pocketsr.design.space import builtin_space
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work import WORK, beyond

TARGET = Target(None, None, 16, 32, 49152)
POINT = Chain((Layer(4, (1, 1), act=Act.NONE),), anchor=Anchor.NONE)  # 1 -> 4, no row but its own

RECORDED = {  # ms and KB of networks of the built-in space, by the profile that ships, before costs stood in the engine
    "dense-d4w16-nearest": (5.464528116735011, 882.24),
    "dense-d16w48-skip-learned": (216.5690515113763, 17454.4),
    "grouped-d8w24-g4-skip-bicubic-w8a8": (15.090777168917667, 1088.544),
    "dense-d6w16-nearest-w2a8": (4.4091339576, 406.072),
    "wide-kernel-d5w16-k5x5-nearest": (20.02420404123696, 1433.152),
    "sesr-d5w16-e5": (9.065336113963795, 1318.912),
    "ecbsr-d6w16-w2a8": (4.4091339576, 406.072),
    "grouped-d14w40-g8-nearest": (40.9974327175481, 8444.32),
}


def _work(chain: Chain, size: tuple[int, int], threads: int = 1) -> dict[str, float]:
    return dict(zip(WORK, work_of_strips(schedule_of_chain(chain, TARGET), size, threads, 1 << 21)[-1], strict=True))


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
    whole, (first, second) = (work_of_strips(schedule_of_chain(chain, TARGET), (640, 360), n, 1 << 21) for n in (1, 2))
    products = WORK.index("products")
    assert first[products] < second[products] < whole[0][products] < first[products] + second[products]


def test_a_prediction_is_the_slowest_threads_work_times_its_costs() -> None:
    schedule = schedule_of_chain(POINT, TARGET)
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


def test_predictions_are_those_of_the_profile_that_ships() -> None:
    chosen = [candidate for candidate in builtin_space().candidates() if candidate.name in RECORDED]
    rows = evaluate(chosen, default_profile())
    found = {row.candidate.name: (row.predicted_ms, row.live_kb) for row in rows}
    assert found == {name: pytest.approx(values, rel=1e-9) for name, values in RECORDED.items()}
