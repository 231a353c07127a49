"""tests/live/governor-traces.json: what a governor is told, and what it answers. `python tools/governor_traces.py`

Every implementation is to run this file. Read its diff as one reads that of the code: what it says
is right because `tests/live/test_governor.py` says so of each kind of trace, not because it was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pocketsr.atomic_io import replacing
from pocketsr.live import CONSTANTS, Governor, Situation

__all__ = ["COSTS", "TRACES", "replay", "traces"]

TRACES = Path(__file__).resolve().parents[1] / "tests" / "live" / "governor-traces.json"
COSTS = (1_000, 4_000, 8_000, 15_000, 40_000, 100_000, 300_000)  # microseconds a million pixels
_SMALL_PHONE = (4_000, 16_000, 36_000, 90_000, 250_000, 700_000, 0)  # has time for `phone`, not for `tiny`
_NO_DOT_PRODUCTS = (1_000, 4_000, 16_000, 15_000, 40_000, 0, 0)  # `phone` takes longer than `tiny`
_GAPS = (1_000, 0, 0, 15_000, 40_000, 0, 0)  # a ladder of two networks
_FRAME = 33_333
Frame = dict[str, int]
"""A call of `begin` by the fields of `Situation`, and of `end`: after_us, fault; no after_us, no call."""


def replay(costs: list[int], frames: list[Frame]) -> list[list[str | int]]:
    """What a governor answers: [level's name, reason, slow] a frame."""
    governor = Governor(costs)
    found: list[list[str | int]] = []
    for frame in frames:
        about = {key: value for key, value in frame.items() if key not in ("after_us", "fault")}
        level, reason = governor.begin(Situation(**about))
        if "after_us" in frame:
            governor.end(frame["now_us"] + frame["after_us"], bool(frame.get("fault", 0)))
        found.append([level.name.lower(), str(reason), governor.slow])
    return found


def _frames(seconds: float, each: Callable[[float], dict[str, int]], fps: int = 30) -> Iterator[Frame]:
    """`fps` frames a second, `each` told the second. slow: thousandths of the idle time that a frame takes, 1000 unless
    said otherwise; after_us: microseconds, whatever makes it."""
    for number in range(int(seconds * fps)):
        yield {
            "now_us": number * 1_000_000 // fps,
            "width": 640,
            "height": 360,
            **each(number / fps),
        }


def _situations() -> Iterator[tuple[str, list[Frame]]]:
    yield "idle machine", list(_frames(1, lambda _: {}))
    yield (
        "3.5 times the work, then idle again",
        list(_frames(45, lambda t: {"slow": 3500 if 3 <= t < 8 else 1000}, 10)),
    )
    yield (
        "heat: each frame takes 1.67 times as long",
        list(_frames(20, lambda t: {"slow": 1667 if t > 5 else 1000}, 10)),
    )
    yield "late frames", list(_frames(4, lambda t: {"after_us": 50_000} if t in (2.0, 2.5) else {}))
    yield "dropped frames", list(_frames(4, lambda t: {"queue": int(t in (2.0, 2.5))}))
    yield "one late frame is a hiccup", list(_frames(4, lambda t: {"after_us": 90_000} if t == 2.0 else {}))
    yield (
        "larger, smaller",
        list(
            _frames(30, lambda t: {"width": 1920, "height": 1080} if 3 <= t < 6 else {"width": 320, "height": 180}, 10)
        ),
    )
    yield (
        "sizes of no use",
        list(
            _frames(
                6, lambda t: {"width": (0, 16, 8193, 640)[int(t) % 4], "height": (360, 16, 360, 360)[int(t) % 4]}, 10
            )
        ),
    )
    yield "battery, then low, then mains", list(_frames(30, lambda t: {"power": 1 if t < 4 else 2 if t < 8 else 0}, 10))
    yield "pressure", list(_frames(45, lambda t: {"pressure": 3 if 2 <= t < 4 else 2 if 4 <= t < 20 else 0}, 10))
    yield "small frames", list(_frames(15, lambda _: {"width": 160, "height": 90}, 10))
    yield "nothing changes", list(_frames(3, lambda t: {"static": int(1 <= t < 2)}))
    yield "a level fails", list(_frames(90, lambda t: {"fault": int(t == 2)}, 5))
    yield "four streams", list(_frames(3, lambda t: {"streams": 4 if t > 1 else 1}))
    yield (
        "a clock that jumps",
        list(_frames(4, lambda t: {"now_us": int(-5e9 if t == 2 else 8e12 if t == 3 else t * 1e6)})),
    )
    big = 2**53 - 1
    hostile = [-big, -1, 0, 1, big]
    yield "numbers that make no sense", [
        {"now_us": a, "deadline_us": b, "budget_us": -a, "width": b, "height": b, "queue": a, "streams": b,
         "pressure": a, "power": -a, "static": b, "after_us": 1}
        for a in hostile for b in hostile
    ]  # fmt: skip


def _ladders() -> Iterator[tuple[str, tuple[int, ...], list[Frame]]]:
    """What depends on which levels there are, and what they take."""
    late = {2.0: 50_000, 2.5: 50_000}

    def late_frames(t: float) -> dict[str, int]:
        return {"after_us": late[t]} if t in late else {}

    yield "a small phone", _SMALL_PHONE, list(_frames(2, lambda _: {}))
    yield "tiny is late on a machine for phone", COSTS, list(_frames(4, lambda t: {"power": 1, **late_frames(t)}))
    yield "phone takes longer than tiny", _NO_DOT_PRODUCTS, list(_frames(4, lambda t: {"power": 1, **late_frames(t)}))
    yield "levels that aren't there", _GAPS, list(_frames(4, lambda t: {"power": 1, **late_frames(t)}))


def _timed(frames: list[Frame], costs: tuple[int, ...]) -> list[Frame]:
    """The frames with the time that the level chosen for each takes."""
    governor, found = Governor(costs), []
    for frame in frames:
        about = {key: value for key, value in frame.items() if key not in ("after_us", "slow", "fault")}
        level, _ = governor.begin(Situation(**about))
        idle = costs[level] * about.get("width", 0) * about.get("height", 0) // 1_000_000
        took = frame.get("after_us", idle * frame.get("slow", 1000) // 1000)
        governor.end(about["now_us"] + took, bool(frame.get("fault", 0)))
        found.append({**about, "after_us": took, "fault": frame.get("fault", 0)})
    return found


def traces() -> list[dict[str, Any]]:
    """A name, the costs, the frames and what is expected, for each."""
    found = []
    for name, costs, situations in [*((name, COSTS, frames) for name, frames in _situations()), *_ladders()]:
        frames = _timed(situations, costs)
        found.append(
            {"name": name, "us_per_mpx": list(costs), "frames": frames, "expected": replay(list(costs), frames)}
        )
    return found


def main() -> None:
    found = traces()
    rows = []
    for trace in found:
        frames, answers = (_lines(trace[key]) for key in ("frames", "expected"))
        head = json.dumps({"name": trace["name"], "us_per_mpx": trace["us_per_mpx"]})[:-1]
        rows.append(f'{head}, "frames": [\n{frames}], "expected": [\n{answers}]}}')
    body = ",\n".join(rows)
    with replacing(TRACES) as part:
        part.write_text(f'{{"constants": {json.dumps(CONSTANTS)},\n"traces": [\n{body}]}}\n')


def _lines(rows: list[Any]) -> str:
    return ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)


if __name__ == "__main__":
    main()
