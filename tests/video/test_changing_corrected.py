"""A correction counts for its network also where it came while another one's turn was."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from pocketsr.codec.correction import Correction, Message, Receiver, network_id, write
from pocketsr.engine import load, load_chroma
from pocketsr.frames import Frame
from pocketsr.video import Part
from pocketsr.video.changing import Changing
from pocketsr.video.upscaler import Enlarger

NETWORK, OTHER = "bicubic", "tiny"


def test_what_came_in_anothers_turn_is_heard() -> None:
    network, other = load(NETWORK, 1), load(OTHER, 1)
    samples = np.random.default_rng(0).integers(0, 256, (24, 36)).astype(np.uint8)
    coefficients = np.random.default_rng(1).integers(-9, 10, (4, 41)).astype(np.int8)
    correct = write(Message(network_id(NETWORK), Correction(coefficients)))
    none = write(Message(network_id(NETWORK), None))
    receiver = Receiver(network_id(NETWORK))
    receiver.hear(correct)
    plain = network(samples)
    corrected = receiver.apply(samples, plain)
    assert not np.array_equal(plain, corrected)
    parts = [Part(0, other), Part(1, network), Part(2, other), Part(3, network)]
    changing = Changing(
        parts, lambda net, told: Enlarger(net, lambda siting: load_chroma(2, siting, 1), strength=told)
    )  # fmt: skip
    changing.follow(Frame.from_planes("gray", [samples]).format)

    def luma(second: int, *messages: bytes) -> np.ndarray:
        frame = Frame.from_planes("gray", [samples], pts=second, time_base=Fraction(1))
        return next(changing(replace(frame, messages=messages)).components)

    by_other = luma(0, correct).copy()
    assert np.array_equal(luma(1), corrected)
    assert np.array_equal(luma(2, none), by_other)
    assert np.array_equal(luma(3), plain)
