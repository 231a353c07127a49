"""The governor keeps frames on time, changes seldom, and answers as its traces say."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from governor_traces import COSTS, TRACES, replay
from live_simulation import Weather, costs_from, simulate, ten_minutes

from pocketsr import ArgumentError, ArgumentTypeError
from pocketsr.live import CONSTANTS, Governor, Level, Reason, Situation

RECORDED = json.loads((Path(__file__).parents[2] / "benchmarks" / "governor.json").read_text())
FILE = json.loads(TRACES.read_text())
BY_NAME = {trace["name"]: trace for trace in FILE["traces"]}


@pytest.mark.parametrize("name", BY_NAME)
def test_traces(name: str) -> None:
    trace = BY_NAME[name]
    assert replay(trace["us_per_mpx"], trace["frames"]) == trace["expected"]


def test_traces_hold_every_reason_and_the_constants() -> None:
    reasons = {answer[1] for trace in FILE["traces"] for answer in trace["expected"]}
    assert reasons == {str(reason) for reason in Reason}
    assert FILE["constants"] == CONSTANTS


def told(name: str) -> list[tuple[float, str, str]]:
    """(second, level, reason) wherever one of them changes; the warm-up left out."""
    trace = BY_NAME[name]
    found: list[tuple[float, str, str]] = []
    for frame, (level, reason, _) in zip(trace["frames"], trace["expected"], strict=True):
        if reason != "warm up" and (not found or found[-1][1:] != (level, reason)):
            found.append((frame["now_us"] / 1e6, level, reason))
    return found


def test_what_the_traces_say_is_right() -> None:
    """640x360 at 33.3 ms: small takes 9.2 ms, medium 23; entered below 40 %, left above 80 %."""
    assert told("idle machine")[-1][1:] == ("small", "size too large")
    busy = told("3.5 times the work, then idle again")
    assert [level for second, level, _ in busy if second < 10] == ["small", "tiny"]
    assert busy[-1][1] == "small"
    assert told("small frames")[-1][1:] == ("quality", "none")
    assert [level for _, level, _ in told("one late frame is a hiccup")] == ["small"]
    for name in ("late frames", "dropped frames"):
        assert [level for _, level, _ in told(name)] == ["small", "tiny"], name
    assert {(level, reason) for _, level, reason in told("battery, then low, then mains")[:2]} == {
        ("tiny", "battery"), ("pass_through", "battery"),
    }  # fmt: skip
    assert told("battery, then low, then mains")[-1][1] == "small"
    pressed = {second: level for second, level, _ in told("pressure")}
    assert pressed[2.0] == "bicubic"
    assert all(level == "bicubic" for second, level in pressed.items() if 2 <= second < 20)
    assert told("pressure")[-1][1] == "small"
    still = told("nothing changes")
    assert [reason for _, _, reason in still] == ["size too large", "static", "size too large"]
    failed = told("a level fails")
    assert [(level, reason) for second, level, reason in failed if 2 < second < 60] == [("tiny", "fault")]
    assert failed[-1][1] == "small"
    assert told("four streams")[-1][1] in ("tiny", "phone", "bicubic")


def test_levels_that_are_there_are_used_in_the_order_of_their_costs() -> None:
    """`phone` between bicubic and `tiny`, where it takes less than that; what isn't there is passed over."""
    assert told("a small phone")[-1][1:] == ("phone", "size too large")
    assert [level for _, level, _ in told("tiny is late on a machine for phone")] == ["tiny", "phone"]
    assert [level for _, level, _ in told("phone takes longer than tiny")] == ["tiny", "bicubic"]
    assert [level for _, level, _ in told("levels that aren't there")] == ["tiny", "pass_through"]
    levels = {answer[0] for answer in BY_NAME["levels that aren't there"]["expected"]}
    assert levels == {"tiny", "pass_through"}  # also in the warm-up, without bicubic


@pytest.mark.parametrize("there", [{3}, {1, 4}, {2, 5, 6}, {1, 3, 6}, set()], ids=str)
def test_no_level_is_taken_that_is_not_there(there: set[int]) -> None:
    costs = [1_000, *(cost if level in there else 0 for level, cost in enumerate(COSTS) if level)]
    governor, chance, now = Governor(costs), random.Random(1), 0
    for _ in range(3_000):
        level, _ = governor.begin(Situation(now, 0, 33_333, 320, 180, queue=int(chance.random() < 0.01)))
        assert level == Level.PASS_THROUGH or level in there
        governor.end(now + chance.choice((2_000, 2_000, 2_000, 50_000)), fault=chance.random() < 0.002)
        now += 33_333


@pytest.mark.parametrize("row", RECORDED["rows"], ids=lambda row: row["device"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_minutes_on_a_device(row: dict[str, Any], seed: int) -> None:
    costs, probed = costs_from(row["times_us"])
    (run,) = simulate([Governor(probed)], costs, ten_minutes(seed), 600, seed)
    frames = len(run.made) + run.dropped
    assert frames > 17_900
    assert run.late * 1000 <= frames
    assert run.hasty() == []
    again = simulate([Governor(probed)], costs, ten_minutes(seed), 600, seed)[0]
    assert again.changes() == run.changes()


def test_four_streams_share_a_device_fairly() -> None:
    costs, probed = costs_from(RECORDED["rows"][4]["times_us"])
    runs = simulate([Governor(probed) for _ in range(4)], costs, Weather(jitter=0.05), 60)
    assert all(run.late <= 2 for run in runs)
    assert len({run.made[-1].decision.level for run in runs}) == 1
    alone = simulate([Governor(probed)], costs, Weather(jitter=0.05), 60)[0]
    assert runs[0].mean_level() < alone.mean_level()


def test_a_climb_that_fails_waits_longer() -> None:
    """The load comes back as soon as a level is raised."""
    governor, now, raised = Governor(COSTS), 0, []
    level = Level.PASS_THROUGH
    for _ in range(30 * 600):
        before, (level, reason) = level, governor.begin(Situation(now, 0, 33_333, 640, 360))
        if level > before and level == Level.SMALL and reason != Reason.WARM_UP:
            raised.append(now)
        governor.end(now + (40_000 if level >= Level.SMALL else 3_000))
        now += 41_000
    assert len(raised) >= 3
    waits = [b - a for a, b in pairwise(raised)]
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match="now_us is str"):
        Situation("1")  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="us_per_mpx is float"):
        Governor([1.5] * len(Level))  # type: ignore[list-item]
    with pytest.raises(ArgumentError, match="3 costs"):
        Governor([1, 2, 3])
