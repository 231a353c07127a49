"""`conv2d` against PyTorch's own in double precision: values, gradients, layouts, and what it falls back on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from conv_operands import LANES, assert_exact, operands, reference, whole
from torch import Tensor

from pocketsr.cpu_conv import conv2d


@pytest.mark.parametrize(
    ("ci", "co", "kernel", "groups"),
    [
        (1, 8, (3, 3), 1),
        (8, 4, (3, 3), 1),
        (7, 13, (3, 3), 1),  # primes: blocks of one output
        (2, 6, (5, 5), 1),
        (3, 4, (1, 3), 1),
        (3, 4, (3, 1), 1),
        (6, 4, (1, 1), 1),
        (64, 64, (1, 1), 1),  # as wide as it goes
        (6, 6, (3, 3), 6),  # depthwise
        (4, 8, (3, 3), 4),  # two outputs from each channel
        (6, 4, (5, 3), 2),
    ],
)
def test_kernels_and_groups(ci: int, co: int, kernel: tuple[int, int], groups: int) -> None:
    x, weight, bias, slope = operands(ci, co, kernel, groups)
    assert_exact([x, weight, bias, slope], groups)
    assert_exact([x, weight, bias], groups)


# Rows are cut into vectors, of which the last overlaps the one before, and 1 to 4 run at once: 1 for 1 and 5 vectors,
# 2, 3 and 4 for as many, 3 for 6. The weights' gradient takes 8 rows at a time.
@pytest.mark.parametrize(
    "width",
    [LANES, LANES + 1, 2 * LANES - 1, 2 * LANES, 2 * LANES + 1, 3 * LANES, 4 * LANES - 3, 4 * LANES + 1, 6 * LANES - 1],
)
def test_widths(width: int) -> None:
    assert_exact(operands(3, 5, out=(9, width)))


@pytest.mark.parametrize("height", [1, 2, 7, 8, 9, 17])
def test_heights(height: int) -> None:
    assert_exact(operands(3, 5, out=(height, LANES + 1)))


@pytest.mark.parametrize("width", [1, LANES - 1])
def test_rows_shorter_than_a_vector_fall_back(width: int) -> None:
    assert_exact(operands(3, 5, out=(9, width)), fast=False)


@pytest.mark.parametrize(("ci", "co", "groups"), [(65, 2, 1), (2, 65, 1), (66, 66, 66)])
def test_more_than_64_channels_fall_back(ci: int, co: int, groups: int) -> None:
    assert_exact(operands(ci, co, groups=groups, out=(3, LANES)), groups, fast=False)


def test_double_precision_falls_back() -> None:
    assert_exact([one.double() for one in operands(3, 5)], fast=False)


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_it_falls_back() -> None:
    assert_exact(operands(3, 5), fast=False)


def test_no_bias_is_a_bias_of_zero() -> None:
    x, weight, _, slope = operands(3, 5)
    for act in (slope, None):
        assert torch.equal(conv2d(x, weight, None, act), reference(x, weight, None, act))


@pytest.mark.parametrize("size", [(3, LANES + 1), (100, 3 * LANES + 1)], ids=["small", "large"])
def test_numbers_that_are_not_whole(size: tuple[int, int]) -> None:
    """All 24 bits count: each of 3 * 3 * 3 additions rounds by at most 2^-24 of the terms' absolute sum."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.rand(1, 3, *size, generator=generator), torch.randn(5, 3, 3, 3, generator=generator)
    error = (conv2d(x, weight).double() - reference(x.double(), weight.double())).abs()
    assert (error <= 27 * 2**-24 * reference(x, weight.abs())).all()


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "transposed": lambda x: x.transpose(-1, -2).contiguous().transpose(-1, -2),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "every second column": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "inside a larger picture": lambda x: F.pad(x, (2, 3, 1, 4), value=9.0)[..., 1:-4, 2:-3],
    "some of many channels": lambda x: torch.cat([x, x], 1)[:, : x.shape[1]],
}


def test_one_slope_for_all_channels() -> None:
    x, weight, bias, slope = operands(3, 5)
    assert_exact([x, weight, bias, slope[:1].detach().requires_grad_()])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_input_and_weight(layout: str) -> None:
    x, weight, bias, slope = operands(3, 5)
    strided = LAYOUTS[layout](x), LAYOUTS[layout](weight)
    assert not strided[0].is_contiguous()
    assert not strided[1].is_contiguous()
    assert_exact([*strided, bias, slope])


def test_layouts_of_bias() -> None:
    x, weight, bias, slope = operands(3, 5)
    assert_exact([x, weight, bias.repeat_interleave(2)[::2], slope])


@pytest.mark.parametrize("layout", ["strided", "expanded"])
def test_layouts_of_slope(layout: str) -> None:
    x, weight, bias, slope = operands(3, 5)
    strided = slope.repeat_interleave(2)[::2] if layout == "strided" else slope[:1].expand(5)
    assert_exact([x, weight, bias, strided])


def test_gradients_that_are_one_number_repeated() -> None:
    """What `sum` hands back has strides of 0."""
    given = [one.requires_grad_() for one in operands(3, 5)]
    found = torch.autograd.grad(conv2d(*given).sum(), given)
    expected = torch.autograd.grad(reference(*given).sum(), given)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_only_what_asks_for_a_gradient_gets_one() -> None:
    """The first layer's input needs none, a frozen layer's weight neither."""
    for wanted in range(4):
        given = operands(3, 5)
        given[wanted].requires_grad_()
        conv2d(*given).sum().backward()
        (expected,) = torch.autograd.grad(reference(*given).sum(), given[wanted])
        assert given[wanted].grad is not None
        assert torch.equal(given[wanted].grad, expected)
        assert all(one.grad is None for i, one in enumerate(given) if i != wanted)
    with torch.no_grad():
        assert not conv2d(*given).requires_grad


def test_no_pictures_give_no_output_and_gradients_of_zero() -> None:
    x, weight, bias, slope = operands(3, 5)
    weight.requires_grad_()
    y = conv2d(x[:0], weight, bias, slope)
    assert y.shape == (0, 5, 9, LANES + 3)
    (grad,) = torch.autograd.grad(y.sum(), weight)
    assert torch.equal(grad, torch.zeros_like(weight))


@pytest.mark.filterwarnings("ignore:.torch.jit.trace. is deprecated:DeprecationWarning")
def test_a_trace_records_pytorchs_own() -> None:
    """A trace can hold no compiled function: it must be right on other inputs and sizes."""
    x, weight, bias, slope = operands(3, 5)
    traced = torch.jit.trace(lambda one: conv2d(one, weight, bias, slope), (x,))
    assert "aten::_convolution" in str(traced.graph)
    other = whole(1, 3, 20, 3 * LANES, seed=6)
    assert torch.equal(traced(other), reference(other, weight, bias, slope))


def test_gradients_of_gradients_are_refused() -> None:
    given = [one.requires_grad_() for one in operands(3, 5)]
    (grad,) = torch.autograd.grad(conv2d(*given).square().sum(), given[1], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        (grad * given[1]).sum().backward()
