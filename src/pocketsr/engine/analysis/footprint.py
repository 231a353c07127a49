"""Which pixels of the picture each sample of a feature map depends on, along one axis, exactly and without an end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, gcd, lcm
from typing import Any

import onnx

__all__ = ["PICTURE", "Lines", "Taps", "coarse", "fine", "merged", "resized", "shifted", "spread", "window"]

Taps = Callable[[int], Iterable[int]]
"""The samples that sample j is made of."""

_MOST = 4096  # samples that depend on places of their own each; strides and factors of real networks come to 64
_NOTHING = (10**9, -(10**9))  # a sample that depends on no pixel: neutral for min and max


@dataclass(frozen=True)
class Lines:
    """Sample i depends on pixels low[i] to high[i]; sample i + len(low) at those `step` pixels further on."""

    step: int
    low: tuple[int, ...]
    high: tuple[int, ...]

    @property
    def rate(self) -> Fraction:
        """Pixels of the picture a sample."""
        return Fraction(self.step, len(self.low))

    def at(self, sample: int) -> tuple[int, int]:
        turns, phase = divmod(sample, len(self.low))
        return self.low[phase] + turns * self.step, self.high[phase] + turns * self.step

    def read(self, rate: Fraction, taps: Taps) -> Lines:
        """What is made of these samples: sample j of samples taps(j), which move on by `rate` for each j."""
        turns = len(self.low) // gcd(len(self.low), rate.numerator)
        count = rate.denominator * turns
        if count > _MOST:
            raise ValueError(f"phases: {count}")
        spans = []
        for sample in range(count):
            ends = [self.at(tap) for tap in taps(sample)] or [_NOTHING]
            spans.append((min(low for low, _ in ends), max(high for _, high in ends)))
        step = self.step * rate.numerator * turns // len(self.low)
        return Lines(step, tuple(low for low, _ in spans), tuple(high for _, high in spans))

    def field(self) -> tuple[int, int]:
        """Pixels that the samples lying in one pixel depend on, and how far from it the farthest is; at most."""
        width = halo = 0
        if self.step * len(self.low) > _MOST**2 // 16:
            raise ValueError(f"phases: {self.step} by {len(self.low)}")
        for pixel in range(self.step):
            ends = [self.at(j) for j in range(len(self.low)) if j * self.step // len(self.low) == pixel]
            ends = [pair for pair in ends if pair[0] <= pair[1]]
            if ends:
                low, high = min(low for low, _ in ends), max(high for _, high in ends)
                width, halo = max(width, high - low + 1), max(halo, pixel - low, high - pixel)
        return width, halo


PICTURE = Lines(1, (0,), (0,))
"""Each sample is a pixel."""


def merged(one: Lines, other: Lines) -> Lines | None:
    """Of samples made of two that lie at the same place; None where the two have different distances."""
    if one.rate != other.rate:
        return None
    spans = [(one.at(i), other.at(i)) for i in range(lcm(len(one.low), len(other.low)))]
    return Lines(
        int(one.rate * len(spans)),
        tuple(min(a[0], b[0]) for a, b in spans),
        tuple(max(a[1], b[1]) for a, b in spans),
    )


def shifted(by: int) -> Taps:
    return lambda j: [j + by]


def fine(times: int) -> tuple[Fraction, Taps]:
    return Fraction(1, times), lambda j: [j // times]


def coarse(times: int) -> tuple[Fraction, Taps]:
    return Fraction(times), lambda j: range(j * times, (j + 1) * times)


def window(given: dict[str, Any], i: int, kernel: int, size: int) -> tuple[Fraction, Taps]:
    stride, dilation = given.get("strides", [1, 1])[i], given.get("dilations", [1, 1])[i]
    before = given.get("pads", [0] * 4)[i]
    if (auto := given.get("auto_pad", b"NOTSET").decode()).startswith("SAME"):
        missing = max(0, (ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size)
        before = missing // 2 if auto == "SAME_UPPER" else missing - missing // 2
    return Fraction(stride), lambda j: range(j * stride - before, j * stride - before + kernel * dilation, dilation)


def spread(given: dict[str, Any], i: int, kernel: int) -> tuple[Fraction, Taps]:
    """A transposed convolution: input t reaches outputs t * stride - pad + tap."""
    stride, dilation = given.get("strides", [1, 1])[i], given.get("dilations", [1, 1])[i]
    before = given.get("pads", [0] * 4)[i]

    def taps(j: int) -> list[int]:
        found = [j + before - tap * dilation for tap in range(kernel)]
        return [place // stride for place in found if place % stride == 0]

    return Fraction(1, stride), taps


def resized(node: onnx.NodeProto, given: dict[str, Any], size: int, wanted: int) -> tuple[Fraction, Taps]:
    """Taps of a weight of 0 don't count; aligned corners, whose samples drift, are taken as asymmetric."""
    mode, rate = given.get("mode", b"nearest").decode(), Fraction(size, wanted)
    old = len(node.input) < 3  # Upsample, and Resize of opset 10
    centred = not old and "half_pixel" in given.get("coordinate_transformation_mode", b"half_pixel").decode()
    rounded = {
        "floor": floor,
        "ceil": ceil,
        "round_prefer_floor": lambda x: ceil(x - Fraction(1, 2)),
        "round_prefer_ceil": lambda x: floor(x + Fraction(1, 2)),
    }["floor" if old else given.get("nearest_mode", b"round_prefer_floor").decode()]
    half = {"nearest": 0, "linear": 1, "cubic": 2}[mode]
    stretch = max(Fraction(1), rate) if given.get("antialias") else Fraction(1)

    def taps(j: int) -> Iterable[int]:
        place = (j + Fraction(1, 2)) * rate - Fraction(1, 2) if centred else j * rate
        if mode == "nearest":
            return [rounded(place)]
        if stretch == 1 and place.denominator == 1:
            return [int(place)]
        return range(floor(place - half * stretch) + 1, ceil(place + half * stretch))

    return rate, taps
