"""pocketsr's own family: a chain of small convolutions on luma, added to a cheap upsampling, shuffled to x2, x3 or x4.

The shape is ESPCN's (Shi et al., CVPR 2016) and SESR's (Bhardwaj et al., MLSys 2022): all work is done at the size of
the LR image, each convolution is trained over-parameterised (`reparam`), and the last gives the pixels that an LR
pixel becomes. Grouped convolutions see their channels shuffled (Zhang et al., CVPR 2018), which costs nothing in the
engine. Edges are repeated before every convolution. A layer may have a kernel for each class of pixels, by direction
and strength of the picture's structure (`pixels.structure`): many parameters for as many multiply-adds.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.engine.onnx.told import KNOTS
from pocketsr.models import DEFAULT_SCALE
from pocketsr.nets.base import Bicubic, SRNet, crop, pad_edges
from pocketsr.nets.structure import one_hot_classes, structure_classes
from pocketsr.pixels.structure import DIRECTIONS, limit_of
from pocketsr.pixels.structure import REACH as CLASS_HALO
from pocketsr.reparam import BlockKind, Chosen, Collapsible, PlainOrChosen, make_block

__all__ = ["Anchor", "Choice", "Layer", "Pocket", "PocketConfig"]

Anchor = Literal["none", "nearest", "bicubic", "learned"]
"""What the chain's output is added to; `learned` is a 5x5 convolution that starts as bicubic."""
Scale = Literal[2, 3, 4]


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kernel for each class of pixels, the same classes for all layers that choose."""

    classes: Annotated[int, Meta(ge=DIRECTIONS, le=64, multiple_of=DIRECTIONS)] = 16
    """8 directions times as many strengths."""
    by: Literal["structure"] = "structure"
    limits: tuple[Annotated[float, Meta(gt=0, le=125)], ...] | None = None
    """Between the strengths, rising: root mean square of the slope around a pixel, in levels of 255 a pixel.
    By default 11.5, for 16 classes; for more, spread around it."""

    def whole_limits(self) -> tuple[int, ...]:
        """As `pixels.structure` takes them. Raises ValueError where they aren't as many as it takes, or don't rise."""
        count = self.classes // DIRECTIONS - 1
        limits = self.limits
        if limits is None:
            limits = tuple(11.5 * 1.4 ** (2 * i - count + 1) for i in range(count))
        found = tuple(limit_of(limit) for limit in limits)
        if len(found) != count or any(one >= other for one, other in pairwise(found)):
            raise ValueError(f"{self.classes} classes take {count} `limits` that rise, not {list(limits)}")
        return found


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A convolution; its output goes through a PReLU, but for the last one's, which has scale**2 channels."""

    channels: int
    kernel: tuple[int, int] = (3, 3)  # height, width
    groups: int = 1
    bias: bool = True
    slope: Literal["each", "one"] = "each"
    """Of the PReLU: a slope for each channel, or one for all of the layer."""
    add: tuple[int, ...] = ()
    """Earlier layers (from 0) whose outputs are added to what this one reads: skips that cost no multiplication."""
    chosen: Choice | None = None
    """A kernel for each class of pixels in place of one for all; bias and slopes stay one for all."""


class PocketConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    layers: tuple[Layer, ...] = (Layer(8), Layer(8), Layer(4))
    scale: Scale = DEFAULT_SCALE
    anchor: Anchor = "nearest"
    block: BlockKind = "linear"
    expansion: Annotated[int, Meta(ge=1)] = 64
    zero_mean: bool = True
    """The first kernels sum to 0: the network answers to differences of brightness alone. Without biases, flat areas
    then stay exactly what they are."""
    strengths: Annotated[int, Meta(ge=0, le=17)] = 0
    """0, or for one network for pictures in every state: that many biases more for each channel of each layer, at
    evenly spaced strengths of a picture's degradation from 0 to 1 (`pixels.strength`). Between two of them the bias is
    what lies on the line: a piecewise linear function of a number that is given with the picture."""


class Pocket(SRNet):
    """The chain of `config`. Raises ValueError where its layers don't fit each other."""

    channels = 1

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        layers, scale = config.layers, config.scale
        self.scale = scale
        if not layers or layers[-1].channels != scale**2:
            raise ValueError(
                f"the last of `layers` must have {scale**2} channels, the pixels that one becomes at x{scale}"
            )
        self.layers = layers
        inputs = [1, *(layer.channels for layer in layers[:-1])]
        choices = {layer.chosen.whole_limits() for layer in layers if layer.chosen}
        if len(choices) > 1:
            raise ValueError("all layers that are `chosen` choose by the same classes and limits")
        self.limits = next(iter(choices), None)
        """Between the strengths of the classes; None where no layer is chosen."""
        self.blocks = nn.ModuleList()
        for index, (width, layer) in enumerate(zip(inputs, layers, strict=True)):
            still = config.zero_mean and index == 0
            block: nn.Module = make_block(
                config.block, width, layer.channels, layer.kernel, config.expansion,
                groups=layer.groups, bias=layer.bias, zero_mean=still,
            )  # fmt: skip
            if layer.chosen:
                block = Chosen(cast(Collapsible, block), layer.chosen.classes, zero_mean=still)
            self.blocks.append(block)
        if config.strengths == 1:
            raise ValueError("`strengths` are 0, or 2 and more: from 0 to 1")
        self.conditioned = config.strengths > 0
        self.offsets = nn.ParameterList(
            torch.zeros(config.strengths, layer.channels) for layer in layers if self.conditioned
        )
        self.slopes = nn.ParameterList(
            torch.full((layer.channels if layer.slope == "each" else 1,), 0.25) for layer in layers[:-1]
        )
        for index, layer in enumerate(layers):
            wrong = [i for i in layer.add if not 0 <= i < index - 1 or layers[i].channels != layers[index - 1].channels]
            if wrong:
                raise ValueError(f"layer {index} can't add layer {wrong[0]}: only an earlier one as wide as its input")
        for index, (before, after) in enumerate(pairwise(layers), 1):
            if before.groups > 1 and after.groups > 1:  # a group's outputs are dealt out among the next layer's groups
                order = torch.arange(before.channels).view(after.groups, -1).T.flatten()
                self.register_buffer(f"order{index}", order, persistent=False)
        self.bicubic = Bicubic(scale) if config.anchor == "bicubic" else None
        self.learned = nn.Conv2d(1, scale**2, 5) if config.anchor == "learned" else None
        if self.learned is not None:
            self.learned.load_state_dict({"weight": Bicubic(scale).weight, "bias": torch.zeros(scale**2)})
        self.nearest = config.anchor == "nearest"
        tall, wide = (sum(layer.kernel[axis] // 2 for layer in layers) for axis in (0, 1))
        seen = [sum(max(layer.kernel) // 2 for layer in layers[index + 1 :]) + CLASS_HALO
                for index, one in enumerate(layers) if one.chosen]  # fmt: skip
        self.halo = max(tall, wide, Bicubic.halo if config.anchor in ("bicubic", "learned") else 0, *seen)
        self.spare = (self.halo - tall, self.halo - wide)  # rows, columns that only the other axis needs

    def _near(self, strength: Tensor) -> Tensor:
        """How much each of the K strengths counts, N K, for the strengths N: two of them, or one."""
        table = self.offsets[0]
        steps = torch.arange(len(table), device=table.device, dtype=table.dtype)
        return F.relu(1 - (strength[:, None] * (len(table) - 1) - steps).abs())

    def _offset(self, near: Tensor, index: int) -> Tensor:
        """What is added to the channels of layer `index` before its PReLU, N C 1 1."""
        offsets: Tensor = near @ self.offsets[index]
        return offsets[..., None, None]

    def _chain(self, x: Tensor, pad: bool, strength: Tensor | None) -> list[Tensor]:
        """The output of every layer; with `pad`, as large as `x`, else as far as it depends on nothing beyond."""
        classes = self._classes(x, pad)
        x = x if pad else crop(x, *self.spare)
        found: list[Tensor] = []
        near = None if strength is None else self._near(strength)
        for index, (layer, block) in enumerate(zip(self.layers, self.blocks, strict=True)):
            if hasattr(self, f"order{index}"):
                x = x.index_select(1, self.get_buffer(f"order{index}"))
            for earlier in layer.add:
                x = x + (found[earlier] if pad else self._shrunk(found[earlier], earlier, index))
            if pad:
                x = pad_edges(x, layer.kernel[0] // 2, layer.kernel[1] // 2)
            slope = self.slopes[index] if index < len(self.slopes) else None
            if near is not None:
                given: tuple[Tensor, ...] = ()
                if layer.chosen is not None:
                    assert classes is not None
                    given = (classes if pad else self._shrunk_classes(classes, index),)
                x = block(x, *given) + self._offset(near, index)
                x = x if slope is None else F.prelu(x, slope)
            elif layer.chosen is None:
                x = cast(Collapsible, block)(x, slope)
            else:
                assert classes is not None
                x = cast(PlainOrChosen, block)(x, classes if pad else self._shrunk_classes(classes, index), slope)
            found.append(x)
        return found

    def _classes(self, x: Tensor, pad: bool) -> Tensor | None:
        """Of each pixel, N H W; without `pad` of those that depend on nothing beyond `x`; what ONNX gets is one-hot."""
        if self.limits is None:
            return None
        if torch.onnx.is_in_onnx_export():
            return one_hot_classes(x, self.limits)
        return structure_classes(x, self.limits, pad=pad)

    def _shrunk_classes(self, classes: Tensor, index: int) -> Tensor:
        """Those of the pixels that layer `index` gives without padding."""
        lost = (sum(layer.kernel[axis] // 2 for layer in self.layers[: index + 1]) for axis in (0, 1))
        return crop(classes, *(spare + less - CLASS_HALO for spare, less in zip(self.spare, lost, strict=True)))

    def _shrunk(self, x: Tensor, earlier: int, index: int) -> Tensor:
        """What layer `earlier` gave, without the rims that the unpadded layers between it and `index` lost."""
        rows, columns = (sum(layer.kernel[axis] // 2 for layer in self.layers[earlier + 1 : index]) for axis in (0, 1))
        return crop(x, rows, columns)

    def properties(self) -> dict[str, str]:
        """`pocketsr.chosen`: by what, how many classes, and the limits of their strengths, as JSON; and
        `pocketsr.strengths`: at how many strengths of a degradation biases are known."""
        told = {KNOTS: str(len(self.offsets[0]))} if self.conditioned else {}
        if self.limits is None:
            return told
        said = {"by": "structure", "classes": DIRECTIONS * (len(self.limits) + 1), "limits": self.limits}
        return {"pocketsr.chosen": msgspec.json.encode(said).decode()} | told

    def features(self, x: Tensor) -> list[Tensor]:
        x, strength = self.parted(x, None)
        return self._chain(x, pad=False, strength=strength)[:-1]

    def valid(self, x: Tensor) -> Tensor:
        return self.observed(x)[0]

    def observed(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, strength = self.parted(x, None)
        *features, y = self._chain(x, pad=False, strength=strength)
        margin = self.halo - Bicubic.halo  # what larger anchors leave
        if self.nearest:
            y = y + crop(x, self.halo, self.halo)
        elif self.bicubic is not None:
            y = y + crop(self.bicubic.phases(x), margin, margin)
        elif self.learned is not None:
            y = y + crop(self.learned(x), margin, margin)
        return F.pixel_shuffle(y, self.scale), features

    def forward(self, x: Tensor, strength: Tensor | None = None) -> Tensor:
        """As `SRNet`; with `strengths` x has a plane more, or comes with the strengths N of its degradation, 0..1."""
        x, strength = self.parted(x, strength)
        y = self._chain(x, pad=True, strength=strength)[-1]
        if self.nearest:
            y = y + x
        elif self.learned is not None:
            y = y + self.learned(pad_edges(x, 2, 2))
        y = F.pixel_shuffle(y, self.scale)
        return y if self.bicubic is None else y + self.bicubic(x)
