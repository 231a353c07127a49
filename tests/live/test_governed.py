"""A governed stream gives frames of one size, whatever makes them, and says what did."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pocketsr import ArgumentError, UserError
from pocketsr.engine import Plane
from pocketsr.frames import Frame
from pocketsr.live import GovernedStream, Level, Power, Reason, Turns
from pocketsr.live import probe as probing

COSTS = [1_000, 4_000, 0, 15_000, 0, 0, 0]


class Clock:
    """Goes on by as much at each reading."""

    def __init__(self, step: int = 1_000) -> None:
        self.now, self.step = 0, step

    def __call__(self) -> int:
        self.now += self.step
        return self.now


class Doubler:
    """Every sample twice, or an error."""

    scale, channels, edge_halo = 2, 1, 0
    fails = False

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:  # noqa: ARG002
        if self.fails:
            raise RuntimeError("it broke")
        out = np.empty((2 * y.shape[0], 2 * y.shape[1]), y.dtype) if out is None else out
        out[...] = y.repeat(2, 0).repeat(2, 1)
        return out


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> Frame:
    rng = np.random.default_rng(seed)
    return Frame.from_buffer("i420", rng.integers(0, 256, size[0] * size[1] * 3 // 2, np.uint8), *size)


def governed(tiny: Doubler | None = None, clock: Clock | None = None) -> GovernedStream:
    ladder = {"bicubic": "bicubic", "tiny": tiny or Doubler()}
    return GovernedStream(ladder, us_per_mpx=COSTS, turns=Turns(), clock=clock or Clock(), threads=1)


def test_levels_reasons_and_sizes() -> None:
    with governed() as stream:
        made = [stream(picture(seed)) for seed in range(14)]
        assert {(m.frame.width, m.frame.height) for m in made} == {(128, 96)}
        assert (made[0].level, made[0].reason) == (Level.BICUBIC, Reason.WARM_UP)
        assert (made[-1].level, made[-1].reason) == (Level.TINY, Reason.NONE)
        again = stream(picture(13))
        assert (again.reason, again.took_us) == (Reason.STATIC, 0)
        assert all(map(np.array_equal, again.frame.planes, made[-1].frame.planes))
        stream.power = Power.LOW
        passed = stream(picture(20))
        assert (passed.level, passed.reason) == (Level.PASS_THROUGH, Reason.BATTERY)
        assert np.array_equal(passed.frame.planes[0], picture(20).planes[0].repeat(2, 0).repeat(2, 1))
        larger = stream(picture(21, (80, 60)))
        assert (larger.frame.width, larger.frame.height) == (160, 120)
        counted = stream.statistics
        assert (counted.frames, counted.repeated, counted.late, counted.level_changes) == (17, 1, 0, 1)
        assert repr(stream) == "<GovernedStream x2 pass through>"
    with pytest.raises(ArgumentError, match="closed"):
        stream(picture(1))


def test_a_level_that_fails_is_replaced_for_that_frame() -> None:
    tiny = Doubler()
    with governed(tiny) as stream:
        for seed in range(13):
            stream(picture(seed))
        tiny.fails = True
        made = stream(picture(99))
        assert (made.level, made.reason) == (Level.BICUBIC, Reason.FAULT)
        assert stream.statistics.faults == 1


def test_pushed_frames_the_newest_wins() -> None:
    turns = Turns()
    with GovernedStream({"bicubic": "bicubic"}, us_per_mpx=COSTS, turns=turns, clock=Clock(), threads=1) as stream:
        with turns.turn("somebody else"):  # the worker has to wait: frames pile up
            for seed in range(5):
                stream.push(picture(seed))
        made = stream.latest(timeout=None)
        assert made is not None
        assert stream.statistics.dropped + stream.statistics.frames == 5
        assert stream.latest() is None
        with pytest.raises(UserError):
            stream.push(np.zeros((4, 4, 7), np.uint8))


def test_levels_that_are_none_and_rates() -> None:
    with pytest.raises(ArgumentError, match="no level 'huge'"):
        GovernedStream({"huge": "tiny"}, us_per_mpx=COSTS)
    with pytest.raises(ArgumentError, match="frames a second"):
        GovernedStream({"tiny": "tiny"}, us_per_mpx=COSTS, fps=0)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"us_per_mpx": [1, 2]}', '{"us_per_mpx": [1, -5, 1, 1, 1, 1, 1]}', "x" * 9999]
)
def test_probed_costs_are_kept_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(probing, "cache_folder", lambda: tmp_path / "kept")
    measured: list[int] = []

    def measure() -> list[int]:
        measured.append(1)
        return [1, 2, 3, 0, 0, 0, 0]

    for _ in range(2):
        assert probing.kept([b"net"], measure) == [1, 2, 3, 0, 0, 0, 0]
    assert len(measured) == 1
    (file,) = (tmp_path / "kept").iterdir()
    assert json.loads(file.read_text()) == {"us_per_mpx": [1, 2, 3, 0, 0, 0, 0]}
    file.write_text(content)
    assert probing.kept([b"net"], measure) == [1, 2, 3, 0, 0, 0, 0]
    assert len(measured) == 2
