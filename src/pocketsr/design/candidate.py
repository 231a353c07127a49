"""One network of a space, by the settings that make it: as a chain, and as what `nets` builds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.design.precision import Precision
from pocketsr.engine.ir.graph import Pad
from pocketsr.models import DEFAULT_SCALE

__all__ = ["Candidate", "Choosing", "Ends", "Skip"]

Choosing = Literal["none", "last", "ends", "all"]
"""Which layers have a kernel for each class of pixels; `ends`: the first and the last."""
Skip = Literal["none", "long"]
Ends = Literal[1, 3, 5, 7]

_ANCHORS = {Anchor.RESIZED: "nearest"}


@dataclass(frozen=True)
class Candidate:
    """`family` is the label under which `kind` stands in the space; the rest as the space names it."""

    family: str
    kind: str
    depth: int
    width: int
    expansion: int = 64
    kernel: tuple[int, int] = (3, 3)
    ends: int = 3
    groups: int = 1
    skip: Skip = "none"
    anchor: Anchor = Anchor.NEAREST
    chosen: Choosing = "none"
    classes: int = 16
    channels: int = 1
    scale: int = DEFAULT_SCALE
    size: tuple[int, int] = (640, 360)
    precision: Precision = "fp32"

    @property
    def name(self) -> str:
        """Short, and no other candidate's of a space."""
        parts = [f"{self.family}-d{self.depth}w{self.width}"]
        if self.kernel != (3, 3):
            parts.append(f"k{self.kernel[0]}x{self.kernel[1]}")
        if self.ends != 3:
            parts.append(f"e{self.ends}")
        if self.groups > 1:
            parts.append(f"g{self.groups}")
        if self.kind == "pocket":
            parts += ["skip"] if self.skip == "long" else []
            parts.append(self.anchor.value)
        if self.chosen != "none":
            parts.append(f"{self.chosen}{self.classes}")
        if self.channels == 3:
            parts.append("rgb")
        if self.expansion != 64:
            parts.append(f"x{self.expansion}")
        if self.scale != DEFAULT_SCALE:
            parts.append(f"{self.scale}times")
        if self.size != (640, 360):
            parts.append(f"{self.size[0]}x{self.size[1]}")
        return "-".join([*parts, *([self.precision] if self.precision != "fp32" else [])])

    @property
    def weights(self) -> str:
        """Their kind: the precision, and whether they are chosen. A parameter of another kind is worth less or more."""
        return self.precision if self.chosen == "none" else f"{self.precision} chosen"

    def settings(self) -> dict[str, Any]:
        """As plain values, for tables and files."""
        return {
            "family": self.family,
            "kind": self.kind,
            "depth": self.depth,
            "width": self.width,
            "kernel": f"{self.kernel[0]}x{self.kernel[1]}",
            "ends": self.ends,
            "groups": self.groups,
            "skip": self.skip,
            "anchor": _ANCHORS.get(self.anchor, self.anchor.value),
            "chosen": self.chosen,
            "classes": self.classes if self.chosen != "none" else 0,
            "expansion": self.expansion,
            "channels": self.channels,
            "precision": self.precision,
            "weights": self.weights,
            "scale": self.scale,
            "input": f"{self.size[0]}x{self.size[1]}",
        }

    def chain(self) -> Chain:
        """What it is once trained: its convolutions, collapsed, in its precision."""
        return replace(self._floats(), precision=self.precision)

    def _floats(self) -> Chain:
        outputs = self.channels * self.scale**2
        inner = self.depth - 2
        ends = (self.ends, self.ends)
        match self.kind:
            case "pocket":
                add = (0,) if self.skip == "long" else ()
                middle = Layer(self.width, self.kernel, self.groups)
                layers = (Layer(self.width, ends), *[middle] * inner, Layer(outputs, ends, act=Act.NONE, add=add))
                if self.chosen != "none":
                    chosen = [replace(layer, classes=self.classes) for layer in layers]
                    layers = tuple(chosen[i] if self._chooses(i) else layer for i, layer in enumerate(layers))
                return Chain(layers, scale=self.scale, anchor=self.anchor)
            case "sesr":
                first = Layer(self.width, ends, bias=False, act=Act.NONE)
                middle = Layer(self.width, bias=False)
                last = Layer(outputs, ends, bias=False, act=Act.NONE, add=(0,))
                return Chain((first, *[middle] * inner, last), scale=self.scale, centred=True)
            case "ecbsr":
                layers = (*[Layer(self.width)] * (self.depth - 1), Layer(outputs, act=Act.NONE))
                return Chain(layers, self.channels, self.scale, Anchor.RESIZED, Pad.ZERO)
            case "etds":
                wide = [Layer(self.width, act=Act.RELU)] * (self.depth - 1)
                layers = (*wide, Layer(outputs, act=Act.RELU), Layer(outputs, (1, 1), act=Act.RELU))
                return Chain(layers, self.channels, self.scale, Anchor.NONE, Pad.ZERO)
            case "abpn":
                wide = [Layer(self.width, act=Act.RELU)] * (self.depth - 2)
                layers = (*wide, Layer(outputs, act=Act.RELU), Layer(outputs, act=Act.NONE))
                return Chain(layers, self.channels, self.scale, Anchor.RESIZED, Pad.ZERO)
        raise ValueError(f"no family '{self.kind}'")

    def _chooses(self, layer: int) -> bool:
        last = self.depth - 1
        return layer in {"none": (), "last": (last,), "ends": (0, last), "all": range(self.depth)}[self.chosen]

    def probed(self, trained: bool) -> bool:
        """Whether `probe` can look at it closer, in fp32 whatever its precision; with `trained`, by training it too."""
        return self.scale == 2 and (self.channels == 1 or not trained)

    def net(self) -> tuple[str, dict[str, Any]]:
        """Name and settings for `nets.build`. Raises ValueError for a scale that no network there has."""
        if self.scale != 2 and self.kind != "pocket":
            raise ValueError(f"{self.name}: of this family, networks for x2 alone can be built")
        wide = self.width
        match self.kind:
            case "pocket":
                middle = {"channels": wide, "kernel": list(self.kernel), "groups": self.groups}
                end = {"kernel": [self.ends, self.ends]}
                add = [0] if self.skip == "long" else []
                layers = [
                    {"channels": wide, **end},
                    *[middle] * (self.depth - 2),
                    {"channels": self.scale**2, "add": add, **end},
                ]
                choice = {"chosen": {"classes": self.classes, "by": "structure"}}
                layers = [layer | choice if self._chooses(i) else layer for i, layer in enumerate(layers)]
                config = {"layers": layers, "anchor": self.anchor.value, "expansion": self.expansion}
                return "pocket", config | ({} if self.scale == DEFAULT_SCALE else {"scale": self.scale})
            case "sesr":
                return "sesr-m5", {"blocks": self.depth - 2, "features": wide, "expansion": self.expansion}
            case "ecbsr":
                return "ecbsr-m4c16", {"blocks": self.depth - 2, "features": wide, "channels": self.channels}
            case "etds":
                return "etds-s", {"blocks": self.depth - 2, "features": wide}
            case "abpn":
                return "abpn-m4c28", {"blocks": self.depth - 3, "features": wide}
        raise ValueError(f"no family '{self.kind}'")
