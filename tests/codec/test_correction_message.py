"""Messages: read as they were written, and whatever else comes is refused in one line."""

from __future__ import annotations

from binascii import crc_hqx

import numpy as np
import pytest

from pocketsr.codec.correction import Correction, Message, MessageError, network_id, read, write
from pocketsr.codec.correction.message import MOST_BYTES
from pocketsr.errors import UserError
from pocketsr.models import resolve

NETWORK = b"\0\1\2\3"


def _laplace(scale: float, seed: int = 0) -> Correction:
    values = np.random.default_rng(seed).laplace(0, scale, (4, 41))
    return Correction(np.clip(np.rint(values), -127, 127).astype(np.int8))


@pytest.mark.parametrize(
    "correction",
    [
        None,
        Correction(np.zeros((4, 41), np.int8)),
        Correction(np.full((4, 41), 127, np.int8)),
        Correction(np.full((4, 41), -127, np.int8)),
        *(_laplace(scale, seed) for seed, scale in enumerate((0.5, 2.0, 8.0, 60.0))),
    ],
)
def test_a_message_is_read_as_it_was_written(correction: Correction | None) -> None:
    data = write(Message(NETWORK, correction))
    assert read(data) == Message(NETWORK, correction)
    assert len(data) <= MOST_BYTES


def test_it_is_short() -> None:
    assert len(write(Message(NETWORK, None))) == 8
    assert len(write(Message(NETWORK, _laplace(1.5)))) < 90  # 164 coefficients, mostly within 3


def test_the_bytes_are_those_of_the_format() -> None:
    """Written out by hand, so that a change of the format is seen."""
    values = np.zeros((4, 41), np.int8)
    values[0, 0], values[0, 1], values[3, 40] = 1, -1, -20
    # k = 0: u is 2, 1 and 39, which is beyond 12 ones; the others are a zero each
    bits = "000" + "110" + "10" + "0" * 161 + "1" * 12 + f"{39:08b}"
    bits += "0" * (-len(bits) % 8)
    body = b"\1\1" + NETWORK + int(bits, 2).to_bytes(len(bits) // 8, "big")
    assert write(Message(NETWORK, Correction(values))) == body + crc_hqx(body, 0xFFFF).to_bytes(2, "big")


def test_a_network_is_told_by_its_file() -> None:
    assert len({network_id(name) for name in ("small", "small-call", "tiny-call")}) == 3
    assert network_id("small") == network_id(resolve("small"))
    with pytest.raises(UserError, match="unknown model"):
        network_id("smal")
    with pytest.raises(ValueError, match="bytes"):
        write(Message(b"abc", None))


def _sealed(body: bytes) -> bytes:
    return body + crc_hqx(body, 0xFFFF).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "0 bytes"),
        (b"\1" * (MOST_BYTES + 1), f"{MOST_BYTES + 1} bytes"),
        (_sealed(b"\2\0" + NETWORK), "version 2"),
        (_sealed(b"\1\2" + NETWORK), "kind 2"),
        (_sealed(b"\1\0" + NETWORK + b"\0"), "kind 0 with 1 bytes"),
        (_sealed(b"\1\1" + NETWORK), "ends before"),
        (_sealed(b"\1\1" + NETWORK + b"\xc0" + bytes(40)), "Rice parameter 6"),
        (_sealed(b"\1\1" + NETWORK + bytes(20)), "ends before"),
        (_sealed(b"\1\1" + NETWORK + bytes(22)), "behind its last"),
        (_sealed(b"\1\1" + NETWORK + bytes(20) + b"\1"), "behind its last"),
        (_sealed(b"\1\1" + NETWORK + b"\x1f\xff" + b"\xff" * 60), "beyond 127"),
    ],
)
def test_what_is_no_message_is_named(data: bytes, said: str) -> None:
    with pytest.raises(MessageError, match=said) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_torn_ones_are_refused() -> None:
    data = write(Message(NETWORK, _laplace(2.0)))
    for end in range(len(data)):
        with pytest.raises(MessageError):
            read(data[:end])
    for bit in range(8 * len(data)):  # a CRC of 16 bits finds every single one
        wrong = bytearray(data)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(MessageError):
            read(bytes(wrong))


def test_whatever_comes_is_read_or_refused() -> None:
    """Bodies at random behind a right checksum, which an attacker would have: what is read can be written again."""
    rng = np.random.default_rng(0)
    good = write(Message(NETWORK, _laplace(2.0)))[:-2]
    taken = 0
    for _ in range(3000):
        body = bytearray(good)
        for _ in range(rng.integers(1, 6)):
            body[rng.integers(len(body))] = rng.integers(256)
        data = _sealed(bytes(body[: rng.integers(4, len(body) + 1)] if rng.random() < 0.3 else body))
        try:
            message = read(data)
        except MessageError:
            continue
        taken += 1
        assert read(write(message)) == message
    assert taken > 20
