"""Time `cpu_conv.conv2d` against PyTorch's convolution: `python tools/record_cpu_conv.py`.

A layer of each shape that the networks are trained with, forward and backward with PReLU, 16 patches, one thread, in
turns, also under autocast of bfloat16; writes the medians to benchmarks/cpu_conv.json. Takes two minutes; leave the
machine alone meanwhile.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from pocketsr.bench._peak import FmaPeak
from pocketsr.bench.machine import describe_machine
from pocketsr.cpu_conv import conv2d

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "cpu_conv.json"
SHAPES = (  # CI, CO, groups
    *((1, 8, 1), (8, 8, 1), (8, 8, 2), (8, 8, 4), (8, 4, 1)),
    *((1, 12, 1), (12, 12, 1), (12, 4, 1), (16, 16, 1), (24, 24, 1)),
)
ROUNDS, SIDE, PATCHES = 60, 64, 16


def _theirs(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor, groups: int) -> Tensor:
    return F.prelu(F.conv2d(x, weight, bias, groups=groups), slope)


def _half(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor, groups: int) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return conv2d(x, weight, bias, slope, groups)


def _seconds(function: Callable[..., Tensor], operands: list[Tensor], groups: int, grad: Tensor) -> float:
    start = time.perf_counter()
    torch.autograd.grad(function(*operands, groups), operands, grad)
    return time.perf_counter() - start


def measure(inputs: int, outputs: int, groups: int) -> dict[str, float | int]:
    """Milliseconds of one forward and backward pass of a 3x3 layer, and how many times as long PyTorch takes.

    half_ms: with bfloat16, where that is taken: in between layers, whose planes are of bfloat16 before and after.
    """
    shapes = ((PATCHES, inputs, SIDE, SIDE), (outputs, inputs // groups, 3, 3), (outputs,), (outputs,))
    operands = [torch.randn(shape, requires_grad=True) for shape in shapes]
    grad = torch.randn(PATCHES, outputs, SIDE - 2, SIDE - 2)
    between = [operands[0].detach().bfloat16().contiguous(memory_format=torch.channels_last).requires_grad_()]
    between += operands[1:]
    halved = _half(*operands, groups).dtype == torch.bfloat16  # type: ignore[arg-type, call-arg]
    half_grad = grad.bfloat16().contiguous(memory_format=torch.channels_last)
    runs = [(conv2d, operands, grad), (_theirs, operands, grad), (_half, between, half_grad)][: 3 if halved else 2]
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(ROUNDS):
        for found, (function, given, change) in zip(times, runs, strict=True):
            found.append(_seconds(function, given, groups, change))
    own, torch_s, *half_s = (statistics.median(found[5:]) for found in times)  # the first ones compile
    macs = 3 * grad.numel() * 9 * inputs // groups  # output, gradient of the input, gradient of the weights
    figures = {"own_ms": own * 1e3, "torch_ms": torch_s * 1e3, "ratio": torch_s / own, "gmacs_per_s": macs / own / 1e9}
    figures |= {"half_ms": half_s[0] * 1e3} if halved else {}
    head = {"inputs": inputs, "outputs": outputs, "groups": groups}
    return head | {name: round(value, 3) for name, value in figures.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    peak = FmaPeak(1).gmacs()
    result = {
        "machine": describe_machine(), "command": "python tools/record_cpu_conv.py", "torch": torch.__version__,
        "fma_peak_gmacs": round(peak, 1), "patches": PATCHES, "side": SIDE,
        "rows": [measure(*shape) for shape in SHAPES],
    }  # fmt: skip
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
