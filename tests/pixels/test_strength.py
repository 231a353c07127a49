"""The strength of a degradation: a number for what was changed."""

from __future__ import annotations

import numpy as np
import pytest

from pocketsr.pixels.strength import STRONGEST_RMS, strength_between, strength_of


def test_it_goes_from_clean_to_the_strongest() -> None:
    assert strength_of(0) == 0
    assert strength_of(STRONGEST_RMS) == pytest.approx(1)
    assert strength_of(10 * STRONGEST_RMS) == 1
    assert strength_of(2.0) == pytest.approx(np.log2(3) / np.log2(13))
    assert all(strength_of(a) < strength_of(a + 0.1) for a in np.arange(0, STRONGEST_RMS - 0.2, 0.1))


def test_between_two_pictures_the_root_of_the_mean_square_counts() -> None:
    clean = np.full((4, 6), 100, np.uint8)
    other = clean.copy()
    other[::2] -= 6
    assert strength_between(clean, clean) == 0
    assert strength_between(clean, other) == strength_between(other, clean)
    assert strength_between(clean, other) == pytest.approx(strength_of(6 / np.sqrt(2)))
