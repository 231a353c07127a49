"""Networks exported from PyTorch as users do it: they compile, and compute what PyTorch computes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketsr.engine import load

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[train]'")
F = torch.nn.functional


def luma() -> Any:
    """0..1: PReLU, long skip, concatenation, nearest anchor by broadcasting."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 5, padding=2), torch.nn.PReLU(8))
            self.second = torch.nn.Sequential(torch.nn.Conv2d(8, 8, 3, padding=1), torch.nn.PReLU())
            self.last = torch.nn.Conv2d(16, 4, 3, padding=1, padding_mode="replicate")

        def forward(self, x: Any) -> Any:
            first = self.first(x)
            second = self.second(first) + first
            return F.pixel_shuffle(self.last(torch.cat([first, second], 1)) + x, 2)

    return Net()


def rgb() -> Any:
    """0..255: mean shift, GELU, SiLU, channels shuffled by view and transpose, anchor by `size=`, clamp."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Conv2d(3, 12, 3, padding=1)
            self.body = torch.nn.Conv2d(12, 12, 3, padding=1, groups=4)
            self.tail = torch.nn.ConvTranspose2d(12, 3, 4, stride=2, padding=1)
            self.register_buffer("mean", torch.tensor([114.0, 111.0, 103.0]).reshape(1, 3, 1, 1))

        def forward(self, x: Any) -> Any:
            n, _, h, w = x.shape
            y = F.gelu(self.head((x - self.mean) / 127.5))
            y = F.normalize(y.view(n, 2, 6, h, w).transpose(1, 2).reshape(n, 12, h, w), dim=1, eps=0.1)
            y = torch.cat([part * torch.rsqrt(1 + part * part) for part in y.chunk(2, 1)], 1)
            y = self.tail(F.silu(self.body(y))) * 127.5
            up = F.interpolate(x, size=(h * 2, w * 2), mode="bilinear", align_corners=False)
            return torch.clamp(up + y, 0, 255)

    return Net()


def anchors() -> Any:
    """x3, 0..1: bicubic and nearest anchors, each channel repeated for every pixel that it becomes."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 27, 3, padding=1)

        def forward(self, x: Any) -> Any:
            y = F.hardswish(self.conv(x)) + torch.repeat_interleave(x, 9, dim=1)
            bicubic = F.interpolate(x, scale_factor=3, mode="bicubic", align_corners=False)
            nearest = F.interpolate(x, scale_factor=3, mode="nearest")
            return (F.pixel_shuffle(y, 3) + bicubic + nearest) / 3

    return Net()


def exported(net: Any, channels: int, way: str, folder: Path) -> Path:
    path, example = folder / f"{way}.onnx", torch.rand(1, channels, 20, 24)
    size = {2: torch.export.Dim("height", min=2), 3: torch.export.Dim("width", min=2)}
    settings: dict[str, dict[str, Any]] = {
        "dynamo": {"dynamo": True, "external_data": False, "dynamic_shapes": {"x": size}, "verbose": False},
        "dynamo_fixed": {"dynamo": True, "external_data": False, "verbose": False},
        "script": {
            "dynamo": False,
            "opset_version": 17,
            "input_names": ["x"],
            "dynamic_axes": {"x": {0: "n", 2: "height", 3: "width"}},
        },
        "script_fixed": {"dynamo": False, "opset_version": 17},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (example,), str(path), **settings[way])
    return path


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("way", ["dynamo", "dynamo_fixed", "script", "script_fixed"])
@pytest.mark.parametrize(("make", "channels", "max_value"), [(luma, 1, 1), (rgb, 3, 255), (anchors, 3, 1)])
def test_exported_network_computes_what_pytorch_does(
    make: Callable[[], Any], channels: int, max_value: int, way: str, tmp_path: Path
) -> None:
    if way.startswith("dynamo"):
        pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install '.[train]'")
    torch.manual_seed(1)
    net = make().eval()
    compiled = load(exported(net, channels, way, tmp_path), threads=2)
    rng = np.random.default_rng(0)
    for height, width in [(1, 1), (5, 3), (37, 60)]:
        image = rng.uniform(0, max_value, (height, width, channels)).astype(np.float32)
        with torch.no_grad():
            expected: NDArray[Any] = net(torch.from_numpy(image.transpose(2, 0, 1)[None]))[0].numpy()
        got = compiled(image if channels == 3 else image[..., 0])
        assert np.abs(got - (expected.transpose(1, 2, 0) if channels == 3 else expected[0])).max() <= 1e-5 * max_value


def test_range_of_values_is_told_apart(tmp_path: Path) -> None:
    """The same network for 0..1 and for 0..255, neither saying which: both give the same picture."""

    class Bicubic(torch.nn.Module):
        def __init__(self, max_value: float) -> None:
            super().__init__()
            self.max_value = max_value

        def forward(self, x: Any) -> Any:
            up = F.interpolate(x / self.max_value, scale_factor=2, mode="bicubic", align_corners=False)
            return (up + 0.05 * torch.tanh(20 * (up - F.relu(up - 0.1) - 0.1))) * self.max_value

    image = np.random.default_rng(0).integers(0, 256, (24, 30, 3), np.uint8)
    results = []
    for max_value in (1.0, 255.0):
        net = load(exported(Bicubic(max_value), 3, "script", tmp_path), threads=1)
        exact = Bicubic(max_value)(
            torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32) / 255 * max_value)
        )
        expected = np.clip(exact[0].numpy().transpose(1, 2, 0) / max_value * 255, 0, 255)
        results.append(net(image))
        assert np.abs(results[-1] - expected).max() <= 0.501
    assert (results[0] == results[1]).mean() > 0.99
