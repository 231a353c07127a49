"""Corrections in C: the bits of the definition, whatever the shape, the rows, the threads and what lay there before."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from pocketsr.codec.correction import Correction, corrected
from pocketsr.engine import load_correction
from pocketsr.engine.codegen.emit_correct import correction_exports, emit_correction, emit_correction_header
from pocketsr.engine.codegen.target import cross_target
from pocketsr.engine.runtime.build import build_library
from pocketsr.errors import ArgumentError

SHAPES = [(1, 1), (1, 40), (5, 7), (8, 3), (33, 65), (64, 32), (17, 100), (130, 31)]


def _planes(shape: tuple[int, int], bits: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    kind = np.uint8 if bits == 8 else np.uint16
    low = rng.integers(0, 1 << bits, shape).astype(kind)
    high = rng.integers(0, 1 << bits, (2 * shape[0], 2 * shape[1])).astype(kind)
    return low, high


def _coefficients(seed: int, most: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-most, most + 1, (4, 41)).astype(np.int8)


@pytest.mark.parametrize("bits", [8, 10, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_bits_are_those_of_the_definition(shape: tuple[int, int], bits: int) -> None:
    low, high = _planes(shape, bits)
    for threads in (1, 3):
        correct = load_correction(threads)
        for coefficients in (_coefficients(1, 127), _coefficients(2, 4), np.full((4, 41), 127, np.int8)):
            wanted = corrected(Correction(coefficients), low, high, bits)
            dirty = np.full_like(high, 77)
            assert correct(coefficients, low, high, bits, dirty) is dirty
            assert np.array_equal(dirty, wanted)
            assert np.array_equal(correct(coefficients, low, high, bits), wanted)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_largest_sums_are_exact(bits: int) -> None:
    """All taps as far from their four pixels as they can be, all coefficients as large."""
    most = (1 << bits) - 1
    kind = np.uint8 if bits == 8 else np.uint16
    for dark in (True, False):
        low = np.full((40, 40), most if dark else 0, kind)
        lit = np.indices((40, 40)).sum(axis=0) % 2  # four of one kind, their neighbours of the other
        high = np.kron(lit if dark else 1 - lit, np.ones((2, 2), int)).astype(kind) * kind(most)
        for sign in (127, -127):
            coefficients = np.full((4, 41), sign, np.int8)
            made = load_correction(1)(coefficients, low, high)
            assert np.array_equal(made, corrected(Correction(coefficients), low, high))


def test_rows_may_lie_anywhere_and_a_result_over_its_source() -> None:
    low, high = _planes((30, 50), 8)
    coefficients = _coefficients(3, 20)
    wanted = corrected(Correction(coefficients), low, high)
    correct = load_correction(2)
    wide = np.zeros((60, 130), np.uint8)[:, 7:107]
    correct(coefficients, np.asfortranarray(low), high[::-1].copy()[::-1], out=wide)
    assert np.array_equal(wide, wanted)
    correct(coefficients, low, high, out=high)
    assert np.array_equal(high, wanted)
    swapped = correct(coefficients, *(plane.astype(">u2") for plane in _planes((9, 9), 8)))
    plain = correct(coefficients, *(plane.astype(np.uint16) for plane in _planes((9, 9), 8)))
    assert np.array_equal(swapped, plain)


def test_calls_at_one_time_with_coefficients_of_their_own() -> None:
    correct = load_correction(2)
    low, high = _planes((64, 64), 8)
    wanted = [corrected(Correction(_coefficients(seed, 9)), low, high) for seed in range(6)]
    wrong: list[int] = []

    def run(seed: int) -> None:
        for _ in range(20):
            if not np.array_equal(correct(_coefficients(seed, 9), low, high), wanted[seed]):
                wrong.append(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_does_not_go_together_is_refused() -> None:
    correct, coefficients = load_correction(1), _coefficients(4, 5)
    low, high = _planes((4, 4), 8)
    for wrong in (
        lambda: correct(coefficients[:3], low, high),
        lambda: correct(coefficients.astype(np.int16), low, high),
        lambda: correct(coefficients, low, high[:, :7]),
        lambda: correct(coefficients, low, high.astype(np.uint16)),
        lambda: correct(coefficients, low.astype(np.float32), high.astype(np.float32)),
        lambda: correct(coefficients, low[:0], high[:0]),
        lambda: correct(coefficients, low, high, out=high[:4]),
        lambda: correct(coefficients, low, high, out=np.broadcast_to(high[:1], high.shape)),
        lambda: correct(coefficients, low, high, 17),
    ):
        with pytest.raises(ArgumentError):
            wrong()


@pytest.mark.parametrize(
    "triple", ["aarch64-linux-gnu", "arm-linux-gnueabihf", "x86_64-windows-gnu", "wasm32-freestanding"]
)
def test_it_compiles_for_other_machines_and_calls_nothing(triple: str, tmp_path: object) -> None:
    """A link without any library fails where something is called."""
    from pathlib import Path

    target = cross_target(triple)
    header = emit_correction_header("net")
    source = emit_correction("net").replace('#include "net_correct.h"', header)
    library = Path(str(tmp_path)) / "net.out"
    build_library(source, library, target, correction_exports("net"))
    assert library.stat().st_size > 1000
