"""Which runtime a file goes to, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from whole_nets import Nodes, chain, pooled, saved, strided

from pocketsr.engine import Network
from pocketsr.errors import UserError
from pocketsr.fallback import TiledUpscaler, opening
from pocketsr.fallback.session import Session


def test_what_the_engine_takes_runs_there(tmp_path: Path) -> None:
    net, note = opening.open_file(saved(chain(), tmp_path / "chain.onnx"), threads=1)
    assert isinstance(net, Network)
    assert note is None


@pytest.mark.parametrize(
    ("make", "reason"), [(pooled, "it depends on the whole image at once"), (strided, "supports stride 1 only")]
)
def test_what_it_refuses_runs_in_onnx_runtime(tmp_path: Path, make: object, reason: str) -> None:
    path = saved(make(), tmp_path / "net.onnx")  # type: ignore[operator]
    net, note = opening.open_file(path, threads=1)
    assert isinstance(net, TiledUpscaler)
    assert note is not None
    assert note.startswith("net.onnx runs through ONNX Runtime, not in the engine: node '")
    assert reason in note
    assert "\n" not in note
    assert net(np.zeros((20, 30, 3), np.uint8)).shape == (40, 60, 3)


def test_both_ways_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(chain(), tmp_path / "chain.onnx")
    picture = np.random.default_rng(2).integers(0, 256, (31, 26, 3), np.uint8)
    monkeypatch.setenv("POCKETSR_CACHE", str(tmp_path / "cache"))  # what is compiled already is used, however large
    with monkeypatch.context() as patch:
        patch.setattr(opening, "_MOST_WEIGHTS", 100)
        other, note = opening.open_file(path, threads=1)
    engine, _ = opening.open_file(path, threads=1)
    assert isinstance(other, TiledUpscaler)
    assert note is not None
    assert "weights, counted at each use" in note
    assert np.abs(engine(picture).astype(int) - other(picture)).max() <= 1
    assert engine.edge_halo == other.edge_halo == 3


def test_without_onnx_runtime_the_engine_has_the_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "has_onnxruntime", lambda: False)
    with pytest.raises(UserError, match=r"GlobalAveragePool.*pip install onnxruntime"):
        opening.open_file(saved(pooled(), tmp_path / "net.onnx"), threads=1)


def test_a_broken_file_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_text("This is no network.")
    with pytest.raises(UserError, match=r"broken\.onnx: not a valid ONNX network"):
        opening.open_file(tmp_path / "broken.onnx")


def test_the_range_of_values_is_found_out(tmp_path: Path) -> None:
    """Twice the size by repeating pixels, and a mean that only 0..255 has: in 0..1 the picture would be white."""
    n = Nodes()
    y = n.op("Sub", "x", n.const(np.full((1, 3, 1, 1), 110)))
    y = n.op("Add", n.op("Tanh", n.op("Mul", y, n.const(1 / 400))), n.const(0.4))
    y = n.op("Resize", n.op("Mul", y, n.const(280)), "", n.const([1, 1, 2, 2]), mode="nearest")
    model = n.model(y)
    del model.metadata_props[:]
    assert Session(saved(model, tmp_path / "net.onnx"), threads=1).max_value == 255
    onnx.helper.set_model_props(model, {"pocketsr.value_range": "1"})
    assert Session(saved(model, tmp_path / "net.onnx"), threads=1).max_value == 1


def test_files_that_are_no_such_network(tmp_path: Path) -> None:
    two = Nodes(channels=2)
    path = saved(two.model(two.op("Relu", "x")), tmp_path / "two.onnx")
    with pytest.raises(UserError, match=r"1 \(luma\) or 3 \(RGB\) channels is expected, not 'x' tensor\(float\)"):
        Session(path)
    n = Nodes()
    path = saved(n.model(n.op("GlobalAveragePool", "x")), tmp_path / "mean.onnx")
    with pytest.raises(UserError, match="became 3 x 1 x 1"):
        Session(path)
