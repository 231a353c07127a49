"""`pocket` networks that are told a strength: their ONNX files compute what PyTorch does, also quantized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from pocketsr.engine import load, read_network
from pocketsr.engine.ir.graph import Conv
from pocketsr.engine.ir.reference import evaluate

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[train]'")

from pocketsr.nets import build, to_onnx  # noqa: E402
from pocketsr.nets.pocket import Pocket  # noqa: E402
from pocketsr.quant import QuantNet, Spec, quantize, read_source, write_onnx  # noqa: E402
from pocketsr.reparam import collapse  # noqa: E402

STRENGTHS = (0.0, 0.2, 0.55, 1.0)
SMALL = [{"channels": 8}, {"channels": 8, "kernel": (1, 5)}, {"channels": 8, "groups": 2}, {"channels": 4}]
STEEP = [{"channels": 4, "chosen": {"classes": 16}}, {"channels": 6, "chosen": {"classes": 16}}, {"channels": 4}]


def told_pocket(layers: list[dict[str, object]], knots: int = 4) -> Pocket:
    torch.manual_seed(1)
    net = build("pocket", layers=layers, block="plain", strengths=knots)
    assert isinstance(net, Pocket)
    with torch.no_grad():
        for table in net.offsets:
            table.normal_(0, 0.1)
    return net.eval()


@pytest.mark.parametrize("layers", [SMALL, STEEP], ids=["small", "steep"])
def test_the_file_computes_what_the_network_does(layers: list[dict[str, object]], tmp_path: Path) -> None:
    net, path = told_pocket(layers), tmp_path / "told.onnx"
    to_onnx(net, path)
    assert [each.name for each in onnx.load(path).graph.input] == ["luma", "strength"]
    network, (graph, info) = load(path, 2), read_network(path)
    assert info.strengths == 4
    rng = np.random.default_rng(2)
    for height, width in ((9, 14), (31, 22)):
        y = rng.integers(0, 256, (height, width)).astype(np.float32) / np.float32(255)
        x = torch.from_numpy(y)[None, None]
        for strength in STRENGTHS:
            with torch.no_grad():
                expected = net(x, torch.tensor([strength]))[0, 0].numpy()
                plane = torch.full_like(x, strength)  # as training gives it
                assert np.abs(net(torch.cat([x, plane], 1))[0, 0].numpy() - expected).max() <= 1e-5
            assert np.abs(network(y, strength=strength) - expected).max() <= 1e-5
            assert np.abs(evaluate(graph, y[None], strength)[0] - expected).max() <= 1e-5
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (made,) = session.run(None, {"luma": y[None, None], "strength": np.float32([1.0])})
    assert np.abs(made[0, 0] - expected).max() <= 1e-5


@pytest.mark.parametrize("spec", ["w8a8", "w2a8"])
@pytest.mark.parametrize("layers", [SMALL, STEEP], ids=["small", "steep"])
def test_a_quantized_one_is_exact(layers: list[dict[str, object]], spec: str, tmp_path: Path) -> None:
    net, plain, path = told_pocket(layers), tmp_path / "plain.onnx", tmp_path / "told.onnx"
    to_onnx(net, plain)
    rng = np.random.default_rng(4)
    images = torch.from_numpy(rng.random((6, 1, 20, 20), np.float32))
    few = quantize(read_source(plain), Spec.parse(spec), images)
    write_onnx(few, path)
    graph, info = read_network(path)
    assert info.strengths == 4
    whole = [op for op in graph.ops if isinstance(op, Conv) and op.integers is not None]
    assert len(whole) >= 3
    assert all(op.integers is not None and op.integers.offsets is not None for op in whole)
    network = load(path, 2)
    levels = rng.integers(0, 256, (23, 18)).astype(np.float32)
    y = levels / np.float32(255)
    for strength in STRENGTHS:
        np.testing.assert_array_equal(network(y, strength=strength), evaluate(graph, y[None], strength)[0])
        with torch.no_grad():
            given = torch.from_numpy(np.stack([y, np.full_like(y, strength)]))[None]
            expected = few(given)[0, 0].numpy()
        # the fake-quantized network rounds an offset as the engine does, but for ties of single precision
        assert np.percentile(np.abs(network(y, strength=strength) - expected), 98) <= 1e-4
    ort = pytest.importorskip("onnxruntime")
    if spec == "w8a8":
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (made,) = session.run(None, {"luma": y[None, None], "strength": np.float32([0.55])})
        assert np.percentile(np.abs(made[0, 0] - network(y, strength=0.55)), 98) <= 0.01


def test_full_precision_is_as_near_as_without_quantization(tmp_path: Path) -> None:
    net, plain = told_pocket(SMALL), tmp_path / "plain.onnx"
    to_onnx(net, plain)
    exact, y = QuantNet(read_source(plain)), torch.rand(2, 1, 17, 15)
    told = torch.tensor([0.1, 0.9])
    with torch.no_grad():
        wanted = collapse(net)(y, told)
        made = exact(torch.cat([y, told.view(2, 1, 1, 1).expand_as(y)], 1))
        assert (made - wanted).abs().max() <= 1e-5
        assert (exact(y) - collapse(net)(y, torch.full((2,), 0.5))).abs().max() <= 1e-5  # the default
