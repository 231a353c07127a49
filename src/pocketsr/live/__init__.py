"""Frames in, frames out, one at a time, and on time."""

from __future__ import annotations

from pocketsr.live.governed import GovernedStream, Made, Statistics
from pocketsr.live.governor import Decision, Governor
from pocketsr.live.situation import CONSTANTS, Level, Power, Pressure, Reason, Situation
from pocketsr.live.stream import Stream
from pocketsr.live.turns import Turns

__all__ = [
    "CONSTANTS",
    "Decision",
    "GovernedStream",
    "Governor",
    "Level",
    "Made",
    "Power",
    "Pressure",
    "Reason",
    "Situation",
    "Statistics",
    "Stream",
    "Turns",
]
