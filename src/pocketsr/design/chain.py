"""A network as a chain of convolutions at the size of the LR picture: what it costs, counted from its shape alone.

Every family of a space is such a chain. Parameters, multiply-adds, feature maps and receptive field are what `count`
finds in the ONNX file that `nets` writes for the same network (a test compares them), and take microseconds.
Precision changes none of them: parameters are counted whatever their type, and maps as floats. A layer's kernels may
be chosen by classes of pixels (`pixels.structure`): as many times the weights, and the classes' multiply-adds alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from math import prod

from pocketsr.design.precision import Bits, Precision, bits_of
from pocketsr.engine.ir.graph import Pad
from pocketsr.models import DEFAULT_SCALE
from pocketsr.pixels.structure import DIRECTIONS
from pocketsr.pixels.structure import REACH as CLASS_HALO

__all__ = ["Act", "Anchor", "Chain", "Layer"]

_FLOAT_BYTES = 4
_CUBIC_HALO = 2  # pixels of the input
_LEARNED_KERNEL = 5  # of the anchor that is a convolution
_CLASS_PRODUCTS = 33
"""`engine.analysis.chosen.CLASS_PRODUCTS`; not imported, so that choosing needs no onnx. A test holds both together."""


class Act(Enum):
    """What follows a convolution."""

    NONE = "none"
    RELU = "relu"
    PRELU = "prelu"  # a slope a channel
    SLOPE = "slope"  # PReLU with one slope for the layer
    TANH = "tanh"


class Anchor(Enum):
    """The upsampling that a chain's output is added to."""

    NONE = "none"
    NEAREST = "nearest"  # before the shuffle: the picture added to each of the output's phases
    RESIZED = "resized"  # the same, after the shuffle
    BICUBIC = "bicubic"
    LEARNED = "learned"  # a 5x5 convolution with biases


@dataclass(frozen=True)
class Layer:
    channels: int
    kernel: tuple[int, int] = (3, 3)  # height, width; odd
    groups: int = 1
    bias: bool = True
    act: Act = Act.PRELU
    add: tuple[int, ...] = ()  # earlier layers whose outputs are added to what this one reads
    classes: int = 0  # of pixels, each with a kernel of its own; 0: one kernel for all


@dataclass(frozen=True)
class Chain:
    """`layers` from `channels` planes to `channels` * `scale`**2, shuffled to a picture `scale` times as large.

    centred: 0.5 is taken off what the first layer reads; a quantized network's biases do that.
    """

    layers: tuple[Layer, ...]
    channels: int = 1
    scale: int = DEFAULT_SCALE
    anchor: Anchor = Anchor.NEAREST
    pad: Pad = Pad.EDGE
    centred: bool = False
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        if not self.layers or self.layers[-1].channels != self.channels * self.scale**2:
            raise ValueError(f"the last layer needs {self.channels * self.scale**2} channels")
        if self.centred and self.bits and self.pad is Pad.ZERO:
            raise ValueError("zeros around a centred picture can't be part of a bias")
        found = {layer.classes for layer in self.layers if layer.classes}
        if len(found) > 1 or self.classes % DIRECTIONS:
            raise ValueError(f"all layers with chosen kernels have the same classes, a multiple of {DIRECTIONS}")
        if found and (self.channels, self.pad) != (1, Pad.EDGE):
            raise ValueError("kernels are chosen by luma, its edges repeated")

    @cached_property
    def classes(self) -> int:
        """Of pixels, by which kernels are chosen; 0 where none are."""
        return max(layer.classes for layer in self.layers)

    @property
    def bits(self) -> Bits | None:
        """None for fp32."""
        return bits_of(self.precision)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:  # chains are keys of caches: one is hashed often
        return hash((self.layers, self.channels, self.scale, self.anchor, self.pad, self.centred, self.precision))

    def convolutions(self) -> Iterator[tuple[int, Layer]]:
        """Channels read, and the layer."""
        before = self.channels
        for layer in self.layers:
            yield before, layer
            before = layer.channels

    @cached_property
    def params(self) -> int:
        total = 0
        for before, layer in self.convolutions():
            slopes = {Act.PRELU: layer.channels, Act.SLOPE: 1}.get(layer.act, 0)
            total += max(1, layer.classes) * _weights(before, layer) + layer.channels * layer.bias + slopes
        if self.anchor is Anchor.LEARNED:
            outputs = self.channels * self.scale**2
            total += self.channels * outputs * _LEARNED_KERNEL**2 + outputs
        return total

    @cached_property
    def macs_per_pixel(self) -> int:
        """Multiply-adds for each pixel of the input."""
        total = sum(_weights(before, layer) for before, layer in self.convolutions())
        learned = self.channels**2 * self.scale**2 * _LEARNED_KERNEL**2
        return total + (learned if self.anchor is Anchor.LEARNED else 0) + (_CLASS_PRODUCTS if self.classes else 0)

    @property
    def halo(self) -> int:
        """Pixels of the input from an output's own to the farthest that it depends on."""
        farthest = _CUBIC_HALO if self.anchor in (Anchor.BICUBIC, Anchor.LEARNED) else 0
        for axis in (0, 1):
            reach = 0  # of what the layers so far give, from the end
            for layer in reversed(self.layers):
                farthest = max(farthest, reach + CLASS_HALO if layer.classes else 0)
                reach += layer.kernel[axis] // 2
            farthest = max(farthest, reach)
        return farthest

    @property
    def receptive_field(self) -> int:
        """Pixels of the input, along the longer axis."""
        return 2 * self.halo + 1

    @cached_property
    def written_per_pixel(self) -> int:
        """Bytes of all maps made, for each pixel of the input, run node by node; see `engine.count`."""
        last_read = list(range(1, len(self.layers) + 1))  # of each layer's output: the layer that reads it last
        for index, layer in enumerate(self.layers):
            for earlier in layer.add:
                last_read[earlier] = max(last_read[earlier], index)
        # the picture itself is added again at the end: it can't be written over
        maps = self.channels * (self.centred and not self.bits)
        if self.classes:  # theirs; and the picture, of which they are made, isn't overwritten by its integers
            maps += 2 if self.bits else 1
        for index, layer in enumerate(self.layers):
            maps += layer.channels
            if index and layer.add:  # a sum takes an operand's place, where nobody reads that again
                operands = [index - 1, *layer.add]
                free = any(last_read[each] <= index for each in operands)
                maps += 0 if free else self.layers[index - 1].channels
            if index and self._shuffles_groups(index):
                maps += self.layers[index - 1].channels
        outputs = self.channels * self.scale**2
        maps += outputs  # the shuffle's
        if self.anchor in (Anchor.BICUBIC, Anchor.LEARNED) or (self.anchor is Anchor.RESIZED and not self.bits):
            maps += outputs  # a quantized file reads the picture's plane four times instead of resizing it
        return _FLOAT_BYTES * maps

    def _shuffles_groups(self, index: int) -> bool:
        return self.layers[index - 1].groups > 1 and self.layers[index].groups > 1

    def gmacs(self, width: int, height: int) -> float:
        """GMAC for one frame of `width` x `height` input pixels."""
        return self.macs_per_pixel * width * height / 1e9


def _weights(before: int, layer: Layer) -> int:
    return before // layer.groups * layer.channels * prod(layer.kernel)
