"""Two networks over one picture: the good one where it shows, the cheap one everywhere else."""

from __future__ import annotations

from pocketsr.adaptive.adaptive import CALL_PAIR, CHEAP, GOOD, Adaptive, open_adaptive
from pocketsr.adaptive.gain import GAIN, GRADIENT

__all__ = ["CALL_PAIR", "CHEAP", "GAIN", "GOOD", "GRADIENT", "Adaptive", "open_adaptive"]
