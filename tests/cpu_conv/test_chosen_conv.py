"""The chosen convolution against PyTorch's own, kernel by kernel and masked, in double precision: values and gradients.

Operands are small integers, so results must be equal, not close.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from conv_operands import LANES, compiled, whole
from torch import Tensor

from pocketsr.cpu_conv import chosen, chosen_conv2d

torch.set_num_threads(1)


def _classes(k: int, *shape: int) -> Tensor:
    """Of 0 .. k-1, in patches of a few pixels as in pictures, with all of them met."""
    generator = torch.Generator().manual_seed(6)
    coarse = torch.randint(0, k, (shape[0], -(-shape[1] // 2), -(-shape[2] // 3)), generator=generator)
    found = coarse.repeat_interleave(2, 1).repeat_interleave(3, 2)[:, : shape[1], : shape[2]].contiguous()
    count = min(k, found.numel())
    found.view(-1)[torch.randperm(found.numel(), generator=generator)[:count]] = torch.arange(k)[:count]
    return found.to(torch.int32)


def _operands(
    k: int, ci: int, co: int, kernel: tuple[int, int] = (3, 3), groups: int = 1, out: tuple[int, int] = (9, LANES + 3)
) -> tuple[Tensor, list[Tensor]]:
    """The classes, and x, weight, bias and slope, for two pictures of `out` after the convolution."""
    x = whole(2, ci, out[0] + kernel[0] - 1, out[1] + kernel[1] - 1, seed=1)
    weight = whole(k, co, ci // groups, *kernel, seed=2)
    return _classes(k, 2, *out), [x, weight, whole(co, seed=3), whole(co, seed=4) / 4]


def _masked(
    x: Tensor, weight: Tensor, classes: Tensor, bias: Tensor | None = None, slope: Tensor | None = None, groups: int = 1
) -> Tensor:
    """The definition: each kernel's convolution where the class is its own, nothing elsewhere."""
    y = torch.stack(
        [F.conv2d(x, one, groups=groups) * (classes == index)[:, None] for index, one in enumerate(weight)]
    ).sum(0)
    y = y if bias is None else y + bias[:, None, None]
    return y if slope is None else F.prelu(y, slope)


def _assert_exact(classes: Tensor, given: list[Tensor], groups: int = 1, *, fast: bool = True) -> None:
    results = []
    for function, dtype in ((chosen_conv2d, None), (_masked, torch.float64)):
        leaves = [one.detach().to(dtype or one.dtype).requires_grad_() for one in given]
        x, weight, *rest = leaves
        y = function(x, weight, classes, *rest, groups=groups)
        if function is chosen_conv2d:
            assert compiled(y) == fast
        results.append([y, *torch.autograd.grad(y, leaves, whole(*y.shape, seed=5).to(y.dtype))])
    for found, expected in zip(*results, strict=True):
        assert expected.abs().max() > 0
        assert torch.equal(found.double(), expected)


@pytest.mark.parametrize(
    ("k", "ci", "co", "kernel", "groups"),
    [
        (16, 1, 8, (3, 3), 1),
        (16, 8, 4, (3, 3), 1),
        (16, 8, 8, (3, 3), 2),
        (16, 8, 8, (3, 3), 4),
        (64, 2, 3, (3, 3), 1),  # every bit of a set
        (1, 3, 5, (3, 3), 1),
        (5, 7, 13, (1, 3), 1),  # primes: blocks of one output
        (8, 6, 4, (5, 1), 2),
        (8, 4, 6, (1, 1), 1),
        (8, 2, 4, (5, 5), 1),
        (3, 16, 12, (3, 3), 1),  # blocks of a part of the outputs
        (4, 6, 6, (3, 3), 6),  # depthwise
        (4, 10, 20, (3, 3), 10),
    ],
)
@pytest.mark.parametrize("rectified", [True, False])
def test_kernels_and_groups(k: int, ci: int, co: int, kernel: tuple[int, int], groups: int, rectified: bool) -> None:
    classes, given = _operands(k, ci, co, kernel, groups)
    _assert_exact(classes, given[: 4 if rectified else 3], groups)


# Rows are cut into vectors, of which the last overlaps the one before; the weights' gradient takes tiles of 8 x 8.
@pytest.mark.parametrize(
    "width", [LANES, LANES + 1, 2 * LANES - 1, 3 * LANES, 8 * LANES, 8 * LANES + 1, 17 * LANES - 3]
)
@pytest.mark.parametrize("height", [1, 8, 17])
def test_sizes(width: int, height: int) -> None:
    classes, given = _operands(7, 2, 4, out=(height, width))
    _assert_exact(classes, given)


@pytest.mark.parametrize("width", [1, LANES - 1])
def test_rows_shorter_than_a_vector_fall_back(width: int) -> None:
    classes, given = _operands(4, 3, 5, out=(9, width))
    _assert_exact(classes, given, fast=False)


@pytest.mark.parametrize(("k", "ci", "co"), [(65, 2, 2), (2, 65, 2), (2, 2, 65)])
def test_more_than_64_fall_back(k: int, ci: int, co: int) -> None:
    classes, given = _operands(k, ci, co, out=(9, LANES))
    _assert_exact(classes, given, fast=False)


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_it_falls_back() -> None:
    classes, given = _operands(4, 4, 6, groups=2)
    _assert_exact(classes, given, groups=2, fast=False)


def test_gradients_by_differences() -> None:
    """PyTorch's own check of the fall-back, which is what the compiled one is held against above."""
    classes, given = _operands(3, 2, 2, out=(3, 4))
    x, weight, bias, slope = (one.double().add(0.1).requires_grad_() for one in given)
    assert torch.autograd.gradcheck(
        lambda *of: chosen_conv2d(of[0], of[1], classes, of[2], of[3]), (x, weight, bias, slope)
    )


def test_numbers_that_are_not_whole() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 8, 26, 60, generator=generator, requires_grad=True)
    weight = torch.randn(16, 4, 8, 3, 3, generator=generator).mul(0.3).requires_grad_()
    classes, grad = _classes(16, 2, 24, 58), torch.randn(2, 4, 24, 58, generator=generator)
    found, expected = chosen_conv2d(x, weight, classes), _masked(x.double(), weight.double(), classes)
    assert compiled(found)
    pairs = zip(
        [found, *torch.autograd.grad(found, (x, weight), grad)],
        [expected, *torch.autograd.grad(expected, (x, weight), grad.double())],
        strict=True,
    )
    for one, other in pairs:
        assert (one - other).abs().max() <= 1e-5 * max(1.0, other.abs().max().item())


def test_one_slope_and_any_layout() -> None:
    classes, (x, weight, bias, slope) = _operands(5, 3, 6)
    expected = _masked(x, weight, classes, bias, slope[:1])
    for layout in (lambda t: t, lambda t: t.transpose(-1, -2).contiguous().transpose(-1, -2)):
        found = chosen_conv2d(layout(x), layout(weight), layout(classes).long(), bias, slope[:1])
        assert torch.equal(found, expected)


def test_only_what_asks_for_a_gradient_gets_one() -> None:
    classes, (x, weight, bias, _) = _operands(5, 3, 6)
    weight.requires_grad_()
    y = chosen_conv2d(x, weight, classes, bias)
    assert compiled(y)
    y.sum().backward()
    (expected,) = torch.autograd.grad(_masked(x, weight, classes, bias).sum(), weight)
    assert weight.grad is not None
    assert torch.equal(weight.grad, expected)
    assert x.grad is None


def test_no_pictures() -> None:
    _, (x, weight, bias, slope) = _operands(5, 3, 6)
    assert chosen_conv2d(x[:0], weight, torch.zeros(0, 9, LANES + 3), bias, slope).shape == (0, 6, 9, LANES + 3)


@pytest.mark.parametrize("wrong", ["-1", "K", "size"])
def test_classes_that_are_none_never_reach_the_compiled_function(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    classes, (x, weight, bias, slope) = _operands(5, 3, 6)
    if wrong == "size":
        classes = classes[:, 1:]
    else:
        classes[1, 8, LANES] = -1 if wrong == "-1" else 5
    monkeypatch.setattr(chosen, "_library", lambda _: pytest.fail("asked for"))
    with pytest.raises(ValueError, match="classes of"):
        chosen_conv2d(x, weight, classes, bias, slope)
