"""When a sender changes its size: as the traces say, which the page runs too; never twice in five seconds."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import pytest
from sending_traces import TRACES, content, replay

from pocketsr.codec import SizeReason, SizeSwitch
from pocketsr.codec.rule import NETWORK

FILE = json.loads(TRACES.read_text())
BY_NAME: dict[str, dict[str, Any]] = {trace["name"]: trace for trace in FILE["traces"]}


def test_the_file_is_what_the_tool_writes() -> None:
    assert json.loads(json.dumps(content())) == FILE


def test_every_reason_occurs() -> None:
    assert {answer[2] for trace in FILE["traces"] for answer in trace["expected"]} == set(map(str, SizeReason))


def scales(name: str) -> list[float]:
    return [answer[0] for answer in BY_NAME[name]["expected"]]


def test_what_the_traces_say_is_right() -> None:
    assert scales("few bits from the start") == [1] * 5 + [2] * 7
    assert scales("between both limits") == [1] * 5 + [1.5] * 7
    assert (
        set(scales("enough bits")) == set(scales("a crisp picture")) == set(scales("limits passed every second")) == {1}
    )
    line = scales("a line that narrows and widens")
    assert [set(line[a:b]) for a, b in ((0, 20), (30, 40), (50, 60))] == [{1}, {2}, {1}]
    around = scales("a rate around a limit")
    assert set(around[15:]) == {2}  # and no going to and fro
    assert set(scales("VP9 has its own scale of QP")[:9]) == {1}
    assert scales("VP9 has its own scale of QP")[-1] == 2


@pytest.mark.parametrize("name", BY_NAME)
def test_a_size_stays_for_five_seconds(name: str) -> None:
    times = [each[0] for each in BY_NAME[name]["told"]]
    if times != sorted(times):
        return
    found = scales(name)
    changes = [0, *(at for at, (a, b) in zip(times[1:], pairwise(found), strict=True) if a != b)]
    assert all(b - a >= FILE["constants"]["hold_us"] for a, b in pairwise(changes))


def test_numbers_that_cannot_be_change_nothing() -> None:
    switch = SizeSwitch()
    for second in range(7):
        sizing = switch.update(1_000_000 * second, "h264", 0.01, 37.0)
    assert (sizing.scale, sizing.model) == (2, NETWORK)
    for rate, softness in ((math.nan, 37.0), (math.inf, 37.0), (-1.0, 37.0), (0.01, math.nan)):
        assert switch.update(9_000_000, "h264", rate, softness) == sizing
    for qp in (-1.0, 52.0, math.nan, math.inf):
        assert switch.update(9_000_000, "h264", 0.01, 37.0, qp) == sizing
    assert SizeSwitch().update(0, "h264", math.nan, 37.0).reason is SizeReason.UNKNOWN


def test_a_codec_that_was_not_measured_gets_the_full_size_back() -> None:
    told = [[1_000_000 * second, "h264" if second < 7 else "mjpeg", 0.01, 37.0, None] for second in range(9)]
    assert [answer[0] for answer in replay(told)] == [1] * 5 + [2] * 2 + [1] * 2
