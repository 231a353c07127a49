"""The first training recipe: an interrupted run goes on exactly, and the export computes what was trained."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from pocketsr.pixels import imresize

torch = pytest.importorskip("torch", reason="training needs pip install '.[train]'")


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "recipes" / "first_train.py"
    spec = importlib.util.spec_from_file_location("first_train", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def args(tmp_path: Path) -> argparse.Namespace:
    data = tmp_path / "data"
    data.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.webp", "b.webp", "h.webp"):
        image = np.clip(imresize(rng.uniform(0, 255, (24, 24)), 8), 0, 255).astype(np.uint8)
        Image.fromarray(image).save(data / name, lossless=True)
    return argparse.Namespace(
        name="tiny",
        data=data,
        out=tmp_path / "run",
        iterations=12,
        lr=5e-3,
        seed=0,
        resume=False,
        init=None,
        export=tmp_path / "tiny.onnx",
    )


def weights(folder: Path, key: str) -> dict:
    return torch.load(folder / "last.pt", weights_only=False)[key]


def test_an_interrupted_run_goes_on_exactly(
    recipe: ModuleType, args: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.train(args)
    straight = args.out
    args.out = straight.with_name("broken")

    class Late:
        """A clock by which a minute passes between two looks, so that every step is saved."""

        now = 0.0

        @classmethod
        def monotonic(cls) -> float:
            cls.now += 61
            return cls.now

    def interrupted(state: dict, path: Path, save=recipe.save) -> None:
        save(state, path)
        if path.name == "last.pt" and state["step"] == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(recipe, "time", Late)
        patch.setattr(recipe, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recipe.train(args)
    assert torch.load(args.out / "last.pt", weights_only=False)["step"] == 5
    args.resume = True
    recipe.train(args)
    for key in ("net", "ema"):
        one, other = weights(straight, key), weights(args.out, key)
        assert all(torch.equal(one[name], other[name]) for name in one)
    start = recipe.Net(recipe.WIDTHS["tiny"]).state_dict()
    assert not torch.equal(weights(straight, "net")["conv1.bias"], start["conv1.bias"])


def test_export_computes_what_was_trained(recipe: ModuleType, args: argparse.Namespace) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    args.iterations = 2
    recipe.train(args)
    recipe.export(args)
    net = recipe.Net(recipe.WIDTHS["tiny"])
    net.load_state_dict(torch.load(args.out / "best.pt", weights_only=True)["ema"])
    luma = np.random.default_rng(1).uniform(0, 1, (1, 1, 13, 7)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(luma)).numpy()
    (exported,) = onnxruntime.InferenceSession(args.export).run(None, {"luma": luma})
    assert exported.shape == (1, 1, 26, 14)
    np.testing.assert_allclose(exported, expected, atol=2e-6)


@pytest.mark.parametrize(("name", "parameters"), [("tiny", 972), ("small", 5848)])
def test_collapsed_parameters(recipe: ModuleType, name: str, parameters: int) -> None:
    net = recipe.Net(recipe.WIDTHS[name])
    assert sum(p.numel() for p in net.parameters()) > parameters
    assert sum(p.numel() for p in net.collapse().parameters()) == parameters
