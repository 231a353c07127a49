"""One kernel gives what the branches give: every kind, every composition, values and gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.reparam import Chain, Collapsible, Plain, Sum, ZeroMean, collapse, make_block

torch.set_num_threads(1)

BLOCKS: dict[str, Callable[[], Collapsible]] = {
    "plain": lambda: make_block("plain", 3, 5, (3, 5)),
    "plain without bias": lambda: make_block("plain", 3, 5, (3, 3), bias=False),
    "plain depthwise": lambda: make_block("plain", 6, 6, (3, 3), groups=6),
    "linear": lambda: make_block("linear", 3, 5, (5, 3), 16),
    "linear square": lambda: make_block("linear", 4, 4, (3, 3), 16),
    "linear 1x1": lambda: make_block("linear", 4, 4, (1, 1), 16),
    "linear in groups": lambda: make_block("linear", 6, 4, (3, 3), 7, groups=2),
    "linear depthwise": lambda: make_block("linear", 6, 6, (1, 7), 8, groups=6, bias=False),
    "edge": lambda: make_block("edge", 3, 5, (3, 3), 8),
    "edge square": lambda: make_block("edge", 4, 4, (3, 3), 8),
    "multibranch": lambda: make_block("multibranch", 3, 5, (3, 5), 8),
    "multibranch square": lambda: make_block("multibranch", 4, 4, (3, 3), 8),
    "multibranch from one": lambda: make_block("multibranch", 1, 4, (3, 3), 8),
    "without its mean": lambda: make_block("linear", 1, 4, (5, 5), 8, zero_mean=True),
    "without its mean, in groups": lambda: make_block("plain", 4, 4, (3, 3), groups=2, zero_mean=True),
    "sum": lambda: Sum(make_block("edge", 3, 4, (3, 3), 8), make_block("linear", 3, 4, (3, 3), 8, bias=False)),
    "chain": lambda: Chain(make_block("linear", 3, 8, (3, 1), 8), make_block("plain", 8, 4, (3, 5))),
    "chain without bias": lambda: Chain(
        make_block("plain", 3, 8, (1, 1), bias=False), make_block("plain", 8, 4, (3, 3), bias=False)
    ),
    "all at once": lambda: ZeroMean(
        Chain(
            make_block("multibranch", 2, 6, (1, 1), 8),
            Sum(
                make_block("edge", 6, 4, (3, 3), 8),
                Chain(make_block("linear", 6, 3, (3, 1), 8), make_block("plain", 3, 4, (1, 3))),
            ),
        )
    ),
}
every_block = pytest.mark.parametrize("name", BLOCKS)
WIDE = (12, 37)  # rows and columns: enough for the compiled convolution, and no multiple of a vector


def randomised(name: str, seed: int = 0) -> Collapsible:
    """The block with weights of which none is 0 or 1, as after training."""
    torch.manual_seed(seed)
    block = BLOCKS[name]()
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.3)
    return block


def assert_equal(one: Tensor, other: Tensor, tolerance: float = 1e-5) -> None:
    """Within `tolerance` of full scale, which is 1 or the largest value."""
    assert one.shape == other.shape
    assert (one - other).abs().max().item() <= tolerance * max(1.0, other.abs().max().item())


@every_block
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [(11, 8), (7, 9), WIDE])
def test_collapsed_equals_expanded(name: str, seed: int, size: tuple[int, int]) -> None:
    block = randomised(name, seed)
    x = torch.rand(2, block.in_channels, *size)
    height, width = block.kernel_size
    with torch.no_grad():
        expanded = block.expanded(x)
        assert expanded.shape == (2, block.out_channels, size[0] - height + 1, size[1] - width + 1)
        assert_equal(block(x), expanded)
        assert_equal(collapse(block)(x), expanded)
        slope = torch.rand(block.out_channels)
        assert_equal(block(x, slope), F.prelu(expanded, slope))


@every_block
@pytest.mark.parametrize("mode", ["constant", "replicate"])
def test_borders_agree_when_the_input_is_padded(name: str, mode: str) -> None:
    """No branch sees a border of its own: whoever pads, pads before the block."""
    block = randomised(name)
    height, width = block.kernel_size
    x = F.pad(torch.rand(1, block.in_channels, 6, 9), [width // 2] * 2 + [height // 2] * 2, mode=mode)
    with torch.no_grad():
        assert block(x).shape[-2:] == (6, 9)
        assert_equal(block(x), block.expanded(x))


@every_block
@pytest.mark.parametrize("size", [(8, 9), WIDE])
def test_every_parameter_learns_through_the_kernel(name: str, size: tuple[int, int]) -> None:
    """The gradient that training uses is the branches' own, and no parameter is idle."""
    block = randomised(name)
    x = torch.rand(2, block.in_channels, *size)
    weights = torch.randn(block.expanded(x).shape)
    parameters = dict(block.named_parameters())
    through = torch.autograd.grad((block(x) * weights).sum(), list(parameters.values()))
    expected = torch.autograd.grad((block.expanded(x) * weights).sum(), list(parameters.values()))
    for parameter, one, other in zip(parameters, through, expected, strict=True):
        assert other.abs().max() > 1e-3, parameter
        assert_equal(one, other, 2e-5)


@every_block
def test_the_kernel_is_made_anew(name: str) -> None:
    block = randomised(name)
    before = block.kernel().clone()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.mul_(1.5)
    assert (block.kernel() - before).abs().max() > 1e-3


@every_block
def test_collapse_gives_one_plain_convolution_in_any_precision(name: str) -> None:
    block = randomised(name).double()
    single = collapse(block)
    assert type(single) is Plain
    x = torch.rand(1, block.in_channels, 9, 9, dtype=torch.float64)
    assert_equal(single(x), block.expanded(x), 1e-13)


class Net(nn.Module):
    """Blocks in a list, one of them used twice and one under two names, among other modules."""

    def __init__(self) -> None:
        super().__init__()
        self.head = randomised("without its mean")
        square = randomised("linear square")
        self.body = nn.ModuleList([square, randomised("all at once"), square])
        self.last = self.again = randomised("edge square")
        self.slope = nn.Parameter(torch.rand(4))
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body[2](self.body[0](self.norm(self.head(x, self.slope))), self.slope)
        y = torch.cat([self.body[1](y[:, :2]), self.body[1](y[:, 2:])])
        return self.again(self.last(y, self.slope))


def test_a_collapsed_network_gives_the_same_and_the_original_stays() -> None:
    net = Net().eval()
    kept = copy.deepcopy(net.state_dict())
    state = torch.get_rng_state()
    small = collapse(net)
    assert torch.equal(torch.get_rng_state(), state)  # a run that collapses goes on as one that doesn't
    blocks = [module for module in small.modules() if isinstance(module, Collapsible)]
    assert len(blocks) == 4
    assert all(type(block) is Plain for block in blocks)
    assert small.body[0] is small.body[2]
    assert small.last is small.again
    assert not any(module.training for module in small.modules())
    x = torch.rand(1, 1, 20, 30)
    with torch.no_grad():
        expected = net(x)
        assert_equal(small(x), expected)
        for parameter in small.parameters():
            parameter.zero_()
        assert torch.equal(net(x), expected)
    assert net.state_dict().keys() == kept.keys()
    assert all(torch.equal(value, kept[name]) for name, value in net.state_dict().items())


def test_a_collapsed_network_can_be_trained_on() -> None:
    small = collapse(Net())
    small(torch.rand(2, 1, 20, 30)).sum().backward()
    assert all(parameter.grad is not None for parameter in small.parameters())


@every_block
def test_autocast_leaves_the_collapse_alone(name: str) -> None:
    """Of these few channels all is float32, so that nothing at all may change: rounded factors would add up."""
    block = randomised(name)
    x = torch.rand(2, block.in_channels, *WIDE)
    with torch.autocast("cpu", torch.bfloat16):
        y = block(x)
    assert torch.equal(y, block(x))
