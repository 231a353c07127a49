"""When a call's sender changes the size that it codes: `choose`, asked once a second, with hysteresis.

A pure state machine: what it is told decides what it answers. web/src/sending.ts is the same for browsers, and
tests/codec/sending-traces.json is run by both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from pocketsr.codec.rule import MOST_QP, TABLE, Choice, Sent, choose

__all__ = ["CONSTANTS", "SizeReason", "SizeSwitch", "Sizing"]

_HOLD_US = 5_000_000  # from one change of size to the next, and from the start, when the rate still rises
_MEAN_US = 2_000_000  # over which bits are averaged: a key frame alone is no reason
_LEAVE = 1.25  # a larger size must be right at so many bits less too; the table has that margin to native

CONSTANTS = {"hold_us": _HOLD_US, "mean_us": _MEAN_US, "leave": _LEAVE}
"""What every implementation has alike."""


class SizeReason(StrEnum):
    """Why a sender codes the size that it does."""

    UNKNOWN = "nothing measured yet"
    NOT_MEASURED = "codec not measured"  # the table has no line for it
    CRISP = "picture too crisp"  # than all that smaller sizes were measured to pay for
    FEW_BITS = "few bits"  # so the smaller size is the better one
    ENOUGH_BITS = "enough bits"
    LOW_QP = "fine as it is"  # quantization loses less than a smaller size would
    WAITING = "too soon to change"  # another size would be better, and its time comes


@dataclass(frozen=True)
class Sizing:
    """scale, model: as of `Choice`. bits_per_pixel: of the full size, on average; None: not known yet."""

    scale: float
    model: str | None
    reason: SizeReason
    bits_per_pixel: float | None


class SizeSwitch:
    """Tells a sender which size to code. It begins with the full one."""

    def __init__(self) -> None:
        self._choice = Choice(1, None)
        self._mean: float | None = None
        self._now: int | None = None
        self._clock = 0  # microseconds since the first call; time doesn't run backwards
        self._changed = 0
        self._last = SizeReason.UNKNOWN

    def update(
        self, now_us: int, codec: str, bits_per_pixel: float, softness_db: float, qp: float | None = None
    ) -> Sizing:
        """To be called once a second or so.

        now_us: of any clock. codec: "h264", "h265", "vp8", "vp9" or "av1"; the full size is sent with others.
        bits_per_pixel: what was sent since the last call, over the pixels that the frames have at full size.
        softness_db: `half_size_psnr` of the original. qp: as `choose` takes it; it counts at full size alone.
        Numbers that can't be change nothing.
        """
        step = 0 if self._now is None else min(max(now_us - self._now, 0), _HOLD_US)
        self._clock, self._now = self._clock + step, now_us
        if not (math.isfinite(bits_per_pixel) and bits_per_pixel > 0) or math.isnan(softness_db):
            return self._told(self._last)
        if self._mean is None:
            self._mean = bits_per_pixel
        self._mean += (bits_per_pixel - self._mean) * min(step, _MEAN_US) / _MEAN_US
        if codec not in TABLE:
            self._choice = Choice(1, None)
            return self._told(SizeReason.NOT_MEASURED)
        most = MOST_QP.get(codec, -1)
        known = qp if qp is not None and 0 <= qp <= most and self._choice.scale == 1 else None
        wanted = choose(codec, self._mean, softness_db=softness_db, qp=known)
        if wanted.scale < self._choice.scale:
            surer = choose(codec, self._mean / _LEAVE, softness_db=softness_db)
            wanted = surer if surer.scale < self._choice.scale else self._choice
        if wanted.scale != self._choice.scale:
            if self._clock - self._changed < _HOLD_US:
                return self._told(SizeReason.WAITING)
            self._choice, self._changed = wanted, self._clock
        return self._told(self._reason(codec, softness_db, known))

    def _reason(self, codec: str, softness_db: float, qp: float | None) -> SizeReason:
        if self._choice.scale > 1:
            return SizeReason.FEW_BITS
        sent = cast(Sent, codec)  # `update` has seen that the table holds it
        if not any(softness_db >= line.softness_db for line in TABLE[sent]):
            return SizeReason.CRISP
        assert self._mean is not None
        if qp is not None and choose(sent, self._mean, softness_db=softness_db).scale > 1:
            return SizeReason.LOW_QP
        return SizeReason.ENOUGH_BITS

    def _told(self, reason: SizeReason) -> Sizing:
        self._last = reason
        return Sizing(self._choice.scale, self._choice.model, reason, self._mean)
