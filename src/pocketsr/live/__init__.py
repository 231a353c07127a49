"""Frames in, frames out, one at a time."""

from __future__ import annotations

from pocketsr.live.stream import Stream

__all__ = ["Stream"]
