"""Quantization-aware runs begin calibrated, resume to the bit from their checkpoint alone, and end in integers."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from pocketsr import nets
from pocketsr.engine import read_network
from pocketsr.engine.ir.graph import Conv
from pocketsr.engine.ir.reference import evaluate
from pocketsr.errors import UserError
from pocketsr.quant import QuantNet
from pocketsr.train import Recipe, loop, train
from pocketsr.train.checkpoint import load_checkpoint, load_network
from pocketsr.train.folder import RunFolder
from pocketsr.train.parts import Rates
from pocketsr.train.schedule import learning_rate

Make = Callable[..., Recipe]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    path = tmp_path / "source.onnx"
    nets.to_onnx(nets.build("pocket", layers=[{"channels": 3}, {"channels": 3}, {"channels": 4}], expansion=4), path)
    return path


@pytest.fixture
def few(content: dict[str, Any], source: Path) -> Make:
    """The recipe in the bits of w4a4, but for what is named."""

    def made(quant: dict[str, Any] | None = None, **changes: Any) -> Recipe:
        from pocketsr.train.recipe_file import recipe_from

        plain = {key: value for key, value in content.items() if key != "net"}
        low_bit = {"spec": "w4a4", "model": str(source), "patches": 4} | (quant or {})
        return recipe_from(plain | {"quant": low_bit} | changes, "test")

    return made


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "draw", lambda _: None)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def test_interrupted_and_resumed_is_the_same_to_the_bit_even_without_the_source(
    tmp_path: Path, few: Make, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = few(steps=12, validate_every=4)
    train(made, tmp_path / "whole")

    def rate(rates: Rates, at: int) -> float:
        if at == 5:
            signal.raise_signal(signal.SIGINT)
        return learning_rate(rates, at)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "learning_rate", rate)
        assert train(made, tmp_path / "parts").step == 6
    source.unlink()
    assert train(made, tmp_path / "parts", resume=True).finished
    for name in ("last.pt", "best.pt"):
        whole, parts = (load_checkpoint(tmp_path / run / name) for run in ("whole", "parts"))
        whole.pop("seconds", None)
        parts.pop("seconds", None)
        assert _same(whole, parts), name
    assert (tmp_path / "whole/probe.onnx").read_bytes() == (tmp_path / "parts/probe.onnx").read_bytes()


def test_the_end_is_a_file_of_whole_numbers_that_says_what_was_validated(tmp_path: Path, few: Make) -> None:
    train(few(steps=3), tmp_path / "run")
    model = onnx.load(tmp_path / "run" / "probe.onnx")
    assert sum(node.op_type == "QuantizeLinear" for node in model.graph.node) == 3  # the picture and two planes
    net = load_network(tmp_path / "run" / "best.pt")
    assert isinstance(net, QuantNet)
    x = (np.random.default_rng(0).integers(0, 256, (1, 1, 19, 23)) / 255).astype(np.float32)
    (y,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: x})
    off = np.abs(net(torch.from_numpy(x)).numpy() - y) * 255
    assert off.max() < 1
    assert (off > 0.01).mean() < 0.01


@pytest.mark.parametrize(
    "quant", [{}, {"method": "pams"}, {"spec": "w2a2", "span_bits": 8}, {"spec": "w2a8", "weights_2bit": "twn"}]
)
def test_it_learns(tmp_path: Path, few: Make, quant: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunFolder, "export", lambda _: None)
    figures: list[float] = []
    real = loop.valid_psnr_db
    monkeypatch.setattr(loop, "valid_psnr_db", lambda *args: figures.append(real(*args)) or figures[-1])
    train(few(quant, steps=80, validate_every=20, optimiser={"lr": 0.005, "warmup": 2}), tmp_path / "run")
    assert figures[-1] > figures[0] + 1


def test_chosen_kernels_learn_too_and_stay_what_the_engine_runs_in_integers(
    tmp_path: Path, few: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(5)
    layers = [{"channels": 4, "chosen": {}}, {"channels": 4}, {"channels": 4, "chosen": {}}]
    nets.to_onnx(nets.build("pocket", layers=layers, expansion=4), tmp_path / "steep.onnx")
    figures: list[float] = []
    real = loop.valid_psnr_db
    monkeypatch.setattr(loop, "valid_psnr_db", lambda *args: figures.append(real(*args)) or figures[-1])
    quant = {"model": str(tmp_path / "steep.onnx"), "spec": "w8a8"}
    train(few(quant, steps=60, validate_every=20, optimiser={"lr": 0.005, "warmup": 2}), tmp_path / "run")
    assert figures[-1] > figures[0] + 0.5
    graph, _ = read_network(tmp_path / "run" / "probe.onnx")
    convs = [op for op in graph.ops if isinstance(op, Conv)]
    assert [op.integers is not None and op.integers.weight.ndim for op in convs] == [5, 4, 5]
    net = load_network(tmp_path / "run" / "best.pt")
    x = (np.random.default_rng(0).integers(0, 256, (1, 19, 23)) / 255).astype(np.float32)
    off = np.abs(net(torch.from_numpy(x)[None])[0].numpy() - evaluate(graph, x)) * 255
    assert off.max() < 1
    assert (off > 0.01).mean() < 0.01


def test_what_is_learned_are_the_ranges_too(tmp_path: Path, few: Make) -> None:
    train(few(steps=1, optimiser={"lr": 1e-9, "warmup": 0}), tmp_path / "still")
    train(few(steps=1, optimiser={"lr": 1e-2, "warmup": 0}), tmp_path / "moved")
    still, moved = (load_checkpoint(tmp_path / run / "last.pt")["net"] for run in ("still", "moved"))
    scales = [name for name in still if name.endswith("log_scale")]
    assert len(scales) == 5  # three convolutions, two activations
    for name in scales:
        assert (moved[name] - still[name]).abs().max() > 1e-3, name


def test_the_network_in_full_precision_teaches(tmp_path: Path, few: Make, source: Path) -> None:
    losses = {"psnr": 1.0, "distillation": 0.5, "structured": 1.0}
    teacher = {"model": str(source), "cache": False}  # the other way its pictures are clipped
    train(few({"spec": "w8a8"}, steps=2, losses=losses, teacher=teacher), tmp_path / "run")
    header, row = (tmp_path / "run" / "curve.csv").read_text().splitlines()
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert 0 < float(found["structured"]) < 0.01  # 8 bits are close to the network that they were made from
    assert 0 < float(found["distillation"]) < 0.02


def test_training_goes_on_from_a_run_that_was_quantized_alike(tmp_path: Path, few: Make) -> None:
    train(few({"spec": "w8a8"}, steps=3, optimiser={"lr": 1e-2, "warmup": 0}), tmp_path / "first")
    best = tmp_path / "first" / "best.pt"
    train(few({"model": str(best), "spec": "w8a8"}, steps=1, optimiser={"lr": 1e-9, "warmup": 0}), tmp_path / "more")
    before, after = load_checkpoint(best)["ema"], load_checkpoint(tmp_path / "more" / "best.pt")["ema"]
    assert before.keys() == after.keys()
    for name in before:
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-6)
    train(few({"model": str(best), "spec": "w8a8"}, steps=2, optimiser={"lr": 1e-2, "warmup": 0}), tmp_path / "moved")
    moved = load_checkpoint(tmp_path / "moved" / "best.pt")["ema"]
    assert any((moved[name] - before[name]).abs().max() > 1e-3 for name in before if name.endswith("log_scale"))


def test_a_run_is_quantized_from_its_checkpoint_but_once(tmp_path: Path, few: Make, recipe: Make) -> None:
    train(recipe(steps=1), tmp_path / "plain")
    best = str(tmp_path / "plain" / "best.pt")
    train(few({"model": best, "spec": "w8a8"}, steps=1, optimiser={"lr": 1e-9, "warmup": 0}), tmp_path / "few")
    x = torch.from_numpy(loop.sources.load_pairs(recipe().data)[1][0].lr)[None, None] / 255
    exact, rounded = load_network(Path(best)), load_network(tmp_path / "few" / "best.pt")
    assert 0 < (exact(x) - rounded(x)).abs().mean() < 0.005
    with pytest.raises(UserError, match=r"is quantized already, in another way than w4a4: .* or its own spec"):
        train(few({"model": str(tmp_path / "few" / "best.pt"), "spec": "w4a4"}), tmp_path / "again")
    with pytest.raises(UserError, match="is quantized already"):
        train(few({"model": str(tmp_path / "few" / "probe.onnx")}), tmp_path / "again")


@pytest.mark.parametrize(
    ("quant", "changes", "said"),
    [
        ({"spec": "w3a3"}, {}, "quant.spec: invalid enum value 'w3a3'"),
        ({"speck": 1}, {}, r"quant.speck is unknown; did you mean spec\?"),
        ({}, {"net": {"name": "pocket"}}, "net and quant both say what to train: leave net out"),
        ({}, {"init": "x.pt"}, "leave init out, and set quant.model to it"),
        ({}, {"precision": "bf16-mixed"}, "use 32-true with quant"),
        ({"weights_2bit": "full"}, {}, "w4a4 has no weights of 2 bits"),
        ({"span_bits": 8}, {}, "w4a4 has no weights of 2 bits, whose sums it bounds"),
        ({"spec": "w2a8", "span_bits": 8}, {}, "fewer than 9 weights"),
    ],
)
def test_mistakes_are_refused_with_the_mend(
    few: Make, quant: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        few(quant, **changes)


def test_a_recipe_that_names_no_network_is_refused(content: dict[str, Any]) -> None:
    from pocketsr.train.recipe_file import recipe_from

    with pytest.raises(UserError, match=r"net is missing: name the network to train, or quant\.model"):
        recipe_from({key: value for key, value in content.items() if key != "net"}, "test")
