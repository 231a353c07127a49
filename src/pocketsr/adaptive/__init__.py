"""Two networks over one picture: the good one where it shows, the cheap one everywhere else."""

from __future__ import annotations

from pocketsr.adaptive.adaptive import CHEAP, GOOD, PAIRS, Adaptive, open_adaptive
from pocketsr.adaptive.gain import GAIN, GRADIENT

__all__ = ["CHEAP", "GAIN", "GOOD", "GRADIENT", "PAIRS", "Adaptive", "open_adaptive"]
