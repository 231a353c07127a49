"""Whose memory `conv2d` touches, and that what does not fit never reaches the compiled functions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from conv_operands import LANES, operands, reference, whole
from torch import Tensor

from pocketsr.cpu_conv import conv2d

MARGIN = 64  # floats on each side, more than any vector


def between_nans(content: Tensor) -> tuple[Tensor, Tensor]:
    """A contiguous copy of `content` inside a larger buffer of NaN, and that buffer."""
    buffer = torch.full((content.numel() + 2 * MARGIN,), torch.nan)
    inside = torch.empty(0).set_(buffer.untyped_storage(), MARGIN, content.shape)  # type: ignore[call-overload]
    inside.copy_(content)
    return inside, buffer


@pytest.mark.parametrize(("ci", "co", "groups"), [(3, 5, 1), (6, 6, 6)])
@pytest.mark.parametrize("width", [LANES, LANES + 1, 4 * LANES - 3])
@pytest.mark.parametrize("rectified", [True, False])
def test_memory_of_others_is_neither_read_nor_written(
    monkeypatch: pytest.MonkeyPatch, ci: int, co: int, groups: int, width: int, rectified: bool
) -> None:
    """Whatever it reads or allocates lies between NaN: what it reads beyond spoils results, what it writes shows.

    Fresh memory is NaN too, so that a place which is never written shows as well.
    """
    buffers: list[Tensor] = []

    def guarded(content: Tensor) -> Tensor:
        inside, buffer = between_nans(content)
        buffers.append(buffer)
        return inside

    given = operands(ci, co, groups=groups, out=(9, width))[: 4 if rectified else 3]
    grad = whole(2, co, 9, width, seed=5)
    wide = [one.double().requires_grad_() for one in given]
    y = reference(*wide, groups=groups)
    expected = [y, *torch.autograd.grad(y, wide, grad.double())]

    inputs = [guarded(one).requires_grad_() for one in given]
    handed = guarded(grad)
    kept = [buffer.clone() for buffer in buffers]
    with monkeypatch.context() as patch:
        empty, zeros = torch.empty_like, torch.Tensor.new_zeros
        patch.setattr(torch, "empty_like", lambda one: guarded(empty(one).fill_(torch.nan)))
        patch.setattr(torch.Tensor, "new_empty", lambda one, shape: guarded(zeros(one, shape).fill_(torch.nan)))
        patch.setattr(torch.Tensor, "new_zeros", lambda one, *shape: guarded(zeros(one, *shape)))
        y = conv2d(*inputs, groups=groups)
        found = [y, *torch.autograd.grad(y, inputs, handed)]
    # y, its PReLU, dx, dweight, dbias, dslope and scratch: all that it allocates was guarded
    assert len(buffers) - len(kept) == (7 if rectified else 6)
    assert all(torch.equal(one.double(), other) for one, other in zip(found, expected, strict=True))
    for buffer in buffers:
        assert buffer[:MARGIN].isnan().all()
        assert buffer[-MARGIN:].isnan().all()
    for before, after in zip(kept, buffers, strict=False):
        assert torch.equal(before.nan_to_num(), after.nan_to_num())  # what it was given is as it was


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        (0, lambda x: x[:, :2]),
        (1, lambda weight: weight[:, :2]),
        (2, lambda bias: bias[:4]),
        (3, lambda slope: slope[:4]),
        (0, lambda x: x[:, :, :2]),
        (2, lambda bias: bias.double()),
        (3, lambda slope: slope.double()),
    ],
    ids=["input channels", "weight channels", "bias", "slope", "height", "type of bias", "type of slope"],
)
def test_what_does_not_fit_is_refused_as_pytorch_does(part: int, wrong: Callable[[Tensor], Tensor]) -> None:
    """And not read beyond its end, or as if it were float32."""
    given = operands(3, 5)
    given[part] = wrong(given[part])
    with pytest.raises(RuntimeError):
        reference(*given)
    with pytest.raises(RuntimeError):
        conv2d(*given)
