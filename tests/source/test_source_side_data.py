"""FFmpeg's quantizers of blocks, read as bytes that anybody may have written."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from pocketsr.source import FrameQp, mean_qp

HEAD = struct.Struct("@INNii8i")


def params(kind: int, base: int, blocks: list[tuple[int, int, int]], size: int = 20, offset: int = HEAD.size) -> bytes:
    """blocks: (width, height, what is added to the frame's QP)."""
    head = HEAD.pack(len(blocks), offset, size, kind, base, *[0] * 8)
    return head + b"".join(struct.pack("5i", 0, 0, *block).ljust(size, b"\0") for block in blocks)


def test_the_mean_is_by_area() -> None:
    assert mean_qp(params(1, 30, [(16, 16, 0), (16, 16, 4)])) == FrameQp("h264", 32.0)
    assert mean_qp(params(0, 100, [(64, 64, 8), (8, 8, -100)])) == FrameQp("vp9", pytest.approx(106.338, abs=1e-3))
    assert mean_qp(params(1, 30, [(16, 16, 4)], size=32)) == FrameQp("h264", 34.0)
    assert mean_qp(params(2, 0, [(16, 16, 4), (16, 16, 8)])) == FrameQp("mpeg2", 6.0)
    assert mean_qp(params(1, 30, [])) == FrameQp("h264", 30.0)
    assert mean_qp(params(1, 30, [(0, 0, 9)])) == FrameQp("h264", 30.0)
    assert mean_qp(params(1, 50, [(16, 16, 1 << 30)])) == FrameQp("h264", 87.0)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"\xff" * 64, b"\xff" * 4096, params(1, 30, [(16, 16, 0)])[:-1],
        params(3, 5, []), params(-1, 5, []),
        params(1, -1, []), params(1, 88, []), params(0, 256, []), params(1, 30, [(16, 16, 0)], offset=0),
        params(1, 30, [(16, 16, 0)], offset=2**63), params(1, 30, [(16, 16, 0)], offset=HEAD.size + 1),
        HEAD.pack(2**32 - 1, HEAD.size, 20, 1, 30, *[0] * 8) + bytes(200),
        HEAD.pack(1, 64, 0, 1, 30, *[0] * 8) + bytes(99),
        HEAD.pack(1, 64, 2**64 - 1, 1, 30, *[0] * 8) + bytes(99), HEAD.pack(4, 64, 19, 1, 30, *[0] * 8) + bytes(99),
    ],
)  # fmt: skip
def test_what_is_torn_says_nothing(data: bytes) -> None:
    assert mean_qp(data) is None


def test_no_bytes_break_it() -> None:
    rng = np.random.default_rng(0)
    whole = params(1, 30, [(16, 16, k % 7) for k in range(12)])
    for length in range(len(whole)):
        assert mean_qp(whole[:length]) is None
    for _ in range(2000):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), int(rng.integers(1, 12))):
            data[at] = int(rng.integers(256))
        found = mean_qp(bytes(data))
        assert found is None or 0.0 <= found.qp <= 255.0
