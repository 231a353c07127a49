"""A look at frames: what was done to them, and its strength while it changes."""

from __future__ import annotations

from collections.abc import Callable

from pocketsr.engine import Plane
from pocketsr.frames.frame import Frame
from pocketsr.source import Hints, Seen, estimate_strength, look

__all__ = ["Following", "look_at_frame"]

_EVERY = 12  # frames from one look to the next
_STEP, _JUMP = 0.03, 0.15  # a difference that is followed at all, and one that is another scene or rate
_SHARE = 0.4  # of a difference that is followed at once


def look_at_frame(frame: Frame, hints: Hints | None = None) -> Seen:
    """What is seen in a frame's luma, or where it has none, in its green (or only) component."""
    parts = [part for part in frame.layout.components if part.role == "luma"]
    part = parts[1] if len(parts) == 3 else parts[0]
    samples = frame.component(part)
    if not samples.dtype.isnative:
        samples = samples.astype(samples.dtype.newbyteorder("="))
    if part.shift:
        samples = samples >> part.shift
    return look(samples, hints or Hints(moving=True), frame.layout.bits)


class Following:
    """The strength of a stream's frames, by a look at every 12th: steady, so that still pictures stay still, smooth
    where it drifts, at once where it jumps.

    hints: what is known of the stream.
    """

    def __init__(self, hints: Hints | None = None) -> None:
        self._hints = hints
        self._count, self._strength = 0, 0.0

    def __call__(self, frame: Frame) -> float:
        """Of a frame, 0..1."""
        return self._after(lambda: look_at_frame(frame, self._hints).strength)

    def of_luma(self, luma: Plane) -> float:
        """Of a frame's luma alone, (H, W) uint8 or uint16, 0..1."""
        return self._after(lambda: estimate_strength(luma, self._hints))

    def _after(self, looked: Callable[[], float]) -> float:
        if self._count % _EVERY == 0:
            found = looked()
            change = found - self._strength
            if not self._count or abs(change) > _JUMP:
                self._strength = found
            elif abs(change) > _STEP:
                self._strength += _SHARE * change
        self._count += 1
        return self._strength
