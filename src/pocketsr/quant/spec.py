"""How many bits: `w2a8` has weights of 2 bits and stored planes of 8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pocketsr.errors import UserError, did_you_mean

__all__ = ["SPECS", "Span", "Spec", "SpecName", "TwoBit"]

SpecName = Literal["w8a8", "w4a8", "w2a8", "w4a4", "w2a4", "w2a2"]
SPECS: tuple[SpecName, ...] = get_args(SpecName)

TwoBit = Literal["ternary", "twn", "full"]
"""What weights of 2 bits may be. `ternary`: -1, 0, 1 with a scale that is chosen or learned; `twn`: the same, with
threshold and scale computed from the weights at each call (Li et al., Ternary Weight Networks, 2016); `full`: -2..1."""

_FULL = 8  # bits of the weights that read the picture or make the result


@dataclass(frozen=True)
class Span:
    """The integers low..high."""

    low: int
    high: int


@dataclass(frozen=True)
class Spec:
    """weight_bits: of inner convolutions. act_bits: of stored planes. twobit: what weights of 2 bits may be.

    Convolutions that read the picture, and those whose results aren't stored, have weights of 8 bits in every spec.
    """

    weight_bits: Literal[2, 4, 8]
    act_bits: Literal[2, 4, 8]
    twobit: TwoBit = "ternary"

    @classmethod
    def parse(cls, text: str, twobit: TwoBit = "ternary") -> Spec:
        """The spec named `text`, one of SPECS. Raises UserError for another name."""
        known = {name: (name[1], name[3]) for name in SPECS}
        if text not in known:
            close = did_you_mean(text, SPECS)
            raise UserError(f"no spec '{text}': known are {', '.join(SPECS)}{close and '; ' + close}")
        if twobit not in get_args(TwoBit):
            close = did_you_mean(twobit, get_args(TwoBit))
            listed = ", ".join(get_args(TwoBit))
            raise UserError(f"no weights of 2 bits called '{twobit}': known are {listed}{close and '; ' + close}")
        weights, acts = known[text]
        return cls(int(weights), int(acts), twobit)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        return f"w{self.weight_bits}a{self.act_bits}"

    def bits_of(self, edge: bool) -> int:
        """Of a convolution's weights; edge: it reads the picture, or its result isn't stored."""
        return _FULL if edge else self.weight_bits

    def weights(self, edge: bool) -> Span:
        """The weights' integers: the same to both sides of 0, but for `full`."""
        bits = self.bits_of(edge)
        if bits == 2:
            return Span(-2, 1) if self.twobit == "full" else Span(-1, 1)
        most = 2 ** (bits - 1) - 1
        return Span(-most, most)

    @property
    def levels(self) -> int:
        """The largest whole number of a stored plane; the least is 0."""
        return int(2**self.act_bits - 1)
