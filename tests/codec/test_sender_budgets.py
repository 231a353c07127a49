"""A sender of few bits saves them up, and clocks, rates and lengths that can't be do no harm."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pocketsr.codec import Choice, SizeSwitch, choose
from pocketsr.codec.correction import Correction, Message, Sender, Sums, put, read, write
from pocketsr.codec.correction.session import OVERHEAD_BYTES
from pocketsr.errors import ArgumentError, ArgumentTypeError

NETWORK = b"abcd"


def _sums() -> Sums:
    """Of a picture, and an original that is sharper by a filter."""
    rng = np.random.default_rng(1)
    low = rng.integers(30, 220, (60, 80)).astype(np.uint8)
    high = np.kron(low, np.ones((2, 2), np.uint8))
    sharper = high + 0.3 * (high.astype(float) - np.roll(high, 1, 1)) + rng.normal(0, 1, high.shape)
    return Sums.of(low, high, np.clip(sharper, 0, 255).astype(np.uint8))


def _sent(sender: Sender, seconds: int, start: float = 0.0) -> list[tuple[float, bytes]]:
    """When and what, of a measurement a second."""
    picture, said = _sums(), []
    for number in range(seconds):
        if (message := sender.due(start + number)) is not None:
            said.append((start + number, message))
        sender.learn(picture)
    return said


@pytest.mark.parametrize("kbit_per_s", [0.05, 0.3])
def test_few_bits_are_saved_up_for_a_message(kbit_per_s: float) -> None:
    said = _sent(Sender(NETWORK, kbit_per_s), 40)
    assert said
    assert read(said[0][1]).correction is not None
    bits = 0
    for at, message in said:
        bits += 8 * (len(message) + OVERHEAD_BYTES)
        assert bits <= 1000 * kbit_per_s * (at + 1.5)


@pytest.mark.parametrize("kbit_per_s", [0, -1.0, math.nan, math.inf])
def test_a_rate_is_above_0(kbit_per_s: float) -> None:
    with pytest.raises(ArgumentError, match="above 0"):
        Sender(NETWORK, kbit_per_s)


def test_a_clock_that_goes_back_stops_nothing() -> None:
    sender = Sender(NETWORK)
    first = _sent(sender, 10, start=1000.0)
    again = _sent(sender, 10)
    assert first
    assert again  # repeated, though the last time is far ahead


def test_a_message_that_lengths_have_no_room_for_is_refused() -> None:
    rng = np.random.default_rng(0)
    long = write(Message(NETWORK, Correction(rng.choice([-127, 127], (4, 41)).astype(np.int8))))
    picture = b"\x65" + bytes(4)
    with pytest.raises(ArgumentError, match="lengths of 1 byte"):
        put("h264", len(picture).to_bytes(1, "big") + picture, long, 1)
    assert long in put("h264", len(picture).to_bytes(2, "big") + picture, long, 2)


def test_numbers_that_can_not_be_are_told_apart_from_odd_ones() -> None:
    assert choose("h264", 0.01, softness_db=-1e6, qp=20) == Choice(1, None)
    assert choose("h264", 0.01, softness_db=1e6, qp=20).scale == 2
    assert SizeSwitch().update(0, "h264", 0.01, -1e6, 20).scale == 1
    for wrong in ("0.01", None, [0.01]):
        with pytest.raises(ArgumentTypeError):
            choose("h264", wrong, softness_db=30)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="unknown codec"):
        choose(["h264"], 0.01, softness_db=30)  # type: ignore[arg-type]
