"""`--strength`: what networks are told that take it."""

from __future__ import annotations

import argparse

from pocketsr.names import harmless

__all__ = ["STRENGTH_HELP", "strength"]

STRENGTH_HELP = "what networks are told that take it: how far the input is from its clean shrink, 0 (clean) to 1"


def strength(text: str) -> float:
    """A number from 0 to 1, as the parser of arguments takes it."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{harmless(text, 40)}: a number from 0 (clean) to 1 is expected")
    return number
