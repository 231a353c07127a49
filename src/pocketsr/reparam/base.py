"""What a collapsible block is: a convolution whose kernel is computed from more numbers than it has."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from pocketsr.cpu_conv import conv2d

__all__ = ["Collapsible", "Plain", "collapse"]

Kernel = tuple[int, int]
Module = TypeVar("Module", bound=nn.Module)


class Collapsible(nn.Module, ABC):
    """A valid (unpadded), stride-1 convolution, over-parameterised for training.

    Training runs in weight space: each call computes the one collapsed kernel, so that an iteration costs one
    convolution whatever stands behind it (Bhardwaj et al., MLSys 2022, section 3.2). Who pads, pads the input before
    the block: collapsed and expanded then agree at the borders too.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Kernel, groups: int = 1) -> None:
        super().__init__()
        if min(in_channels, out_channels, *kernel_size, groups) < 1 or not all(size % 2 for size in kernel_size):
            raise ValueError(f"channels, odd kernel sizes and groups are counted from 1, not {kernel_size}, {groups}")
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"{in_channels} and {out_channels} channels don't part into {groups} groups")
        self.in_channels, self.out_channels, self.kernel_size, self.groups = (
            in_channels, out_channels, kernel_size, groups,
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """CO, CI/groups, KH, KW."""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    @abstractmethod
    def kernel(self) -> Tensor:
        """The collapsed kernel, CO CI/groups KH KW, differentiable."""

    @abstractmethod
    def offset(self) -> Tensor | None:
        """The collapsed bias, CO; None for a block without."""

    @abstractmethod
    def expanded(self, x: Tensor) -> Tensor:
        """N CI H W to N CO H-KH+1 W-KW+1 branch by branch: what the block is by definition."""

    def forward(self, x: Tensor, slope: Tensor | None = None) -> Tensor:
        """What `expanded` gives, by the one kernel, and a PReLU of `slope` (CO)."""
        with torch.autocast(x.device.type, enabled=False):  # one kernel costs nothing, and rounding adds up in it
            kernel, offset = self.kernel(), self.offset()
        return conv2d(x, kernel, offset, slope, self.groups)


class Plain(Collapsible):
    """The convolution itself: what every block collapses to."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Kernel, groups: int = 1, *, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, groups)
        fresh = nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups, bias=bias)
        self.weight, self.bias = fresh.weight, fresh.bias

    def kernel(self) -> Tensor:
        return self.weight

    def offset(self) -> Tensor | None:
        return self.bias

    def expanded(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.weight, self.bias, groups=self.groups)


def _plain(block: Collapsible) -> Plain:
    kernel, offset = block.kernel().detach(), block.offset()
    with torch.device("meta"):  # draws no random numbers: who collapses in the middle of a run changes nothing in it
        plain = Plain(block.in_channels, block.out_channels, block.kernel_size, block.groups)
    plain.weight = nn.Parameter(kernel.clone(memory_format=torch.contiguous_format))
    plain.bias = None if offset is None else nn.Parameter(offset.detach().clone())
    return plain.train(block.training)


@runtime_checkable
class _Collapses(Protocol):
    """What is no single convolution, but says itself what it amounts to."""

    def collapsed(self) -> nn.Module: ...


def collapse(module: Module) -> Module:
    """A copy of `module` in which every block is the one convolution that it amounts to; `module` stays as it is.

    #
    A block itself becomes a `Plain`, one of kernels for each class a `PlainChosen`. What is one block at several
    places stays one.
    """
    blocks: dict[int, Any] = {id(part): _plain(part) for part in module.modules() if isinstance(part, Collapsible)}
    blocks |= {id(part): part.collapsed() for part in module.modules() if isinstance(part, _Collapses)}
    return copy.deepcopy(module, blocks)  # wherever a block is met, its copy is said to be made already
