"""Kernels worked out by hand, where blocks start, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pocketsr.reparam import Chain, Collapsible, Edge, Linear, MultiBranch, Plain, Sum, ZeroMean, make_block

torch.set_num_threads(1)


def assert_close(found: Tensor | None, expected: Any) -> None:
    assert found is not None
    torch.testing.assert_close(found.detach(), torch.as_tensor(expected, dtype=torch.float32))


def silent(block: Collapsible) -> Any:
    """The block with all parameters 0."""
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
    return block


def plain(kernel: Any, offset: float) -> Plain:
    weight = torch.tensor(kernel)
    block = Plain(1, 1, (weight.shape[0], weight.shape[1]))
    block.weight.data[:] = weight
    assert block.bias is not None
    block.bias.data[:] = offset
    return block


def test_linear_by_hand() -> None:
    """K = direct + point wide, with two wide channels."""
    block = silent(Linear(1, 1, (1, 3), expansion=2))
    block.weight.data[:] = torch.tensor([1.0, 0.0, 0.0])
    block.wide.data[:] = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    block.point.data[:] = torch.tensor([[2.0, -3.0]])
    block.bias.data[:] = 0.5
    # 2 (1 2 3) - 3 (0 1 0) = (2 1 6), and 1 in the first place
    assert_close(block.kernel(), [[[[3.0, 1.0, 6.0]]]])
    assert_close(block.offset(), [0.5])


def test_edge_by_hand() -> None:
    block = silent(Edge(2, 1, expansion=1))
    block.points.data[:, 0, :, 0, 0] = torch.tensor([[1.0, -1.0], [2.0, 0.0], [0.0, 3.0]])
    block.scales.data[:] = torch.tensor([[10.0], [1.0], [2.0]])
    block.biases.data[:] = torch.tensor([[1.0], [2.0], [3.0]])
    # Sobel x by 10 * (1, -1), Sobel y by 1 * (2, 0), Laplacian by 2 * (0, 3)
    first = [[12.0, 4.0, -8.0], [20.0, 0.0, -20.0], [8.0, -4.0, -12.0]]
    second = [[-10.0, 6.0, 10.0], [-14.0, -24.0, 26.0], [-10.0, 6.0, 10.0]]
    assert_close(block.kernel(), [[first, second]])
    assert_close(block.offset(), [6.0])


def test_edge_by_hand_of_the_squeezed_branch() -> None:
    """A 1x1's bias goes through every tap of the 3x3 after it."""
    block = silent(Edge(1, 1, expansion=2))
    block.squeeze.data[:, 0, 0, 0] = torch.tensor([2.0, 1.0])
    block.squeeze_bias.data[:] = torch.tensor([1.0, 10.0])
    block.spread.data[0, 0] = 1.0
    block.spread.data[0, 1, 1, 1] = 0.5
    block.spread_bias.data[:] = 7.0
    assert_close(block.kernel(), [[[[2.0, 2.0, 2.0], [2.0, 2.5, 2.0], [2.0, 2.0, 2.0]]]])
    assert_close(block.offset(), [9 * 1.0 + 0.5 * 10.0 + 7.0])


def test_multibranch_by_hand() -> None:
    block = silent(MultiBranch(1, 1, (1, 3), expansion=1))
    block.weight.data[:] = torch.tensor([1.0, 0.0, -1.0])
    block.point.data[:], block.squeeze.data[:], block.mean.data[:] = 2.0, 3.0, 6.0
    block.spread.data[:] = torch.tensor([0.0, 1.0, 2.0])
    block.scales.data[:, 0] = torch.tensor([1.0, 10.0, 100.0, 7.0, 0.5])
    # 1 (1 0 -1), 10 * 2 in the middle, 100 * 3 (0 1 2), 7 * 6 / 3 everywhere, half the identity in the middle
    assert_close(block.kernel(), [[[[15.0, 334.5, 613.0]]]])


def test_chain_by_hand() -> None:
    """Two correlations in turn are one with the kernels' convolution, written as the product of polynomials."""
    chain = Chain(plain([[1.0, 2.0, 3.0]], 10.0), plain([[1.0, 0.0, -1.0]], 0.5))
    # (1 + 2x + 3x^2) (1 - x^2) = 1 + 2x + 2x^2 - 2x^3 - 3x^4; the first bias sums to 10 (1 + 0 - 1) = 0
    assert_close(chain.kernel(), [[[[1.0, 2.0, 2.0, -2.0, -3.0]]]])
    assert_close(chain.offset(), [0.5])
    crossed = Chain(plain([[1.0, 2.0, 3.0]], 2.0), plain([[5.0], [7.0], [0.0]], 1.0))
    assert_close(crossed.kernel(), [[[[5.0, 10.0, 15.0], [7.0, 14.0, 21.0], [0.0, 0.0, 0.0]]]])
    assert_close(crossed.offset(), [2.0 * 12.0 + 1.0])


def test_sum_by_hand() -> None:
    total = Sum(plain([[1.0]], 2.0), plain([[3.0]], 4.0), Plain(1, 1, (1, 1), bias=False))
    silent(total.blocks[2])  # type: ignore[arg-type]
    assert_close(total.kernel(), [[[[4.0]]]])
    assert_close(total.offset(), [6.0])


@pytest.mark.parametrize("kind", ["plain", "linear", "edge", "multibranch"])
@pytest.mark.parametrize("channels", [(1, 4), (4, 4)])
def test_zero_mean_gives_no_response_to_constants(kind: Any, channels: tuple[int, int]) -> None:
    torch.manual_seed(0)
    block = make_block(kind, *channels, (3, 3), 16, zero_mean=True)
    assert isinstance(block, ZeroMean)
    assert_close(block.kernel().sum((1, 2, 3)), torch.zeros(4))
    offset = block.offset()
    assert offset is not None
    with torch.no_grad():
        for value in (0.0, 0.3, 1.0):  # every channel the same constant: the bias is all that remains
            flat = torch.full((1, channels[0], 9, 40), value)
            for given in (block(flat), block.expanded(flat)):
                assert (given - offset[:, None, None]).abs().max() < 1e-6
        unlike = block(torch.rand(1, channels[0], 9, 40)) - offset[:, None, None]
        assert unlike.abs().max() > 0.1  # but not to others


def test_linear_starts_as_the_identity_and_noise() -> None:
    """`direct` as PyTorch starts a convolution (uniform, below 1 / sqrt(fan in)), plus the identity."""
    torch.manual_seed(0)
    block = Linear(16, 16, (3, 3))
    taps = block.weight.detach().clone()
    taps[range(16), range(16), 1, 1] -= 1
    bound = (16 * 9) ** -0.5
    assert 0.9 * bound < taps.abs().max() <= bound
    assert block.wide.shape == (64, 16 * 9)
    branch = block.kernel() - block.weight
    # 64 products of deviations sqrt(2 / fan in) and 0.3 / sqrt(64): 0.3 sqrt(2 / fan in), over 16 * 16 * 9 numbers
    assert branch.std().item() == pytest.approx(0.3 * 2**0.5 * bound, rel=0.1)


@pytest.mark.parametrize("kind", ["linear", "edge", "multibranch"])
def test_square_blocks_start_near_the_identity(kind: Any) -> None:
    torch.manual_seed(0)
    kernel = make_block(kind, 12, 12).kernel().detach()
    middle = kernel[:, :, 1, 1]
    assert middle.diagonal().min() > 0.5
    assert middle.diagonal().mean().item() == pytest.approx(1, abs=0.1)
    rest = kernel - torch.nn.init.dirac_(torch.empty_like(kernel))
    assert rest.std() < 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cubic", 1, 1), "no kind of block 'cubic': known are plain, linear, edge, multibranch"),
        (("edge", 1, 1, (5, 5)), "'edge' blocks are 3x3, not 5x5"),
        (("linear", 1, 1, (2, 3)), "odd"),
        (("plain", 0, 1), "from 1"),
    ],
)
def test_what_no_block_can_be_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_block(*arguments)


@pytest.mark.parametrize("kind", ["edge", "multibranch"])
def test_groups_and_no_bias_are_for_plain_and_linear(kind: Any) -> None:
    with pytest.raises(ValueError, match="no groups: use 'linear' or 'plain'"):
        make_block(kind, 4, 4, groups=2)
    with pytest.raises(ValueError, match="have a bias"):
        make_block(kind, 4, 4, bias=False)


def test_channels_must_part_into_groups() -> None:
    with pytest.raises(ValueError, match="4 and 6 channels don't part into 4 groups"):
        make_block("linear", 4, 6, groups=4)


def test_compositions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        Sum(Plain(1, 2, (3, 3)), Plain(1, 2, (1, 3)))
    with pytest.raises(ValueError, match="same shape"):
        Sum()
    with pytest.raises(ValueError, match="as many channels in"):
        Chain(Plain(1, 2, (3, 3)), Plain(3, 1, (3, 3)))
    with pytest.raises(ValueError, match="ungrouped"):
        Chain(Plain(2, 2, (3, 3), groups=2), Plain(2, 1, (3, 3)))
