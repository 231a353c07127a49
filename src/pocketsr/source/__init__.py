"""What a source is: lossless or not, how strongly degraded, a photograph or a screen; and which network suits it."""

from __future__ import annotations

from pocketsr.source.choice import AUTO, Choice, choose, together
from pocketsr.source.hints import Hints
from pocketsr.source.quantizer import jpeg_quality
from pocketsr.source.side_data import FrameQp, mean_qp
from pocketsr.source.strength import Seen, estimate_strength, look
from pocketsr.source.stretches import PLAIN_FROM, choose_stretches

__all__ = [
    "AUTO",
    "PLAIN_FROM",
    "Choice",
    "FrameQp",
    "Hints",
    "Seen",
    "choose",
    "choose_stretches",
    "estimate_strength",
    "jpeg_quality",
    "look",
    "mean_qp",
    "together",
]
