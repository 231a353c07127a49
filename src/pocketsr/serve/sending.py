"""Which size a peer is to send of its full one: `pocketsr.codec.SizeSwitch`, asked with what came from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.codec import SizeReason, SizeSwitch, Sizing, half_size_psnr
from pocketsr.serve.decoding import Received
from pocketsr.serve.description import BadOfferError
from pocketsr.serve.settings import Limits

__all__ = ["LEAST_SIDE", "Sending", "checked_full", "checked_look"]

LEAST_SIDE = 64  # pixels, of a full size: half of less is nothing for a network
_EVERY_S = 1.0
_LEAST_LOOK = 16  # pixels a side

Plane = NDArray[np.uint8]


def checked_full(told: object, limits: Limits) -> tuple[int, int] | None:
    """The full size that an offer names, as {width, height}; None where it names none. Raises BadOfferError."""
    if told is None:
        return None
    sides = [told.get(side) for side in ("width", "height")] if isinstance(told, dict) else []
    whole = [side for side in sides if isinstance(side, int) and not isinstance(side, bool)]
    if len(whole) != 2 or any(side % 2 or side < LEAST_SIDE for side in whole) or not limits.allow(*whole):
        most = f"{limits.width}x{limits.height}"
        raise BadOfferError(f"full is {{width, height}}: even numbers from {LEAST_SIDE} up, {most} at most")
    return whole[0], whole[1]


def checked_look(luma: bytes, width: str) -> Plane:
    """A piece of the original's luma, (H, W), from its bytes row by row. Raises BadOfferError."""
    across = int(width) if width.isascii() and width.isdigit() and len(width) < 5 else 0
    if across < _LEAST_LOOK or len(luma) % across or len(luma) // across < _LEAST_LOOK:
        raise BadOfferError(f"a look is rows of luma, a byte a pixel, {_LEAST_LOOK} and more, and ?width= their length")
    return np.frombuffer(luma, np.uint8).reshape(-1, across)


class Sending:
    """full: width and height. codec: as SDP names it."""

    def __init__(self, full: tuple[int, int], codec: str) -> None:
        self._pixels, self._codec = full[0] * full[1], codec.lower()
        self._switch = SizeSwitch()
        self._softness_db = float("nan")
        self._frames = self._bytes = 0
        self._asked_s = 0.0
        self._sizing = Sizing(1, None, SizeReason.UNKNOWN, None)

    def look(self, luma: Plane) -> None:
        """Take how crisp the original is."""
        self._softness_db = half_size_psnr(luma)

    def update(self, received: Received, now_s: float) -> None:
        """To be called often: it asks once a second."""
        if now_s - self._asked_s < _EVERY_S:
            return
        frames, bits = received.frames - self._frames, 8 * (received.bytes - self._bytes)
        self._asked_s, self._frames, self._bytes = now_s, received.frames, received.bytes
        rate = bits / (frames * self._pixels) if frames else 0.0  # 0: nothing is known
        self._sizing = self._switch.update(round(1e6 * now_s), self._codec, rate, self._softness_db)

    @property
    def statistics(self) -> dict[str, Any]:
        """What a page does and shows."""
        sizing = self._sizing
        rate = None if sizing.bits_per_pixel is None else round(sizing.bits_per_pixel, 5)
        return {"scale": sizing.scale, "reason": str(sizing.reason), "bits_per_pixel": rate}
