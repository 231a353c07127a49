"""Corrections that came along with a stream: what was heard last for each network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketsr.codec.correction import Correction
    from pocketsr.frames.frame import Frame

__all__ = ["Heard"]

_MOST_NETWORKS = 4  # a sender fits behind one, or behind each level of a ladder


class Heard:
    """The corrections in force in one stream. What isn't a message, or is a torn one, changes nothing.

    Threads may hear and ask at one time: what is held is replaced as a whole, never changed. Of two messages that
    come in one instant one may be missed, as on the line; senders repeat themselves.
    """

    def __init__(self) -> None:
        self._held: dict[bytes, tuple[bytes, Correction | None]] = {}  # by network: the message, and what it says

    def hear(self, data: bytes) -> bool:
        """Take a message, from the next picture on. False for what isn't one."""
        from pocketsr.codec.correction import MessageError, read

        if any(data == known for known, _ in self._held.values()):
            return True  # repeated for those who missed it
        try:
            message = read(data)
        except MessageError:
            return False
        others = [(key, value) for key, value in self._held.items() if key != message.network]
        self._held = dict([*others[1 - _MOST_NETWORKS :], (message.network, (data, message.correction))])
        return True

    def forget(self) -> None:
        """None is in force any more: what comes next is another recording, or has to stand by itself."""
        self._held = {}

    def messages_with(self, frame: Frame) -> tuple[bytes, ...]:
        """All messages that are in force with this picture, which brings some itself."""
        for data in frame.messages:
            self.hear(data)
        return tuple(data for data, _ in self._held.values())

    def correction(self, digest: bytes | None) -> Correction | None:
        """For the network whose file has this SHA-256; None where there is none."""
        if not self._held or digest is None:
            return None
        from pocketsr.codec.correction.message import ID_BYTES

        return self._held.get(digest[:ID_BYTES], (b"", None))[1]
