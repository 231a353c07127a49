"""Packets to encoded frames, in order and at once.

aiortc 1.16's own jitter buffer gives a frame out when the first packet of the next one comes, which is a frame's time
later, and one frame a packet: what a lost packet holds up stays late for good where each frame is one packet. It waits
for a lost packet until 512 others have come, which is seconds. Here a frame is complete with its marker bit, all
complete ones leave together, and what is missing for `PATIENCE_S` is given up: a key frame is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

__all__ = ["PATIENCE_S", "Assembly", "EncodedFrame"]

PATIENCE_S = 0.25
"""How long a lost packet is waited for: a resent one takes a round trip, which is less within a continent."""

_WRAP = 1 << 16
_CLOCK_WRAP = 1 << 32
_LARGEST_FRAME = 8 << 20  # bytes


class EncodedFrame(NamedTuple):
    """A frame as it came. pts: of a clock of 90 kHz that starts at the first frame. came_s: when it was complete."""

    data: bytes
    payload_type: int
    pts: int
    came_s: float


class _Packet(Protocol):
    """What is asked of aiortc's RtpPacket: `_data` is the payload without its codec's header."""

    sequence_number: int
    timestamp: int
    marker: int
    payload_type: int
    _data: bytes


class Assembly:
    """Stands in for aiortc's JitterBuffer: `add` is called with each packet, in the event loop.

    deliver: takes each complete frame, in order.
    lost: is called where frames are given up; those that come next are of no use until a key frame.
    starved: tells whether to ask for a key frame now.
    capacity: of packets that wait. clock: seconds.
    """

    def __init__(
        self, deliver: Callable[[EncodedFrame], None], lost: Callable[[], None], starved: Callable[[], bool],
        capacity: int, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._deliver, self._lost, self._starved = deliver, lost, starved
        self._capacity, self._clock = capacity, clock
        self._waiting: dict[int, _Packet] = {}
        self._next: int | None = None  # sequence number of the packet that the next frame starts with
        self._gap_since: float | None = None
        self._headless = False  # what comes now may lack its beginning
        self._origin: int | None = None
        self._last = 0  # timestamp of the last frame, unwrapped

    def add(self, packet: _Packet) -> tuple[bool, None]:
        """Takes a packet. Returns whether aiortc is to ask for a key frame; frames go to `deliver`."""
        now = self._clock()
        number = packet.sequence_number % _WRAP
        if self._next is None:
            self._next = number
        ahead = (number - self._next) % _WRAP
        behind = _WRAP - ahead
        if ahead >= _WRAP // 2 and behind <= 8 * self._capacity:  # of a frame that is over
            return self._starved(), None
        if ahead >= self._capacity:  # too much is missing, or the sender began anew
            self._waiting.clear()
            self._next = number
            self._give_up()
        self._waiting[number] = packet
        self._drain(now)
        if self._gap_since is not None and now - self._gap_since > PATIENCE_S:
            while self._next not in self._waiting:
                self._next = (self._next + 1) % _WRAP
            self._give_up()
            self._drain(now)
        return self._starved(), None

    def _give_up(self) -> None:
        self._headless, self._gap_since = True, None
        self._lost()

    def _drain(self, now: float) -> None:
        """Deliver all frames that are complete."""
        while self._waiting and (parts := self._complete()):
            self._gap_since = None
            for each in parts:
                self._next = (each.sequence_number + 1) % _WRAP
                del self._waiting[each.sequence_number % _WRAP]
            data = b"".join(each._data for each in parts)
            if len(data) > _LARGEST_FRAME:
                self._lost()
            elif data and not self._headless:  # packets of padding alone fill the line
                self._deliver(EncodedFrame(data, parts[0].payload_type, self._unwrapped(parts[0].timestamp), now))
            self._headless = False
        if not self._waiting:
            self._gap_since = None
        elif self._gap_since is None and self._is_held():
            self._gap_since = now

    def _complete(self) -> list[_Packet]:
        """The packets of the next frame; none where one of them is missing."""
        parts: list[_Packet] = []
        number = self._next or 0
        while (packet := self._waiting.get(number)) is not None:
            if parts and packet.timestamp != parts[0].timestamp:
                return parts  # a sender without marker bits: the frame ended with the packet before
            parts.append(packet)
            if packet.marker:
                return parts
            number = (number + 1) % _WRAP
        return []

    def _is_held(self) -> bool:
        """Whether packets wait behind one that is missing."""
        number = self._next or 0
        count = 0
        while number in self._waiting:
            number, count = (number + 1) % _WRAP, count + 1
        return len(self._waiting) > count

    def _unwrapped(self, timestamp: int) -> int:
        """The timestamp since the first one, without the jump at 2**32."""
        if self._origin is None:
            self._origin = timestamp
        step = (timestamp - self._origin - self._last + _CLOCK_WRAP // 2) % _CLOCK_WRAP - _CLOCK_WRAP // 2
        self._last += step
        return self._last
