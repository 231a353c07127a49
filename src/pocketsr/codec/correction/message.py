"""A correction as bytes, version 1: docs/correction-format.md is its definition.

    byte 0      1: the version
    byte 1      0: no correction from here on; 1: a correction of a x2 network
    bytes 2..5  the first four bytes of the SHA-256 of the network's ONNX file
    for 1:      3 bits k, 0 to 5, then 164 coefficients, phase by phase, the most significant bit first; zeros to a byte
    2 bytes     CRC-16 (polynomial 0x1021, starting at 0xffff) of all before, the more significant byte first

A coefficient v is u = 2 v for v >= 0, else -2 v - 1. u >> k ones, a zero, the k low bits of u (Rice's code); where
u >> k is 12 or more: 12 ones, then u in 8 bits.
"""

from __future__ import annotations

import hashlib
from binascii import crc_hqx
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pocketsr.codec.correction.filter import COEFFICIENTS, LARGEST, PHASES, TAPS, Correction
from pocketsr.errors import UserError
from pocketsr.models import resolve

__all__ = ["ID_BYTES", "MOST_BYTES", "VERSION", "Message", "MessageError", "network_id", "read", "write"]

VERSION = 1
_NONE, _FILTER = 0, 1
_HEAD, _CHECK = 6, 2  # bytes
ID_BYTES = 4
"""Of a file's SHA-256, which tell its network."""
_LARGEST_K = 5
_ESCAPE, _RAW = 12, 8  # ones, bits
MOST_BYTES = _HEAD + -(-(3 + COEFFICIENTS * (_ESCAPE + _RAW)) // 8) + _CHECK
"""No message of version 1 is longer."""


class MessageError(UserError):
    """Bytes that are no message, a torn one, or one of a version that isn't known here."""


@dataclass(frozen=True)
class Message:
    """network: `network_id` of what the correction was fitted behind. correction: None says that none helps now."""

    network: bytes
    correction: Correction | None


def network_id(model: str | Path) -> bytes:
    """What tells a network in messages: four bytes of its file's SHA-256. Raises UserError for an unknown model."""
    path = resolve(model)
    try:
        return hashlib.sha256(path.read_bytes()).digest()[:ID_BYTES]
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror}") from error


def write(message: Message) -> bytes:
    """The bytes of a message, at most `MOST_BYTES`. Raises ValueError for an id that isn't four bytes."""
    if len(message.network) != ID_BYTES:
        raise ValueError(f"a network is told by {ID_BYTES} bytes, not {len(message.network)}")
    correction = message.correction
    body = bytes([VERSION, _NONE if correction is None else _FILTER]) + message.network
    if correction is not None:
        values = [int(value) for value in correction.coefficients.reshape(-1)]
        mapped = [2 * value if value >= 0 else -2 * value - 1 for value in values]
        text = min((_coded(mapped, k) for k in range(_LARGEST_K + 1)), key=len)
        text += "0" * (-len(text) % 8)
        body += int(text, 2).to_bytes(len(text) // 8, "big")
    return body + crc_hqx(body, 0xFFFF).to_bytes(_CHECK, "big")


def _coded(mapped: list[int], k: int) -> str:
    """Ones and zeros."""
    parts = [f"{k:03b}"]
    for u in mapped:
        ones = u >> k
        if ones >= _ESCAPE:
            parts.append("1" * _ESCAPE + f"{u:0{_RAW}b}")
        else:
            parts.append("1" * ones + "0" + (f"{u & ((1 << k) - 1):0{k}b}" if k else ""))
    return "".join(parts)


def read(data: bytes) -> Message:
    """The message that `data` is, to its last bit. Raises MessageError for anything else; never takes long."""
    if not _HEAD + _CHECK <= len(data) <= MOST_BYTES:
        raise MessageError(f"a correction of {len(data)} bytes: {_HEAD + _CHECK} to {MOST_BYTES} are expected")
    if data[0] != VERSION:
        raise MessageError(f"a correction of version {data[0]}: only {VERSION} is known here")
    body, check = data[:-_CHECK], data[-_CHECK:]
    if crc_hqx(body, 0xFFFF).to_bytes(_CHECK, "big") != check:
        raise MessageError("a correction whose checksum is wrong: it came torn")
    network, coded = body[2:_HEAD], body[_HEAD:]
    if body[1] == _NONE and not coded:
        return Message(network, None)
    if body[1] != _FILTER:
        raise MessageError(f"a correction of kind {body[1]} with {len(coded)} bytes: unknown here")
    values = _decoded(coded)
    return Message(network, Correction(np.array(values, np.int8).reshape(PHASES, TAPS)))


def _decoded(coded: bytes) -> list[int]:
    text = "".join(f"{byte:08b}" for byte in coded)
    k = int(text[:3] or "0", 2)
    if k > _LARGEST_K:
        raise MessageError(f"a correction with Rice parameter {k}: at most {_LARGEST_K} is expected")
    at = 3
    values = []
    for _ in range(COEFFICIENTS):
        zero = text.find("0", at, at + _ESCAPE)
        if zero < 0:
            at, bits, high = at + _ESCAPE, _RAW, 0
        else:
            at, bits, high = zero + 1, k, (zero - at) << k
        if at + bits > len(text):
            raise MessageError("a correction that ends before its last coefficient")
        u = high + (int(text[at : at + bits], 2) if bits else 0)
        at += bits
        if zero < 0 and u >> k < _ESCAPE:
            raise MessageError(f"a correction with a coefficient in {_RAW} bits that has a shorter code")
        if u > 2 * LARGEST:
            raise MessageError(f"a correction with a coefficient beyond {LARGEST}")
        values.append(u >> 1 if u % 2 == 0 else -(u + 1) >> 1)
    if len(text) - at >= 8 or "1" in text[at:]:
        raise MessageError("a correction with something behind its last coefficient")
    return values
