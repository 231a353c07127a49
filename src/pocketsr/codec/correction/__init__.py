"""A small linear correction behind a x2 network, fitted by the sender, who has the original, and sent along.

    sender:    Sender.measure(decoded, upscaled, original) ─▶ Sender.due(seconds) ─▶ message ─▶ put (SEI, OBU)
    receiver:  take ─▶ Receiver.hear(message) ─▶ Receiver.apply(decoded, upscaled)

docs/correction-format.md is the definition of the messages and of what they do, for those who write another receiver.
"""

from __future__ import annotations

from pocketsr.codec.correction.carriage import IDENTIFIER, found, put, with_message
from pocketsr.codec.correction.filter import COEFFICIENTS, STEPS, Correction, corrected
from pocketsr.codec.correction.fitting import Sums, fit
from pocketsr.codec.correction.message import MOST_BYTES, Message, MessageError, network_id, read, write
from pocketsr.codec.correction.session import Receiver, Sender

__all__ = [
    "COEFFICIENTS",
    "IDENTIFIER",
    "MOST_BYTES",
    "STEPS",
    "Correction",
    "Message",
    "MessageError",
    "Receiver",
    "Sender",
    "Sums",
    "corrected",
    "fit",
    "found",
    "network_id",
    "put",
    "read",
    "with_message",
    "write",
]
