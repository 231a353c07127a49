"""Integer networks: exact to the last bit against the NumPy definition, close to ONNX's evaluators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from quantized_nets import WHOLE, save_whole, whole_chain

from pocketsr.engine import load, read_network
from pocketsr.engine.ir.graph import Conv
from pocketsr.engine.ir.reference import evaluate

SIZES = [(1, 1), (1, 7), (2, 3), (7, 13), (13, 127), (127, 13), (5, 300), (64, 64)]


def noise(height: int, width: int, top: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[0:height, 0:width]
    smooth = 0.5 + 0.4 * np.sin(x / 9 + 1) * np.cos(y / 7)
    noisy: NDArray[np.float64] = np.round(np.clip(smooth + rng.normal(0, 0.2, (height, width)), 0, 1) * top)
    return noisy


@pytest.mark.parametrize("name", WHOLE)
def test_samples_equal_the_definition(name: str, tmp_path: Path) -> None:
    path = save_whole(name, tmp_path)
    graph, _ = read_network(path)
    assert all(op.integers is not None for op in graph.ops if isinstance(op, Conv))
    networks = [load(path, threads=threads) for threads in (1, 3)]
    for height, width in SIZES:
        for kind in (np.uint8, np.uint16):
            max_value = np.float32(np.iinfo(kind).max)
            image = noise(height, width, int(max_value)).astype(kind)
            exact = evaluate(graph, (image.astype(np.float32) * (np.float32(1) / max_value))[None])[0]
            assert exact.dtype == np.float32
            expected = np.clip(
                exact * max_value + np.float32(0.5), np.float32(0.5), max_value + np.float32(0.5)
            ).astype(kind)
            for network in networks:
                assert (network(image) == expected).all(), (height, width, kind)


@pytest.mark.parametrize("name", WHOLE)
def test_onnxruntime_gives_the_same_but_for_ties(name: str, tmp_path: Path) -> None:
    path = save_whole(name, tmp_path)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image = (noise(60, 80, 255) / 255).astype(np.float32)
    (expected,) = session.run(None, {"x": image[None, None]})
    got = load(path, threads=2)(image)
    off = np.abs(got - expected[0, 0]) * 255
    assert off.mean() < 0.05
    assert (off > 0.5).mean() < 0.01


def test_planes_of_16_bits_are_floats_between_roundings(tmp_path: Path) -> None:
    """Their convolutions run by Winograd, whose result goes through PReLU and a rounding."""
    onnx.save(whole_chain(8, bits=16, depth=2), path := tmp_path / "net.onnx")
    network, evaluator = load(path, threads=1), ReferenceEvaluator(str(path))
    for height, width in ((1, 1), (5, 7), (33, 70)):
        image = (noise(height, width, 255) / 255).astype(np.float32)
        (expected,) = evaluator.run(None, {"x": image[None, None]})
        np.testing.assert_allclose(network(image), expected[0, 0], atol=2e-4, rtol=0)
