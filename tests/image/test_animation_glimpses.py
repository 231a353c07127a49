"""A GIF has no frames shorter than 20 ms: what is left out is the glimpse, never what was to be seen for seconds."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pocketsr.frames import Frame
from pocketsr.image.animation import AnimationSink


def _frames(shown: list[tuple[int, int]]) -> list[Frame]:
    """(grey, milliseconds) of each."""
    made, at = [], 0
    for level, length in shown:
        pixels = np.full((8, 24), level, np.uint8)  # 8x8 RGB
        frame = Frame.from_planes("rgb24", [pixels], pts=at, time_base=Fraction(1, 1000))
        made.append(replace(frame, duration=length))
        at += length
    return made


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ([(10, 500), (100, 12), (240, 3000)], [(10, 500), (240, 3010)]),
        ([(10, 12), (240, 3000), (90, 500)], [(240, 3010), (90, 500)]),
        ([(10, 500), (100, 12), (240, 12)], [(10, 500), (100, 20)]),
        ([(10, 3000), (240, 12)], [(10, 3000), (240, 20)]),
        ([(10, 500), (240, 3000)], [(10, 500), (240, 3000)]),
    ],
)
def test_the_long_picture_stays(shown: list[tuple[int, int]], wanted: list[tuple[int, int]], tmp_path: Path) -> None:
    frames = _frames(shown)
    with AnimationSink(tmp_path / "out.gif", source=tmp_path / "in.webp") as sink:
        sink.begin(frames[0].format)
        for frame in frames:
            sink.write(frame)
    found = []
    with Image.open(tmp_path / "out.gif") as image:
        for index in range(image.n_frames):
            image.seek(index)
            found.append((image.convert("RGB").getpixel((2, 2))[0], round(image.info["duration"])))
    assert [level for level, _ in found] == pytest.approx([level for level, _ in wanted], abs=2)
    assert [length for _, length in found] == pytest.approx([length for _, length in wanted], abs=10)
    assert len(sink.warnings) == (len(wanted) < len(shown))
