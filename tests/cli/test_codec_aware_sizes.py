"""`--codec-aware` takes what ships for the size that is asked for, where a video's networks all do."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

from pocketsr.cli import _codec_aware
from pocketsr.cli._networks import AUTO
from pocketsr.cli._upscaling import Job
from pocketsr.sizing import Size
from pocketsr.source import Hints, Seen
from pocketsr.video.stretches import Stretch


@pytest.mark.parametrize(
    ("strengths", "factor", "wanted"),
    [
        ((0.0, 0.0), 3, ["small-x3"]),
        ((0.0, 0.0), 4, ["small-x4"]),
        ((0.0, 0.0), 2, ["small"]),
        ((0.0, 1.0), 3, ["small", "bicubic"]),
        ((1.0, 1.0), 3, ["bicubic"]),
    ],
)
def test_networks_are_of_the_size_and_of_one_scale(
    strengths: tuple[float, ...], factor: int, wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hints = Hints("h264", True, False)
    stretches = [Stretch(5.0 * at, Seen(hints, strength, False, 0.0)) for at, strength in enumerate(strengths)]
    monkeypatch.setattr("pocketsr.video.stretches.look_at_stretches", lambda _: stretches)
    opened: list[str] = []

    def open_networks(names: list[str], *_: object) -> dict[str, SimpleNamespace]:
        opened.extend(names)
        return {name: SimpleNamespace(strengths=0) for name in names}

    monkeypatch.setattr(_codec_aware, "open_networks", open_networks)
    job = Job(AUTO, None, Size(factor=Fraction(factor)), 1, None, None, None, codec_aware=True)
    made = _codec_aware.in_parts(job, Path("in.mp4"), Path("in.mp4"))
    assert opened == wanted
    assert made.model == wanted[0]
    assert made.line is not None
    assert [line.rsplit(": ", 1)[1] for line in made.line.split("; ")] == wanted
