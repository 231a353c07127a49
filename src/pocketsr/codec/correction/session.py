"""The two ends: a sender that stays within its bits and never sends what doesn't help, and a receiver that doubts."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from pocketsr.codec.correction.filter import Correction, corrected
from pocketsr.codec.correction.fitting import Sums, fit
from pocketsr.codec.correction.message import Message, MessageError, read, write
from pocketsr.errors import ArgumentError

__all__ = ["OVERHEAD_BYTES", "Receiver", "Sender"]

OVERHEAD_BYTES = 27
"""What carries a message in a stream takes at most, but for emulation prevention: start code, header, identifier."""

_KEEP = 0.7  # of what earlier pictures said, with each new one: a scene changes
_EARLIER = 1 + _KEEP - 1e-6  # pictures, as they fade: a call's first frames are unlike those that follow
_LEAST_DB = 0.02  # of gain on the newest picture, for a correction to be worth its bits
_BETTER_DB = 0.02  # of gain over what the receiver has, for another to be
_BURST_S = 1.5  # seconds' worth of bits that may be saved up, or as many as a message takes that waits for them
_REPEAT_S = 4.0


class Sender:
    """Fits corrections on what was sent, and says when one is due.

    network: `network_id` of the network behind which it is applied. kbit_per_s: what messages may take on average, with
    what carries them; the fewer, the seldomer one goes. Raises ArgumentError for a rate that isn't above 0.
    """

    def __init__(self, network: bytes, kbit_per_s: float = 1.0) -> None:
        self._network = network
        if not (math.isfinite(kbit_per_s) and kbit_per_s > 0):
            raise ArgumentError(f"{kbit_per_s} kbit/s for corrections: a number above 0 is expected")
        self._bits_per_s = 1000 * kbit_per_s
        self._saved = self._most = self._bits_per_s * _BURST_S
        self._seconds: float | None = None
        self._clock = 0.0  # seconds since the first call; time doesn't run backwards
        self._past = Sums()
        self._newest: Sums | None = None
        self._sent: Correction | None = None
        self._said: float | None = None  # when
        self._measured = False

    def measure(self, decoded: NDArray[Any], upscaled: NDArray[Any], original: NDArray[Any]) -> None:
        """One picture as the receiver has it, decoded (H, W) and upscaled (2 H, 2 W) without a correction, and HR.

        It need not be every picture: a few a second will do.
        """
        self.learn(Sums.of(decoded, upscaled, original))

    def learn(self, newest: Sums) -> None:
        """As `measure`, of a picture that was summed elsewhere."""
        if self._newest is not None:
            self._past.add(self._newest, _KEEP)
        self._newest = newest
        self._measured = True

    def due(self, seconds: float) -> bytes | None:
        """The message to send now, or None. seconds: time on any clock, of the picture that it goes with.

        A correction is fitted on the pictures before the newest one, two at least, and tried on that one; only one that
        gains there is sent, fitted on all. Where what the receiver has begins to harm, it is told to use none. What was
        said last is repeated every few seconds, for those who missed it.
        """
        elapsed = 0.0 if self._seconds is None else max(0.0, seconds - self._seconds)
        self._seconds, self._clock = seconds, self._clock + elapsed
        self._saved = min(self._saved + elapsed * self._bits_per_s, self._most)
        wanted = [self._sent] if self._said is not None and self._clock - self._said >= _REPEAT_S else []
        if self._measured and self._newest is not None:
            self._measured = False
            has = self._newest.gain_db(self._sent)
            made = self._proved(self._newest)
            if made is not None and self._newest.gain_db(made) >= has + _BETTER_DB:
                wanted.insert(0, made)
            if has < 0:
                wanted = [*(each for each in wanted if each != self._sent), None]
        for correction in wanted:  # the first one that there are bits for
            data = write(Message(self._network, correction))
            bits = 8 * (len(data) + OVERHEAD_BYTES)
            if bits <= self._saved:
                self._saved, self._most = self._saved - bits, self._bits_per_s * _BURST_S
                self._sent, self._said = correction, self._clock
                return data
            self._most = max(self._most, bits)
        return None

    def _proved(self, newest: Sums) -> Correction | None:
        """Fitted on all pictures, if what is fitted on the earlier ones gains on the newest."""
        if self._past.pixels < _EARLIER * newest.pixels or newest.gain_db(fit(self._past)) < _LEAST_DB:
            return None
        together = Sums()
        together.add(self._past, 1.0)
        together.add(newest, _KEEP)
        made = fit(together)
        return made if newest.gain_db(made) >= _LEAST_DB else None


class Receiver:
    """Holds the correction that was heard last. network: `network_id` of the network that upscales here."""

    def __init__(self, network: bytes) -> None:
        self._network = network
        self._correction: Correction | None = None

    @property
    def correction(self) -> Correction | None:
        """What is applied now."""
        return self._correction

    def hear(self, data: bytes) -> bool:
        """Take a message. False for what isn't one, or is one for another network; what was heard before stays."""
        try:
            message = read(data)
        except MessageError:
            return False
        if message.network != self._network:
            return False
        self._correction = message.correction
        return True

    def apply(self, decoded: NDArray[Any], upscaled: NDArray[Any], bits: int | None = None) -> NDArray[Any]:
        """`upscaled` (2 H, 2 W), corrected, as `corrected` does it; itself where there is no correction."""
        if self._correction is None:
            return upscaled
        return corrected(self._correction, decoded, upscaled, bits)
