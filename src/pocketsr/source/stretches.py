"""Which network a stretch of a coded video goes through, and whether any does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pocketsr.source.choice import Choice, choose, why
from pocketsr.source.strength import Seen

__all__ = ["PLAIN", "PLAIN_FROM", "choose_stretches"]

PLAIN: Final = "bicubic"
"""Where super-resolution pays no more: what a coarse quantizer left isn't detail."""

PLAIN_FROM: Final = 0.95
"""From this strength on bicubic was as good as small-call within 0.01 dB, on the mean of training clips
(benchmarks/codec_aware.json)."""

_ALIKE = 0.05  # strengths


def choose_stretches(stretches: Sequence[tuple[float, Seen]]) -> list[tuple[float, Choice]]:
    """(start, choice) for (start, what was seen there), without those that say what the one before says.

    A network is chosen as `choose` does, but plain bicubic for what was coded so coarsely that none measured better.
    Text and windows are what most of the video is, and crisp or not, since coarse blocks look like them now and then.
    """
    screen = 2 * sum(seen.screen for _, seen in stretches) > len(stretches)
    crisp = 2 * sum(seen.crisp for _, seen in stretches) > len(stretches)
    found: list[tuple[float, Choice]] = []
    for start, seen in stretches:
        choice = _chosen(replace(seen, screen=screen, crisp=crisp))
        if not found or not _alike(found[-1][1], choice):
            found.append((start, choice))
    return found


def _chosen(seen: Seen) -> Choice:
    if seen.screen or not seen.hints.moving or seen.strength < PLAIN_FROM:
        return choose(seen)
    return Choice(PLAIN, seen.strength, why(seen))


def _alike(one: Choice, other: Choice) -> bool:
    """The same network, told nearly the same."""
    return one.network == other.network and (one.network == PLAIN or abs(one.strength - other.strength) < _ALIKE)
