"""Pixels as arrays: colour, resize, metrics. NumPy only."""

from __future__ import annotations

from pocketsr.pixels.resize import cubic, imresize

__all__ = ["cubic", "imresize"]
