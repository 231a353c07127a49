"""What the tests convolve, and the reference.

Operands are small multiples of 1/4, so that every sum is exact in float32 in whatever order: results must be equal, not
close, and outputs of exactly 0, where PReLU bends, are common.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from pocketsr.cpu_conv import conv2d
from pocketsr.engine.codegen.target import host_target

torch.set_num_threads(1)

LANES = host_target().lanes


def whole(*shape: int, seed: int) -> Tensor:
    """Of -3 .. 3."""
    return torch.randint(-3, 4, shape, generator=torch.Generator().manual_seed(seed)).float()


def operands(
    ci: int, co: int, kernel: tuple[int, int] = (3, 3), groups: int = 1, out: tuple[int, int] = (9, LANES + 3)
) -> list[Tensor]:
    """x, weight, bias and slope for two pictures of `out` after the convolution."""
    x = whole(2, ci, out[0] + kernel[0] - 1, out[1] + kernel[1] - 1, seed=1)
    return [x, whole(co, ci // groups, *kernel, seed=2), whole(co, seed=3), whole(co, seed=4) / 4]


def reference(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, slope: Tensor | None = None, groups: int = 1
) -> Tensor:
    y = F.conv2d(x, weight, bias, groups=groups)
    return y if slope is None else F.prelu(y, slope)


def compiled(y: Tensor) -> bool:
    """Whether it came from a `torch.autograd.Function`, which nothing that PyTorch itself offers here is."""
    return isinstance(y.grad_fn, torch.autograd.function.BackwardCFunction)


def assert_exact(given: Sequence[Tensor | None], groups: int = 1, *, fast: bool = True) -> None:
    """Output and every gradient equal the reference's, and it ran compiled, or not, as expected."""
    results: list[list[Tensor]] = []
    for function, dtype in ((conv2d, None), (reference, torch.float64)):
        # Detached but laid out as given: strides are what some of these tests are about
        leaves = [None if one is None else one.detach().to(dtype or one.dtype).requires_grad_() for one in given]
        y = function(*leaves, groups=groups)  # type: ignore[operator]
        if function is conv2d:
            assert compiled(y) == fast
        grad = whole(*y.shape, seed=5).to(y.dtype)
        results.append([y, *torch.autograd.grad(y, [leaf for leaf in leaves if leaf is not None], grad)])
    for found, expected in zip(*results, strict=True):
        assert expected.abs().max() > 0
        assert torch.equal(found.double(), expected)
