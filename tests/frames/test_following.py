"""The strength of a stream: looked for now and then, steady, and at once elsewhere where the source changes."""

from __future__ import annotations

import numpy as np
import pytest

from pocketsr.frames import Frame, looking
from pocketsr.frames.looking import Following, look_at_frame
from pocketsr.source import Hints, Seen


def frame(pix_fmt: str = "gray", shape: tuple[int, ...] = (48, 64)) -> Frame:
    return Frame.from_array(pix_fmt, np.random.default_rng(0).integers(0, 256, shape, np.uint8))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What looks find, one after the other; each is taken off."""
    strengths: list[float] = []
    monkeypatch.setattr(looking, "look", lambda *_: Seen(Hints(moving=True), strengths.pop(0), False, 0.0))
    return strengths


def follow(strengths: list[float], found: list[float]) -> list[float]:
    """One look's worth of frames for each."""
    found[:] = strengths
    following = Following()
    made = []
    for _ in strengths:
        made.append(following(frame()))
        for _ in range(looking._EVERY - 1):
            assert following(frame()) == made[-1]
    assert found == []
    return made


def test_small_changes_are_none(found: list[float]) -> None:
    assert follow([0.4, 0.42, 0.38, 0.41], found) == [0.4] * 4


def test_a_drift_is_followed_smoothly(found: list[float]) -> None:
    made = follow([0.4, 0.5, 0.5, 0.5], found)
    assert made == sorted(made)
    assert 0.4 < made[1] < 0.45
    assert 0.46 < made[-1] < 0.5


def test_a_jump_is_taken_at_once(found: list[float]) -> None:
    assert follow([0.4, 0.8, 0.1], found) == [0.4, 0.8, 0.1]


@pytest.mark.parametrize(
    ("pix_fmt", "shape"),
    [("gray", (48, 64)), ("rgb24", (48, 64, 3)), ("bgra", (48, 64, 4)), ("rgba", (1, 1, 4)), ("gray", (3, 500))],
)
def test_any_frame_can_be_looked_at(pix_fmt: str, shape: tuple[int, ...]) -> None:
    assert 0.0 <= look_at_frame(frame(pix_fmt, shape)).strength <= 1.0


def test_bits_and_shifts_do_not_count() -> None:
    luma = np.random.default_rng(1).integers(0, 256, (64, 96), np.uint8)
    grey = np.full((32, 48), 128, np.uint8)
    of_8 = look_at_frame(Frame.from_planes("i420", [luma, grey, grey]))
    deep = [plane.astype(np.uint16) << 8 for plane in (luma, np.dstack([grey, grey]).reshape(32, 96))]
    of_10 = look_at_frame(Frame.from_planes("p010le", deep))  # ten bits at the top of sixteen
    assert of_10.strength == pytest.approx(of_8.strength, abs=0.02)
