"""What small text that is read by tesseract is, and how what it reads is counted."""

from __future__ import annotations

import numpy as np
import pytest
from small_text import FONTS, LINES, SIZES, compared, distance, pages

pytest.importorskip("matplotlib", reason="whose fonts are drawn with")


@pytest.mark.parametrize(
    ("a", "b", "edits"),
    [
        ("", "", 0),
        ("abc", "", 3),
        ("", "ab", 2),
        ("kitten", "sitting", 3),
        ("small text", "smaII text", 2),
        ("ab", "ba", 2),
    ],
)
def test_distance(a: str, b: str, edits: int) -> None:
    assert distance(a, b) == distance(b, a) == edits


def test_pages_hold_every_size_in_every_font_twice() -> None:
    found = list(pages())
    assert len(found) == 2 * len(SIZES) * len(FONTS)
    assert len({(page.origin, page.font, page.pixels) for page in found}) == len(found)
    for page in found[::7]:
        assert page.ideal.shape == tuple(2 * side for side in page.luma.shape)
        assert len(page.tops) == LINES + 1 == len(page.lines) + 1
        assert page.tops[-1] == page.luma.shape[0]
        assert page.ideal.min() >= 16
        assert page.ideal.max() <= 235
        rows = [page.luma[top:bottom] for top, bottom in zip(page.tops, page.tops[1:], strict=False)]
        assert min(float(np.ptp(row)) for row in rows) > 40  # each line has its letters
        cut = [page.luma[top] for top in page.tops[:-1]]
        assert max(float(np.ptp(row)) for row in cut) < 40  # and none reaches into another
    again = next(pages())
    assert again.lines == found[0].lines
    assert np.array_equal(again.luma, found[0].luma)


def test_ratios_come_with_intervals() -> None:
    rng = np.random.default_rng(0)
    base = rng.poisson(1.0, 400)
    found = compared({"bicubic": base, "small": base, "half": rng.binomial(base, 0.5), "none": 0 * base}, ("bicubic",))
    assert found["bicubic"] == {}
    assert found["small"] == {"to_bicubic": 1.0, "to_bicubic_95": [1.0, 1.0]}
    low, high = found["half"]["to_bicubic_95"]
    assert 0.35 < low < found["half"]["to_bicubic"] < high < 0.65
    assert found["none"]["to_bicubic"] == 0.0
