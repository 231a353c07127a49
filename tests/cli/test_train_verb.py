"""`pocketsr train`, from a recipe and a folder of pictures to an ONNX file that the engine runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from cli_samples import smooth
from PIL import Image

from pocketsr.engine import load
from pocketsr.train import loop
from pocketsr.train.checkpoint import load_network

Run = Callable[..., Any]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe like the shipped ones, small; "0.png" and "4.png" are to validate with."""
    torch.set_num_threads(1)
    (tmp_path / "pictures").mkdir()
    for number in range(6):
        Image.fromarray(smooth(48, 64)[:, number:]).save(tmp_path / "pictures" / f"{number}.png")
    content = {
        "name": "probe",
        "net": {"name": "pocket", "config": {"layers": [{"channels": 4}, {"channels": 4}], "expansion": 8}},
        "data": {"folder": str(tmp_path / "pictures"), "valid_share": 0.25},
        "steps": 100_000,
        "patch": 16,
        "optimiser": {"lr": 0.005},
    }
    path = tmp_path / "probe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_from_a_recipe_to_a_network_that_runs(
    pocketsr: Run, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = pocketsr("train", recipe, "--set", "steps=20", "--set", "optimiser.warmup=5")
    assert done.code == 0, done.err
    assert done.out.startswith("runs/probe/probe.onnx: the best weights, step 20, validation ")
    assert "step 20: l1 0.0" in done.err
    picture = np.random.default_rng(0).random((1, 1, 23, 17), np.float32)
    expected = load_network(Path("runs/probe/best.pt"))(torch.from_numpy(picture)).numpy()
    made = load(Path("runs/probe/probe.onnx"))(picture[0, 0])
    np.testing.assert_allclose(made, expected[0, 0], atol=1e-4)


def test_an_interrupted_run_says_how_to_go_on(
    pocketsr: Run, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "learning_rate", lambda *_: signal.raise_signal(signal.SIGINT) or 1e-3)
    out = tmp_path / "run"
    stopped = pocketsr("train", recipe, "--out", out, "--set", "steps=3")
    assert stopped.code == 130
    assert f"stopped at step 1 of 3; best: none yet\npocketsr: go on with: pocketsr train {recipe}" in stopped.err
    again = stopped.err.rpartition("go on with: pocketsr ")[2].split()
    assert again == ["train", str(recipe), "--out", str(out), "--set", "steps=3", "--resume"]
    monkeypatch.undo()
    assert pocketsr(*again).out.startswith(f"{out / 'probe.onnx'}: the best weights, step 3")


def test_more_steps_on_a_finished_run_say_what_becomes_of_the_schedule(
    pocketsr: Run, recipe: Path, tmp_path: Path
) -> None:
    go = ("train", recipe, "--out", tmp_path / "run", "--set", "optimiser.warmup=0")
    assert pocketsr(*go, "--set", "steps=2").code == 0
    more = pocketsr(*go, "--set", "steps=3", "--resume")
    assert more.code == 0, more.err
    assert more.err.startswith(
        "pocketsr: the cosine now ends at step 3, not 2: at step 2 the learning rate rises from 0 to 0.00125\n"
    )
    fewer = pocketsr(*go, "--set", "steps=1", "--resume")
    assert (fewer.code, fewer.err.count("\n")) == (2, 1)


def test_mistakes_are_one_line(pocketsr: Run, recipe: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (["--set", "step=20"], "step is unknown; did you mean steps? Known here: name, net, "),
        (["--resume", "--out", tmp_path / "none"], "none holds no run: leave --resume out"),
        (["--out", tmp_path], "exists and is not empty: choose another folder with --out"),
        (["--set", "net.config.blok=plain", "--out", tmp_path / "new"], "has no setting 'blok'"),
    ):
        done = pocketsr("train", recipe, *arguments)
        assert done.code == 2
        assert said in done.err
        assert done.err.startswith("pocketsr: ")
        assert done.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("missing", ["torch", "lightning_fabric", "msgspec", "yaml"])
def test_without_the_extra_the_mend_is_named(missing: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"  # as if it were not installed
        "from pocketsr.cli import main\n"
        "sys.exit(main(['train', 'tiny.yaml']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"pocketsr: training needs {missing}: pip install 'pocketsr[train]'\n"
