"""A space of networks: families and the values that each of their settings may take, as YAML."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from pocketsr.design.candidate import Candidate, Choosing, Ends, Skip
from pocketsr.design.chain import Anchor
from pocketsr.design.precision import Precision, may_choose
from pocketsr.errors import UserError, did_you_mean
from pocketsr.pixels.structure import DIRECTIONS
from pocketsr.settings import convert, parse_yaml, read_yaml

__all__ = ["FAMILIES", "Family", "Space", "builtin_space", "read_space"]

Positive = Annotated[int, Meta(ge=1)]
Odd = Literal[1, 3, 5, 7]
Kernel = tuple[Odd, Odd]
AnchorName = Literal["none", "nearest", "bicubic", "learned"]
Classes = Annotated[int, Meta(ge=DIRECTIONS, le=64, multiple_of=DIRECTIONS)]
_BOTH_ENDS = 2  # convolutions: the first and the last


class Family(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all families share. Each list is a set of values to try; what makes sense together is a candidate."""

    kind: ClassVar[str]
    least_depth: ClassVar[int] = 3
    label: str | None = None
    """What the family is called in tables and drawings; default: its kind."""
    depth: Annotated[tuple[Annotated[int, Meta(ge=2)], ...], Meta(min_length=1)]
    """Convolutions, the first and the last included."""
    width: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """Channels between them."""
    expansion: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (64,)
    """Channels of a block while it is trained; costs nothing once it has collapsed."""

    def settings(self) -> Iterator[dict[str, Any]]:
        """Of each candidate, what goes beyond depth, width and expansion."""
        yield {}

    def candidates(self, scale: int, size: tuple[int, int], precision: Precision) -> Iterator[Candidate]:
        for more in self.settings():
            for depth, width, expansion in itertools.product(self.depth, self.width, self.expansion):
                given = {"depth": depth, "width": width, "expansion": expansion, **more}
                if depth >= self.least_depth and _sensible(precision=precision, **given):
                    label = self.label or self.kind
                    yield Candidate(
                        family=label, kind=self.kind, scale=scale, size=size, precision=precision, **given
                    )  # fmt: skip


class PocketFamily(Family, frozen=True, kw_only=True):
    """`nets.pocket`: luma, edges repeated, a PReLU after each convolution but the last."""

    kind: ClassVar[str] = "pocket"
    least_depth: ClassVar[int] = 2
    kernel: Annotated[tuple[Kernel, ...], Meta(min_length=1)] = ((3, 3),)
    """Of the convolutions between first and last: height, width."""
    ends: Annotated[tuple[Ends, ...], Meta(min_length=1)] = (3,)
    """Side of the first and the last kernel."""
    groups: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (1,)
    """Of the convolutions between first and last."""
    skip: Annotated[tuple[Skip, ...], Meta(min_length=1)] = ("none",)
    """`long`: what the first convolution gives is added to what the last one reads."""
    anchor: Annotated[tuple[AnchorName, ...], Meta(min_length=1)] = ("nearest",)
    chosen: Annotated[tuple[Choosing, ...], Meta(min_length=1)] = ("none",)
    """Layers with a kernel for each class of pixels; not in 2 bits."""
    classes: Annotated[tuple[Classes, ...], Meta(min_length=1)] = (16,)
    """Of pixels, where kernels are chosen: 8 directions times as many strengths."""

    def settings(self) -> Iterator[dict[str, Any]]:
        choices = [(how, count) for how in self.chosen for count in (self.classes if how != "none" else (16,))]
        for kernel, ends, groups, skip, anchor, (chosen, classes) in itertools.product(
            self.kernel, self.ends, self.groups, self.skip, self.anchor, choices
        ):
            yield {
                "kernel": kernel,
                "ends": ends,
                "groups": groups,
                "skip": skip,
                "anchor": Anchor(anchor),
                "chosen": chosen,
                "classes": classes,
            }


class SesrFamily(Family, frozen=True, kw_only=True):
    """`nets.sesr`: luma, 5x5, 3x3 as often as wanted, 5x5, a skip over those between."""

    kind: ClassVar[str] = "sesr"

    def settings(self) -> Iterator[dict[str, Any]]:
        yield {"ends": 5, "skip": "long", "anchor": Anchor.NEAREST}


class EcbsrFamily(Family, frozen=True, kw_only=True):
    """`nets.ecbsr`: 3x3 convolutions with PReLUs, zeros around each, luma or R'G'B'."""

    kind: ClassVar[str] = "ecbsr"
    channels: Annotated[tuple[Literal[1, 3], ...], Meta(min_length=1)] = (1,)

    def settings(self) -> Iterator[dict[str, Any]]:
        for channels in self.channels:
            yield {"channels": channels, "anchor": Anchor.RESIZED}


class EtdsFamily(Family, frozen=True, kw_only=True):
    """`nets.etds`: R'G'B', 3x3 convolutions with ReLUs and one of 1x1 at the end, which `depth` doesn't count."""

    kind: ClassVar[str] = "etds"

    def settings(self) -> Iterator[dict[str, Any]]:
        yield {"channels": 3, "anchor": Anchor.NONE}


class AbpnFamily(Family, frozen=True, kw_only=True):
    """`nets.abpn`: R'G'B', 3x3 convolutions with ReLUs, the last one from 12 channels to 12, added to the picture."""

    kind: ClassVar[str] = "abpn"

    def settings(self) -> Iterator[dict[str, Any]]:
        yield {"channels": 3, "anchor": Anchor.RESIZED}


FAMILIES: dict[str, type[Family]] = {
    each.kind: each for each in (PocketFamily, SesrFamily, EcbsrFamily, EtdsFamily, AbpnFamily)
}


class Space(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str = "space"
    scale: Annotated[tuple[Literal[2, 3, 4], ...], Meta(min_length=1)] = (2,)
    """How much larger the picture becomes. Every one can be counted and predicted; `nets` builds the family pocket at
    each, others at 2."""
    size: Annotated[tuple[tuple[Positive, Positive], ...], Meta(min_length=1)] = ((640, 360),)
    """Of the input: width, height."""
    precision: Annotated[tuple[Precision, ...], Meta(min_length=1)] = ("fp32",)
    families: tuple[Family, ...]

    def candidates(self) -> tuple[Candidate, ...]:
        """All of them, each once, family by family."""
        found: dict[Candidate, None] = {}
        for family, scale, size, precision in itertools.product(self.families, self.scale, self.size, self.precision):
            found |= dict.fromkeys(family.candidates(scale, size, precision))
        return tuple(found)


def read_space(path: Path) -> Space:
    """The space in a YAML file. Raises UserError, with the key's name, for what can't be read or is unknown."""
    return _space(read_yaml(path, "space", "families:, size: and precision:"), str(path))


def builtin_space() -> Space:
    """The default space: pocketsr's own chains and the published ones that the engine can stream."""
    text = files("pocketsr.design").joinpath("default-space.yaml").read_text()
    return _space(parse_yaml(text, "the built-in space", "space"), "the built-in space")


def _space(content: dict[str, Any], where: str) -> Space:
    given = content.get("families")
    if not isinstance(given, list) or not given:
        raise UserError(f"{where}: families: a list is expected, each with kind:, depth: and width:")
    families = []
    for index, each in enumerate(given):
        place = f"{where}: families.{index}"
        kind = each.get("kind") if isinstance(each, dict) else None
        if kind not in FAMILIES:
            close = did_you_mean(str(kind), list(FAMILIES))
            known = f"known are {', '.join(FAMILIES)}{close and '; ' + close}"
            raise UserError(
                f"{place}.kind " + (f"'{kind}': no such family; {known}" if kind else f"is missing; {known}")
            )
        own = {key: value for key, value in each.items() if key != "kind"}
        families.append(convert(own, FAMILIES[kind], place, "the family"))
    rest = convert({**content, "families": []}, Space, where, "the space")
    space = msgspec.structs.replace(rest, families=tuple(families))
    if not space.candidates():
        raise UserError(
            f"{where}: no setting fits another: groups must divide width, and need a depth of 3 at least; kernels "
            "aren't chosen in 2 bits, and of 2 layers `ends` are all"
        )
    return space


def _sensible(
    depth: int,
    width: int,
    precision: Precision,
    groups: int = 1,
    skip: Skip = "none",
    kernel: Kernel = (3, 3),
    chosen: Choosing = "none",
    **_: Any,
) -> bool:
    """Whether the settings fit, and say something that no other candidate says."""
    if depth == _BOTH_ENDS and (groups > 1 or skip == "long" or kernel != (3, 3) or chosen == "all"):
        return False
    if chosen != "none" and not may_choose(precision):
        return False
    return width % groups == 0 and width >= groups
