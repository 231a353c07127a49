"""`-m NAME --weights FILE`: networks that don't ship, on images, videos and test sets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from cli_samples import smooth
from PIL import Image

from pocketsr.models import NAMES

Run = Callable[..., Any]
RUNTIME = "pocketsr: imdn runs through ONNX Runtime, not in the engine: node "


@pytest.fixture(scope="session")
def imdn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights by chance, with little influence: the file of a network that looks at the whole picture."""
    return _weights("imdn", tmp_path_factory.mktemp("imdn") / "imdn.safetensors")


@pytest.fixture(scope="session")
def espcn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _weights("espcn", tmp_path_factory.mktemp("espcn") / "espcn.safetensors")


def _weights(name: str, path: Path) -> Path:
    import torch
    from safetensors.torch import save_file

    from pocketsr.nets import build

    torch.manual_seed(0)
    save_file(build(name).state_dict(), path)
    return path


def test_an_image_through_the_engine(pocketsr: Run, photo: Path, espcn: Path) -> None:
    done = pocketsr("upscale", photo, "-o", photo.parent / "out.png", "-m", "espcn", "--weights", espcn)
    assert (done.code, done.err) == (0, "")
    with Image.open(photo.parent / "out.png") as image:
        assert image.size == (44, 30)


def test_an_image_through_onnx_runtime(pocketsr: Run, photo: Path, imdn: Path) -> None:
    done = pocketsr("upscale", photo, "-o", photo.parent / "out.png", "-m", "imdn", "--weights", imdn, "-j", "1")
    assert done.code == 0, done.err
    assert done.out.endswith("out.png: 44x30\n")
    assert done.err.startswith(RUNTIME)
    assert done.err.count("\n") == 1
    import torch

    from pocketsr.nets import build, load_weights

    net = build("imdn").eval()
    load_weights(net, imdn)
    with torch.no_grad():
        y = net(torch.from_numpy(smooth(15, 22).astype(np.float32) / 255).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    with Image.open(photo.parent / "out.png") as image:
        found = np.asarray(image)
    assert np.abs(found - np.clip(y.numpy() * 255, 0, 255)).max() <= 0.51


def test_a_video(pocketsr: Run, clip: Path, imdn: Path) -> None:
    out = clip.parent / "out.mp4"
    done = pocketsr("upscale", clip, "-o", out, "-m", "imdn", "--weights", imdn, "-j", "1")
    assert done.code == 0, done.err
    assert done.err.startswith(RUNTIME)
    with av.open(str(out)) as container:
        frames = list(container.decode(video=0))
    assert [(frame.width, frame.height) for frame in frames] == [(96, 64)] * 12


def test_a_foreign_file_that_the_engine_refuses(pocketsr: Run, photo: Path) -> None:
    from pocketsr.nets import build, to_onnx

    path = photo.parent / "own.onnx"
    to_onnx(build("imdn", blocks=1, width=16), path)
    done = pocketsr("upscale", photo, "-o", photo.parent / "out.png", "-m", path)
    assert done.code == 0, done.err
    assert done.err.startswith("pocketsr: own.onnx runs through ONNX Runtime, not in the engine: node ")


def test_quality(pocketsr: Run, tmp_path: Path, imdn: Path, espcn: Path) -> None:
    (tmp_path / "Mine").mkdir()
    Image.fromarray(smooth(40, 44)).save(tmp_path / "Mine" / "a.png")
    models = ("-m", "imdn", "-m", "tiny", "-m", "espcn", "--weights", imdn, "--weights", espcn)  # in this order
    done = pocketsr("bench", "quality", "--data", tmp_path, *models, "--json")
    assert done.code == 0, done.err
    assert [row["model"] for row in json.loads(done.out)["rows"]] == ["bicubic", "imdn", "tiny", "espcn"]
    assert done.err.startswith(RUNTIME)


def test_imdn_reads_as_published(pocketsr: Run, shared_data: Path) -> None:
    weights = shared_data / "weights" / "imdn_x2.safetensors"
    where = ("--data", shared_data / "test", "--sets", "Set5")
    done = pocketsr("bench", "quality", *where, "-m", "imdn", "--weights", weights, "--json")
    row = json.loads(done.out)["rows"][1]
    assert row["model"] == "imdn"
    assert row["psnr_db"] == pytest.approx(37.996, abs=0.002)  # published: 38.00


MISTAKES = {
    "no weights": (["-m", "imdn"], "'imdn' doesn't ship with weights: add --weights FILE"),
    "missing file": (["-m", "imdn", "--weights", "none.safetensors"], "can't read weights none.safetensors"),
    "no such file format": (["-m", "imdn", "--weights", "photo.png"], "a safetensors file is expected"),
    "a run's": (["-m", "pocket", "--weights", "best.pt"], "give the .onnx file to -m instead"),
    "another network's": (["-m", "imdn", "--weights", "ESPCN"], "doesn't hold the weights of this Imdn"),
    "misspelt": (["-m", "imdm", "--weights", "ESPCN"], "did you mean imdn?"),
    "misspelt, shipped": (["-m", "smal"], "did you mean small?"),
    "unknown": (["-m", "zzz", "--weights", "ESPCN"], "unknown model 'zzz': choose one of bicubic, tiny"),
    "a shipped one": (["-m", "tiny", "--weights", "ESPCN"], "has no network to go to: tiny has its own"),
    "the default": (["--weights", "ESPCN"], "has no network to go to: small has its own"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_are_one_line(
    pocketsr: Run, photo: Path, espcn: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    args, said = MISTAKES[kind]
    done = pocketsr("upscale", "photo.png", "-o", "out.png", *(espcn if word == "ESPCN" else word for word in args))
    assert done.code == 2
    assert done.err.startswith("pocketsr: ")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert not Path("out.png").exists()


def test_a_network_measured_twice_is_refused(pocketsr: Run, tmp_path: Path, espcn: Path) -> None:
    (tmp_path / "Mine").mkdir()
    Image.fromarray(smooth(40, 44)).save(tmp_path / "Mine" / "a.png")
    twice = ("-m", "espcn", "--weights", espcn) * 2
    done = pocketsr("bench", "quality", "--data", tmp_path, *twice)
    assert done.code == 2
    assert "-m espcn stands there twice" in done.err


def _imports(photo: Path, model: str, blocked: str = "") -> subprocess.CompletedProcess[str]:
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({blocked.split()!r}))\n"
        "from pocketsr.cli import main\n"
        f"code = main(['upscale', {str(photo)!r}, '-o', {str(photo.parent / 'out.png')!r}, '-m', {model!r}])\n"
        "print(sorted({'torch', 'onnx', 'onnxruntime'} & set(sys.modules)))\n"
        "sys.exit(code)\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_shipped_networks_import_no_runtime(photo: Path) -> None:
    _imports(photo, "tiny")  # compiled now, if it was not: that takes onnx
    (photo.parent / "out.png").unlink()
    done = _imports(photo, "tiny")
    written, imported = done.stdout.splitlines()
    assert (done.returncode, imported, done.stderr) == (0, "[]", "")
    assert written.endswith("out.png: 44x30")


def test_without_pytorch_it_is_asked_for(photo: Path) -> None:
    done = _imports(photo, "imdn", blocked="torch")
    assert done.returncode == 2
    assert done.stderr == (
        f"pocketsr: unknown model 'imdn': choose one of {', '.join(NAMES)}, or give an .onnx file; "
        "published networks, with --weights, need PyTorch: pip install 'pocketsr[train]'\n"
    )
