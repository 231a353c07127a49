"""Blocks that are large while they are trained and collapse exactly into one convolution."""

from __future__ import annotations

from typing import Literal, get_args

from pocketsr.reparam.base import Collapsible, Kernel, Plain, collapse
from pocketsr.reparam.blocks import Edge, Linear, MultiBranch
from pocketsr.reparam.chosen import Chosen, PlainChosen, PlainOrChosen
from pocketsr.reparam.compose import Chain, Sum, ZeroMean

__all__ = [
    "BlockKind",
    "Chain",
    "Chosen",
    "Collapsible",
    "Edge",
    "Kernel",
    "Linear",
    "MultiBranch",
    "Plain",
    "PlainChosen",
    "PlainOrChosen",
    "Sum",
    "ZeroMean",
    "collapse",
    "make_block",
]

BlockKind = Literal["plain", "linear", "edge", "multibranch"]


def make_block(
    kind: BlockKind,
    in_channels: int,
    out_channels: int,
    kernel_size: Kernel = (3, 3),
    expansion: int = 64,
    *,
    groups: int = 1,
    bias: bool = True,
    zero_mean: bool = False,
) -> Collapsible:
    """A fresh block. expansion: channels of the widest branch; it costs nothing once collapsed.

    zero_mean: the kernel of each output sums to 0.
    Raises ValueError where a kind doesn't come so: `edge` is 3x3, `edge` and `multibranch` have a bias and no groups.
    """
    if kind not in get_args(BlockKind):
        raise ValueError(f"no kind of block '{kind}': known are {', '.join(get_args(BlockKind))}")
    if kind in ("edge", "multibranch") and (groups != 1 or not bias):
        raise ValueError(f"'{kind}' blocks have a bias and no groups: use 'linear' or 'plain'")
    if kind == "edge" and kernel_size != (3, 3):
        raise ValueError(f"'edge' blocks are 3x3, not {kernel_size[0]}x{kernel_size[1]}: use 'linear' or 'plain'")
    block: Collapsible
    match kind:
        case "plain":
            block = Plain(in_channels, out_channels, kernel_size, groups, bias=bias)
        case "linear":
            block = Linear(in_channels, out_channels, kernel_size, groups, expansion=expansion, bias=bias)
        case "edge":
            block = Edge(in_channels, out_channels, expansion)
        case "multibranch":
            block = MultiBranch(in_channels, out_channels, kernel_size, expansion)
    return ZeroMean(block) if zero_mean else block
