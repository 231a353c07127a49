"""The networks that bursts are tested with: small ones, so that nothing compiles for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketsr.engine import Upscaler, load_chroma
from pocketsr.loading import load

pytest.importorskip("cv2", reason="fusing frames needs OpenCV: pip install 'pocketsr[burst]'")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that compiles for long brings a note: on a busy machine any does, and tests ask for silence."""
    monkeypatch.setattr("pocketsr.cli._networks._PATIENCE_S", 86_400.0)


@pytest.fixture(scope="session")
def small() -> Upscaler:
    return load("small", threads=1)


@pytest.fixture(scope="session")
def bicubic() -> Upscaler:
    return load_chroma(2, threads=1)


@pytest.fixture(scope="session")
def refining(tmp_path_factory: pytest.TempPathFactory) -> Upscaler:
    """The network that recipes/burst.yaml trained, which doesn't ship."""
    pytest.importorskip("torch", reason="its checkpoint needs PyTorch: pip install 'pocketsr[train]'")
    from pocketsr.nets import to_onnx
    from pocketsr.train.checkpoint import load_network

    path = tmp_path_factory.mktemp("refining") / "burst.onnx"
    to_onnx(load_network(Path(__file__).parents[2] / "checkpoints" / "burst.pt"), path)
    return load(path, threads=1)
