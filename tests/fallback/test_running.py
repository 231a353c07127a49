"""Registered networks: which runtime they go to, and that all of them say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pocketsr.engine import Network
from pocketsr.errors import UserError
from pocketsr.fallback import Field, TiledUpscaler
from pocketsr.nets import build, running
from pocketsr.nets.base import SRNet

PICTURE = np.random.default_rng(4).integers(0, 256, (74, 91, 3), np.uint8)


def _net(name: str, **settings: object) -> SRNet:
    torch.manual_seed(0)
    return build(name, **settings).eval()


def _refused(_: Path, threads: int | None = None) -> str:
    return f"too large for {threads} threads"


def _as_torch(net: SRNet, picture: np.ndarray) -> np.ndarray:
    """8-bit levels, by the definition."""
    with torch.no_grad():
        y = net(torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None])[0]
    return np.clip(np.floor(y.permute(1, 2, 0).numpy() * 255 + 0.5), 0, 255).astype(np.uint8)


def _difference(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


def test_a_chain_runs_in_the_engine() -> None:
    net = _net("pocket")
    upscaler, note = running.run(net, "pocket", threads=1)
    assert isinstance(upscaler, Network)
    assert note is None
    luma = PICTURE[..., 0]
    assert _difference(upscaler(luma), _as_torch(net, luma[..., None])[..., 0]) <= 1


def test_attention_over_the_picture_runs_in_onnx_runtime_as_it_is() -> None:
    net = _net("imdn", blocks=1, width=16)
    upscaler, note = running.run(net, "imdn", threads=1)
    assert isinstance(upscaler, TiledUpscaler)
    assert note is not None
    assert note.startswith("imdn runs through ONNX Runtime, not in the engine: ")
    assert "whole image" in note
    assert upscaler.edge_halo == 0
    assert _difference(upscaler(PICTURE), _as_torch(net, PICTURE)) <= 1


def test_without_onnx_runtime_it_runs_in_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "has_onnxruntime", lambda: False)
    net = _net("imdn", blocks=1, width=16)
    upscaler, note = running.run(net, "imdn", threads=1)
    assert note is not None
    assert note.startswith("imdn runs through PyTorch, not in the engine: ")
    assert _difference(upscaler(PICTURE), _as_torch(net, PICTURE)) <= 1


def test_what_no_onnx_can_hold_runs_in_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise torch.onnx.errors.UnsupportedOperatorError("aten::odd", 17, None)

    monkeypatch.setattr(running, "to_onnx", fail)
    _, note = running.run(_net("imdn", blocks=1, width=16), "imdn", threads=1)
    assert note is not None
    assert "runs through PyTorch, not in the engine: it can't be written as ONNX (" in note
    assert "aten::odd" in note


@pytest.mark.parametrize("runtime", ["ONNX Runtime", "PyTorch"])
def test_tiles_of_a_published_architecture_add_up(monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    """PAN of two blocks: halo 8, so tiles of 64 keep 48 of the 74 x 91 pixels; zeros only at the picture's edges."""
    monkeypatch.setattr(running, "by_engine", _refused)
    monkeypatch.setattr(running, "has_onnxruntime", lambda: runtime == "ONNX Runtime")
    net = _net("pan", blocks=2, width=16, hr_width=8)
    upscaler, note = running.run(net, "pan", threads=1)
    assert note == f"pan runs through {runtime}, not in the engine: too large for 1 threads"
    assert upscaler.edge_halo == net.halo == 8
    runner = upscaler._runner  # type: ignore[attr-defined]
    tile_bytes = int(runner.peak_bytes(48, 48) / 48**2 * 64**2)
    tiled = TiledUpscaler(runner, Field(net.halo, 16), tile_bytes=tile_bytes)
    rows, columns = tiled._cut(74, 91)
    assert len(rows) * len(columns) == 4
    assert _difference(tiled(PICTURE), _as_torch(net, PICTURE)) <= 1


@pytest.mark.parametrize(
    ("name", "config"), [("carn-m", {"width": 8}), ("srresnet", {"blocks": 2, "width": 16}), ("lapsrn", {})]
)
def test_tiles_of_other_architectures_add_up(name: str, config: dict[str, int]) -> None:
    net = _net(name, **config)
    runner = running.by_torch(net, name, threads=1)._runner  # type: ignore[attr-defined]
    tiled = TiledUpscaler(runner, Field(net.halo, 16), tile_bytes=1)  # the smallest that make sense
    picture = np.tile(PICTURE, (1, 2, 1))[..., : net.channels].squeeze()
    rows, columns = tiled._cut(*picture.shape[:2])
    assert len(rows) * len(columns) > 1
    assert _difference(tiled(picture), TiledUpscaler(runner, None)(picture)) <= 1


def test_memory_is_that_of_the_tensors() -> None:
    class Double(SRNet):
        scale, channels, edge_halo = 2, 1, 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a = x + 1  # 4 bytes a pixel
            b = torch.cat([a] * 3, 1)  # 12 more; `a` is still held
            del a
            return torch.nn.functional.pixel_shuffle(torch.cat([b, x], 1), 2)  # 16 beside `b`, then 16 twice

    # At most at one time: the joined 16, its shuffle 16, and b's 12 bytes a pixel; the input is a tensor of its own, 4.
    used = running._Torch(Double(), "double", None).peak_bytes(100, 100) / running._OVERHEAD
    assert used == pytest.approx((16 + 16 + 12 + 4) * 100**2, rel=0.01)


def test_weights_that_are_missing_or_wrong(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'imdn' doesn't ship with weights: add --weights FILE"):
        running.open_network("imdn", None)
    save_file({"some": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"other\.safetensors doesn't hold the weights of this Imdn"):
        running.open_network("imdn", tmp_path / "other.safetensors")
