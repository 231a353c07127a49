"""Networks of every shape that quantization has to handle, and pictures to choose ranges by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from quant_samples import textures
from torch import Tensor

from pocketsr.cpu_conv import chosen, conv
from pocketsr.nets import SRNet, build
from pocketsr.quant import Source
from pocketsr.quant.ptq import source_of

torch.set_num_threads(1)

NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "chain": ("pocket", {"layers": [{"channels": 5}, {"channels": 6, "kernel": [1, 5]}, {"channels": 4}]}),
    "groups": (
        "pocket",
        {
            "layers": [
                {"channels": 8, "bias": False}, {"channels": 8, "groups": 2}, {"channels": 8, "groups": 4},
                {"channels": 4, "add": [0]},
            ]
        },
    ),
    "bicubic": ("pocket", {"layers": [{"channels": 3}, {"channels": 4}], "anchor": "bicubic"}),
    "learned": ("pocket", {"layers": [{"channels": 3, "kernel": [5, 5]}, {"channels": 4}], "anchor": "learned"}),
    "chosen": (
        "pocket",
        {
            "layers": [
                {"channels": 4, "bias": False, "chosen": {"classes": 24}}, {"channels": 4},
                {"channels": 4, "groups": 2, "chosen": {"classes": 24}},
                {"channels": 4, "add": [0], "chosen": {"classes": 24}},
            ]
        },
    ),
    "zeros": ("ecbsr-m4c16", {"blocks": 1, "features": 5, "channels": 1}),  # pads with zeros
    "wide": ("sesr-m3", {}),  # begins with an offset and ends in kernels of 5x5
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's convolutions: compiling ours for each shape would take most of the time."""
    monkeypatch.setattr(conv, "_MOST_CHANNELS", 0)
    monkeypatch.setattr(chosen, "_MOST_CHANNELS", 0)


@pytest.fixture(params=NETS)
def any_net(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make() -> Callable[[str], SRNet]:
    """One of NETS with weights of which none is 0 or as it was at first."""

    def made(key: str) -> SRNet:
        torch.manual_seed(7)
        name, config = NETS[key]
        net = build(name, **config | ({"expansion": 4} if name == "pocket" else {})).eval()
        with torch.no_grad():
            for weight in net.parameters():
                weight.add_(torch.randn_like(weight), alpha=0.03)
        return net

    return made


@pytest.fixture
def source(make: Callable[[str], SRNet]) -> Callable[[str], Source]:
    return lambda key: source_of(make(key), key)


@pytest.fixture
def images() -> Tensor:
    return textures(4, 24, 28)
