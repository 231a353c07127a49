"""Animated pictures in and out, as frames. Apart from still ones, which need no PyAV."""

from __future__ import annotations

from pocketsr.image.animation.sink import AnimationSink
from pocketsr.image.animation.source import AnimationSource

__all__ = ["AnimationSink", "AnimationSource"]
