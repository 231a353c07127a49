"""A sender that measures some of its frames and sends corrections, and its receiver, over a clip that was coded."""

from __future__ import annotations

from collections.abc import Sequence
from time import process_time
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from pocketsr.codec.correction import Receiver, Sender, network_id, with_message
from pocketsr.codec.correction.carriage import Carrier
from pocketsr.codec.encoding import CodecSetting, VideoPacket
from pocketsr.engine import load_correction

__all__ = ["Corrected"]

Plane = NDArray[np.uint8]

_EVERY = 5  # frames: which ones the sender measures


class Corrected:
    """What is learned of frame k goes with frame k + 1: the sender waits for nothing.

    bits: of all packets with their messages. measured: frames that the sender measured. sender_ms, receiver_ms: of
    processor time a frame, for fitting and writing, and for applying.
    """

    def __init__(self, model: str, setting: CodecSetting, packets: Sequence[VideoPacket]) -> None:
        self._setting, self._packets = setting, packets
        network = network_id(model)
        self._sender, self._receiver = Sender(network), Receiver(network)
        load_correction(1)  # compiled before times are taken
        self.bits = self.measured = 0
        self.sender_ms = self.receiver_ms = 0.0

    def run(self, decoded: Sequence[Plane], large: Sequence[Plane], originals: Sequence[Plane]) -> list[Plane]:
        """The frames as the receiver shows them."""
        made = []
        for number, (low, high, original) in enumerate(zip(decoded, large, originals, strict=True)):
            began = process_time()
            message = self._sender.due(number / self._setting.fps)
            sent = process_time()
            self.bits += 8 * self._size(number, message)
            if message is not None:
                self._receiver.hear(message)
            heard = process_time()
            made.append(self._corrected(low, high))
            applied = process_time()
            if number % _EVERY == 0:
                self._sender.measure(low, high, original)
                self.measured += 1
            self.sender_ms += sent - began + process_time() - applied
            self.receiver_ms += applied - heard
        self.sender_ms *= 1000 / len(decoded)
        self.receiver_ms *= 1000 / len(decoded)
        return made

    def _corrected(self, low: Plane, high: Plane) -> Plane:
        """As the receiver shows it, on one thread: the bits of `Receiver.apply`."""
        correction = self._receiver.correction
        return high if correction is None else load_correction(1)(correction.coefficients, low, high)

    def _size(self, number: int, message: bytes | None) -> int:
        """Bytes of a packet. Where a codec has no place for messages, they go beside it."""
        packet, codec = self._packets[number], self._setting.codec
        if message is None:
            return packet.size
        if codec in get_args(Carrier):
            return with_message(codec, packet, message).size  # type: ignore[arg-type]
        return packet.size + len(message)
