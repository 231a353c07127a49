"""Packets to frames: at once, in order, and never waiting for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

pytest.importorskip("aiortc")

from pocketsr.serve.assembly import PATIENCE_S, Assembly, EncodedFrame


@dataclass
class Packet:
    sequence_number: int
    timestamp: int
    marker: int
    _data: bytes
    payload_type: int = 97


class Bench:
    """An assembly with a clock in the test's hands."""

    def __init__(self, capacity: int = 64) -> None:
        self.now, self.frames, self.losses = 100.0, list[EncodedFrame](), 0
        self.assembly = Assembly(self.frames.append, self._lose, lambda: False, capacity, lambda: self.now)

    def _lose(self) -> None:
        self.losses += 1

    def add(self, *packets: Packet) -> list[bytes]:
        """Packets 10 ms apart; what came out of them."""
        before = len(self.frames)
        for packet in packets:
            self.now += 0.01
            assert self.assembly.add(packet) == (False, None)
        return [frame.data for frame in self.frames[before:]]


def packets(count: int, parts: int = 2, first: int = 0, time: int = 0, marked: bool = True) -> list[Packet]:
    """So many frames of so many packets; frame 3's data are b"3.0", b"3.1" and so on."""
    return [
        Packet(
            (first + frame * parts + part) % 65536, (time + 3000 * frame) % 2**32, int(marked and part == parts - 1),
            f"{frame}.{part} ".encode(),
        )
        for frame in range(count)
        for part in range(parts)
    ]  # fmt: skip


def _whole(frames: Sequence[int], parts: int = 2) -> list[bytes]:
    return [b"".join(f"{frame}.{part} ".encode() for part in range(parts)) for frame in frames]


def test_a_frame_is_complete_with_its_marker() -> None:
    bench = Bench()
    first, second = packets(1)
    assert bench.add(first) == []
    assert bench.add(second) == _whole([0])


def test_without_markers_the_next_frame_completes_it() -> None:
    assert Bench().add(*packets(4, marked=False)) == _whole([0, 1, 2])


@pytest.mark.parametrize(("first", "time"), [(65_530, 2**32 - 4500), (32_766, 2**31 - 3000)])
def test_numbers_and_times_begin_anew(first: int, time: int) -> None:
    bench = Bench()
    assert bench.add(*packets(10, first=first, time=time)) == _whole(range(10))
    assert [frame.pts for frame in bench.frames] == [3000 * frame for frame in range(10)]


def test_packets_in_another_order() -> None:
    some = packets(3)
    some[1], some[2], some[3] = some[3], some[1], some[2]
    assert Bench().add(*some) == _whole([0, 1, 2])


def test_what_a_resent_packet_held_up_leaves_at_once() -> None:
    """Where each frame is one packet, a frame a packet would stay late for good."""
    bench, some = Bench(), packets(8, parts=1)
    missing = some.pop(2)
    assert bench.add(*some) == _whole([0, 1], 1)
    assert bench.add(missing) == _whole(range(2, 8), 1)
    assert bench.losses == 0


def test_a_lost_packet_is_waited_for_so_long_and_no_longer() -> None:
    bench, some = Bench(), packets(60)
    del some[4]
    came = bench.add(*some)
    assert came[:2] == _whole([0, 1])
    given_up = 2 + int(PATIENCE_S / 0.02) + 2
    assert came[2:] == _whole([0, 1, *range(3, 60)])[2:]  # frame 2 lacks its beginning
    assert bench.losses == 1
    assert [frame.came_s for frame in bench.frames[2:4]] == [bench.frames[2].came_s] * 2  # held up together
    assert bench.frames[given_up].data == _whole([given_up + 1])[0]


def test_a_frame_of_which_only_the_end_came_is_none() -> None:
    bench, some = Bench(), packets(40, parts=3)
    lost = {6, 7}
    came = bench.add(*[packet for packet in some if packet.sequence_number not in lost])
    assert came == _whole([0, 1, *range(3, 40)], 3)
    assert bench.losses == 1


def test_stragglers_and_copies_are_passed_over() -> None:
    bench, some = Bench(), packets(5)
    assert bench.add(*some[:4], *some[:2], *some[4:], some[9], some[0]) == _whole(range(5))
    assert bench.losses == 0


def test_a_sender_that_begins_anew() -> None:
    bench = Bench()
    bench.add(*packets(5))
    assert bench.add(*packets(5, first=40_000, time=9_000_000)) == _whole(range(1, 5))  # the first may lack its head
    assert bench.losses == 1


def test_memory_has_a_bound() -> None:
    bench = Bench(capacity=64)
    bench.add(Packet(0, 0, 1, b"a"))
    for number in range(2, 5000):
        bench.add(Packet(number % 65536, number // 100, 0, bytes(1000)))
    assert len(bench.assembly._waiting) <= 64
    assert bench.losses > 10


def test_padding_is_no_frame() -> None:
    assert Bench().add(Packet(0, 0, 1, b"a"), Packet(1, 0, 0, b""), Packet(2, 3000, 1, b"b")) == [b"a", b"b"]
