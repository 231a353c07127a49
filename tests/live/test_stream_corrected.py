"""Streams apply corrections that came along: with the picture or beside it, and none for other networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pocketsr.codec.correction import IDENTIFIER, Correction, Message, Receiver, network_id, write
from pocketsr.engine import load
from pocketsr.errors import ArgumentTypeError
from pocketsr.frames import Frame, Heard
from pocketsr.live import GovernedStream, Stream

NETWORK = "bicubic"


def _message(seed: int, network: str = NETWORK) -> bytes:
    coefficients = np.random.default_rng(seed).integers(-9, 10, (4, 41)).astype(np.int8)
    return write(Message(network_id(network), Correction(coefficients)))


def _none(network: str = NETWORK) -> bytes:
    return write(Message(network_id(network), None))


def _frame(pix_fmt: str = "i420", seed: int = 0, width: int = 34, height: int = 22, bits: int = 8) -> Frame:
    blank = Frame.blank(pix_fmt, width, height)
    rng = np.random.default_rng(seed)
    for plane in blank.planes:
        plane[...] = rng.integers(0, 1 << bits, plane.shape)
    return blank


def _wanted(frame: Frame, message: bytes, bits: int | None = None) -> np.ndarray:
    """By NumPy's definition, behind the network that the engine runs."""
    luma = np.ascontiguousarray(next(frame.components))
    receiver = Receiver(network_id(NETWORK))
    assert receiver.hear(message)
    with Stream(NETWORK) as plain:
        large = next(plain(frame).components)
    return receiver.apply(luma, np.ascontiguousarray(large), bits)


def _luma(frame: Frame) -> np.ndarray:
    return next(frame.components)


@pytest.mark.parametrize(("pix_fmt", "bits"), [("i420", 8), ("nv12", 8), ("gray", 8), ("yuv420p10le", 10)])
def test_luma_is_corrected_and_chroma_is_not(pix_fmt: str, bits: int) -> None:
    frame, message = _frame(pix_fmt, bits=bits), _message(1)
    with Stream(NETWORK) as stream, Stream(NETWORK) as plain:
        before = plain(frame)
        assert stream.hear(message)
        made = stream(frame)
        assert np.array_equal(_luma(made), _wanted(frame, message, bits))
        assert not np.array_equal(_luma(made), _luma(before))
        for one, other in list(zip(made.components, before.components, strict=True))[1:]:
            assert np.array_equal(one, other)


def test_it_counts_from_its_picture_until_another_or_none() -> None:
    frame, first, second = _frame(), _message(1), _message(2)
    with Stream(NETWORK) as stream:
        plain = _luma(stream(frame)).copy()
        assert np.array_equal(_luma(stream(replace(frame, messages=(first,)))), _wanted(frame, first))
        assert np.array_equal(_luma(stream(frame)), _wanted(frame, first))
        torn = replace(frame, messages=(second[:-1], b"", bytes(500)))
        assert np.array_equal(_luma(stream(torn)), _wanted(frame, first))
        assert np.array_equal(_luma(stream(replace(frame, messages=(second,)))), _wanted(frame, second))
        assert stream.hear(_none())
        assert np.array_equal(_luma(stream(frame)), plain)


def test_others_networks_and_other_ways_are_left_alone() -> None:
    frame = _frame()
    with Stream(NETWORK) as stream, Stream(NETWORK, size=4) as twice, Stream(load(NETWORK)) as given:
        plain, large = _luma(stream(frame)).copy(), _luma(twice(frame)).copy()
        assert stream.hear(_message(1, "tiny"))
        assert np.array_equal(_luma(stream(frame)), plain)
        assert twice.hear(_message(1))
        assert np.array_equal(_luma(twice(frame)), large)  # two passes: it was fitted behind one
        given.hear(_message(1))
        assert np.array_equal(_luma(given(frame)), _wanted(frame, _message(1)))
        colours = _frame("rgb24")
        before = stream(colours).to_array().copy()
        stream.hear(_message(1))
        assert np.array_equal(stream(colours).to_array(), before)


def test_before_a_resize_and_with_memory_of_the_last_frame() -> None:
    frame, message = _frame(), _message(3)
    with Stream(NETWORK, size=(51, 33)) as sized, Stream(NETWORK, reuse=True) as remembering:
        plain = _luma(sized(frame)).copy()
        sized.hear(message)
        assert not np.array_equal(_luma(sized(frame)), plain)
        remembering(frame)
        remembering.hear(message)
        for _ in range(3):
            assert np.array_equal(_luma(remembering(frame)), _wanted(frame, message))


def test_a_governed_stream_misses_none_that_a_dropped_frame_brought() -> None:
    frame, message = _frame(), _message(4)
    costs = [1, 1, 0, 0, 0, 0, 0]
    with GovernedStream({"bicubic": NETWORK}, us_per_mpx=costs) as stream:
        stream(frame)
        stream.push(replace(_frame(seed=5), messages=(message,)))
        stream.push(frame)
        stream.latest(None)
        for _ in range(100):
            made = stream(frame)
            if made.level.name == "BICUBIC":
                break
        assert np.array_equal(_luma(made.frame), _wanted(frame, message))
        assert stream.hear(_none())
        after = stream(frame)  # the same samples, but not the same result
        assert after.reason.name != "STATIC"
        with Stream(NETWORK) as plain:
            assert np.array_equal(_luma(after.frame), _luma(plain(frame)))


def test_four_networks_are_remembered_and_no_more() -> None:
    heard = Heard()
    names = [bytes([number] * 4) for number in range(40)]
    for name in names:
        assert heard.hear(write(Message(name, None)))
    assert len(heard.messages_with(_frame())) == 4
    assert not heard.hear(b"")


def test_messages_are_bytes() -> None:
    with pytest.raises(ArgumentTypeError, match="bytes"):
        replace(_frame(), messages=("text",))
    assert len(IDENTIFIER.bytes) == 16
