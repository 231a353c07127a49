"""A correction does what its definition says, is fitted so that it helps, and is sent only where it does."""

from __future__ import annotations

import numpy as np
import pytest
from streams import moving

from pocketsr.codec.correction import COEFFICIENTS, Correction, Receiver, Sender, Sums, corrected, fit, read, write
from pocketsr.codec.correction.message import Message
from pocketsr.codec.correction.session import OVERHEAD_BYTES
from pocketsr.pixels import imresize, psnr

NETWORK = b"abcd"


def _random(seed: int, most: int = 127) -> Correction:
    rng = np.random.default_rng(seed)
    return Correction(rng.integers(-most, most + 1, (4, 41)).astype(np.int8))


def _plainly(correction: Correction, low: np.ndarray, high: np.ndarray, most: int) -> np.ndarray:
    """The definition of docs/correction-format.md, a sample at a time, in Python's integers."""
    height, width = low.shape
    out = high.copy()
    for y in range(height):
        for x in range(width):
            near = [
                int(low[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)])
                for dy in range(-2, 3)
                for dx in range(-2, 3)
            ]
            far = [
                int(high[min(max(2 * y + dy, 0), 2 * height - 1), min(max(2 * x + dx, 0), 2 * width - 1)])
                for dy in range(-1, 3)
                for dx in range(-1, 3)
            ]
            four = sum(int(high[2 * y + i, 2 * x + j]) for i in (0, 1) for j in (0, 1))
            for phase in range(4):
                i, j = divmod(phase, 2)
                taps = [4 * sample - four for sample in near + far]
                total = sum(int(c) * tap for c, tap in zip(correction.coefficients[phase], taps, strict=True))
                out[2 * y + i, 2 * x + j] = min(max(int(high[2 * y + i, 2 * x + j]) + ((total + 128) >> 8), 0), most)
    return out


@pytest.mark.parametrize(("kind", "bits"), [(np.uint8, 8), (np.uint16, 10), (np.uint16, 16)])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (8, 3)])
def test_it_is_its_definition_bit_for_bit(kind: type, bits: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    low: np.ndarray = rng.integers(0, 1 << bits, shape).astype(kind)
    high: np.ndarray = rng.integers(0, 1 << bits, (2 * shape[0], 2 * shape[1])).astype(kind)
    for correction in (_random(2), _random(3, 3), Correction(np.full((4, 41), 127, np.int8))):
        made = corrected(correction, low, high, bits)
        assert np.array_equal(made, _plainly(correction, low, high, (1 << bits) - 1))
        assert made.dtype == high.dtype


def test_bands_leave_no_seam() -> None:
    low = np.random.default_rng(4).integers(0, 256, (9, 40000)).astype(np.uint8)  # a band is less than a row here
    high = np.repeat(np.repeat(low, 2, 0), 2, 1)
    correction = _random(5, 9)
    middle = corrected(correction, low[:, 100:140], high[:, 200:280])[:, 4:-4]
    assert np.array_equal(corrected(correction, low, high)[:, 204:276], middle)


def test_flat_areas_stay_whatever_the_coefficients() -> None:
    low, high = np.full((6, 6), 77, np.uint8), np.full((12, 12), 77, np.uint8)
    assert np.array_equal(corrected(_random(6), low, high), high)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((8, 9), np.uint8)),
        (np.zeros((4, 4), np.uint8), np.zeros((8, 8), np.uint16)),
        (np.zeros((4, 4), np.float32), np.zeros((8, 8), np.float32)),
        (np.zeros((0, 4), np.uint8), np.zeros((0, 8), np.uint8)),
    ],
)
def test_planes_that_do_not_go_together_are_refused(low: np.ndarray, high: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        corrected(_random(7), low, high)
    with pytest.raises(ValueError, match="expected"):
        Sums.of(low, high, high)


def test_coefficients_are_checked() -> None:
    for wrong in (np.zeros((4, 40), np.int8), np.zeros((4, 41), np.int16), np.full((4, 41), -128, np.int8)):
        with pytest.raises(ValueError, match="coefficients"):
            Correction(wrong)


def _blurred(count: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """LR, what bicubic makes of it, and HR."""
    clips = moving(96, 64, count, seed)
    return [(imresize(hr, 0.5), imresize(imresize(hr, 0.5), 2), hr) for hr in clips]


def test_what_is_fitted_gains_what_it_promises() -> None:
    pictures = _blurred(3)
    sums = Sums()
    for picture in pictures:
        sums.add(Sums.of(*picture))
    correction = fit(sums)
    assert correction is not None
    before, after = (
        np.mean([np.mean(np.square(x.astype(float) - hr)) for x, hr in pairs])
        for pairs in (
            [(up, hr) for _, up, hr in pictures],
            [(corrected(correction, low, up), hr) for low, up, hr in pictures],
        )
    )
    gain = 10 * np.log10(before / after)
    assert gain > 0.3
    assert gain == pytest.approx(sums.gain_db(correction), abs=0.05)
    assert fit(sums) == correction  # the same again


def test_nothing_is_fitted_where_nothing_helps() -> None:
    low, up, _ = _blurred(1)[0]
    assert fit(Sums.of(low, up, up)) is None  # it is right already
    flat = np.full((32, 32), 90, np.uint8)
    assert fit(Sums.of(flat[:16, :16], flat, flat + np.uint8(1))) is None  # differences can't mend a level
    assert fit(Sums()) is None


def _run(sender: Sender, pictures: list[tuple[np.ndarray, ...]], fps: float = 10.0) -> list[bytes | None]:
    messages = []
    for number, (low, up, hr) in enumerate(pictures):
        messages.append(sender.due(number / fps))
        sender.measure(low, up, hr)
    return messages


def test_a_sender_stays_within_its_bits() -> None:
    scenes = [picture for seed in range(8) for picture in _blurred(5, seed)]  # it would like to change often
    messages = _run(Sender(NETWORK), scenes)
    bits = 0
    for number, message in enumerate(messages):
        bits += 0 if message is None else 8 * (len(message) + OVERHEAD_BYTES)
        assert bits <= 1000 * number / 10 + 1500
    assert sum(message is not None for message in messages) >= 2


def test_it_says_none_once_a_correction_harms() -> None:
    sender = Sender(NETWORK)
    good = _blurred(4)
    messages = _run(sender, good)
    assert any(message is not None and read(message).correction is not None for message in messages)
    low, up, _ = good[-1]
    for second in (1.6, 3.2):  # from now on the picture is right as it is
        sender.measure(low, up, up)
        message = sender.due(second)
        if message is not None:
            assert read(message) == Message(NETWORK, None)
            break
    else:
        pytest.fail("the receiver was left with what harms")
    sender.measure(low, up, up)
    assert sender.due(second + 1) is None


def test_what_was_said_is_repeated_for_those_who_missed_it() -> None:
    sender = Sender(NETWORK)
    assert sender.due(0.0) is None
    for picture in _blurred(3):
        assert sender.due(0.1) is None  # not before the third one
        sender.measure(*picture)
    said = sender.due(0.1)
    assert said is not None
    assert [sender.due(second) for second in (1.0, 2.0, 4.0)] == [None] * 3
    assert sender.due(4.2) == said
    assert sender.due(5.0) is None
    assert sender.due(8.3) == said


def test_what_a_receiver_shows_is_never_worse_on_what_was_measured() -> None:
    sender, receiver = Sender(NETWORK), Receiver(NETWORK)
    gains = []
    for number, (low, up, hr) in enumerate(_blurred(12)):
        message = sender.due(number / 10)
        if message is not None:
            assert receiver.hear(message)
        gains.append(psnr(receiver.apply(low, up), hr) - psnr(up, hr))
        sender.measure(low, up, hr)
    assert min(gains) >= 0
    assert np.mean(gains) > 0.2


def test_a_receiver_takes_no_others_word() -> None:
    receiver = Receiver(NETWORK)
    correction = _random(8, 2)
    assert receiver.hear(write(Message(NETWORK, correction)))
    for foreign in (b"", b"\1", write(Message(b"efgh", None)), write(Message(NETWORK, None))[:-1] + b"!"):
        assert not receiver.hear(foreign)
        assert receiver.correction == correction
    assert receiver.hear(write(Message(NETWORK, None)))
    up = np.zeros((4, 4), np.uint8)
    assert receiver.apply(np.zeros((2, 2), np.uint8), up) is up


def test_there_are_164_coefficients() -> None:
    assert COEFFICIENTS == 164
