"""What the README says can be typed works, and its tables are those of benchmarks/."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import readme_tables
from cli_samples import make_clip, smooth
from PIL import Image

from pocketsr.cli.main import _parser
from pocketsr.models import resolve
from pocketsr.train import parse_recipe

Run = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


LINES = [words for line in "".join(_blocks("sh")).splitlines() if (words := shlex.split(line, comments=True))]
COMMANDS = [words for words in LINES if words[0] == "pocketsr"]
TARGETS = re.findall(r"^    make (\w+)", README, re.MULTILINE) + [words[1] for words in LINES if words[0] == "make"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything that the README's commands name."""
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", frames=4, width=64, height=48)
    Image.fromarray(smooth(40, 60)).save("photo.jpg")
    Path("photos").mkdir()
    shutil.copy("photo.jpg", "photos")
    Image.fromarray(smooth(64, 64)).save("photos/other.png")
    shutil.copy("clip.mp4", "photos")
    shutil.copy(resolve("tiny"), "net.onnx")
    shutil.copy(ROOT / "benchmarks" / "field.json", ".")
    Path("sets/Set5").mkdir(parents=True)
    Image.fromarray(smooth(40, 60)).save("sets/Set5/image.png")
    return tmp_path


def test_there_is_something_to_run() -> None:
    assert len(COMMANDS) >= 8
    assert len(_blocks("python")) >= 1
    assert TARGETS[:2] == ["demo", "test"]
    assert {words[0] for words in LINES} == {"make", "pip", "pipx", "pocketsr"}


def test_extras_that_are_named_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [re.findall(r"\[(\w+)\]", word) for words in LINES if words[0] == "pip" for word in words[2:]]
    assert named == [["train"]]
    assert {"train", *re.findall(r"pocketsr\[([a-z]+)\]", README)} <= extras.keys()


@pytest.mark.parametrize("command", [words for words in COMMANDS if words[1] == "train"], ids=" ".join)
def test_training_works(pocketsr: Run, here: Path, command: list[str]) -> None:
    shutil.copytree(ROOT / "recipes", here / "recipes")
    for name in ("a.png", "b.png", "d.png"):  # half of them, by their names, are to validate with
        Image.fromarray(smooth(160, 160)).save(here / "photos" / name)
    short = [f"--set={s}" for s in ("steps=2", "patch=32", "batch=8", "validate_every=1", "data.valid_share=0.5")]
    if "accelerator=gpu" in command:  # eight of them: only that the recipe is understood
        changes = [value for key, value in itertools.pairwise(command) if key == "--set"]
        assert parse_recipe(Path(command[2]), changes).devices == 8
        return
    if "--resume" in command:
        fresh = [word for word in command[1:] if word != "--resume"]
        assert pocketsr(*fresh, *short).code == 0
    done = pocketsr(*command[1:], *short)
    assert done.code == 0, done.err
    assert (here / "runs/tiny-first/tiny-first.onnx").exists()


def _run_pipeline(here: Path, command: list[str]) -> None:
    """By a shell, where `pocketsr` is this one."""
    own = here / "bin" / "pocketsr"
    own.parent.mkdir()
    own.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pocketsr "$@"\n')
    own.chmod(0o755)
    path = f"{own.parent}{os.pathsep}{os.environ['PATH']}"
    line = " ".join(word if word == "|" else shlex.quote(word) for word in command)
    done = subprocess.run(
        ["sh", "-c", line], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (here / [word for at, word in enumerate(command) if at and command[at - 1] == "-o"][-1]).exists()


def test_what_the_readme_says_of_any_size_is_measured() -> None:
    means = json.loads((ROOT / "benchmarks" / "any_size.json").read_text())["means"]
    by = {(row["factor"], row["by"]): row for row in means}
    gains = [
        f"{by[factor, 'small']['psnr_db'] - by[factor, other]['psnr_db']:.1f}"
        for factor in (1.5, 3.0) for other in ("bicubic", "lanczos")
    ]  # fmt: skip
    said = re.search(
        r"`small` is ([\d.]+) dB above bicubic and ([\d.]+) dB above Lanczos, at .*? ([\d.]+) and ([\d.]+) dB", README
    )
    assert said is not None
    assert list(said.groups()) == gains
    assert re.search(r"with VMAF\s+(\d+) where Lanczos has (\d+)", README).groups() == tuple(
        f"{by[3.0, name]['vmaf']:.0f}" for name in ("small", "lanczos")
    )


UNTRIED = ("bench speed", "bench wasm", "-m all", "serve", "web", "--ray", "/dev/video0")
"""Takes minutes, never ends, or needs what isn't here: only that it is understood. Other tests try each of them."""


@pytest.mark.parametrize("command", [words for words in COMMANDS if words[1] != "train"], ids=" ".join)
def test_commands_work(pocketsr: Run, here: Path, command: list[str]) -> None:
    name, *args = command
    assert name == "pocketsr"
    if "|" in args:
        _run_pipeline(here, command)
        return
    if any(f" {words} " in f" {' '.join(args)} " for words in UNTRIED):
        assert _parser().parse_args(args).run is not None
        return
    done = pocketsr(*args)
    assert done.code == 0, done.err
    if "-o" in args:
        assert (here / args[args.index("-o") + 1]).exists()
    else:
        assert done.out


@pytest.mark.parametrize("code", _blocks("python"))
def test_python_works(here: Path, code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})
    with Image.open(here / "photo_big.png") as image:
        assert image.size == (120, 80)


@pytest.mark.parametrize("target", TARGETS)
def test_make_targets_exist(target: str) -> None:
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_tables_are_those_of_the_benchmarks() -> None:
    # else: python tools/readme_tables.py
    assert readme_tables.with_tables(README, ROOT / "benchmarks") == README


def test_speed_table_by_hand() -> None:
    row = {"model": "m", "version": "1.2", "precision": "fp32", "p99_ms": 9.0, "gmacs_per_s": 50.4}
    figures = {
        "machine": {"cpu": "A CPU"},
        "size": [640, 360],
        "threads": 2,
        "fma_peak_gmacs": 99.6,
        "rows": [
            {**row, "runtime": "slow", "median_ms": 6.0},
            {**row, "runtime": "pocketsr", "median_ms": 4.0},
        ],
        "absent": [{"runtime": "mnn", "reason": "not installed"}],
    }
    text = readme_tables.speed_table(figures)
    assert "640x360 to 1280x720, 2 threads, A CPU" in text
    assert "100 GMAC/s" in text
    lines = [line for line in text.splitlines() if line.startswith("| m |")]
    assert lines == [
        "| m | **pocketsr** | fp32 | 4.00 | 9.00 | 50 |  |",
        "| m | slow 1.2 | fp32 | 6.00 | 9.00 | 50 | 1.5 |",
    ]
    assert text.endswith("Not measured: mnn (not installed).")


def test_quality_table_by_hand() -> None:
    rows = [
        {"model": "a", "set": "Set5", "psnr_db": 33.661, "ssim": 0.92994},
        {"model": "a", "set": "Set14", "psnr_db": 30.24, "ssim": 0.8688},
        {"model": "b", "set": "Set14", "psnr_db": 31.0, "ssim": 0.88},
    ]
    assert readme_tables.quality_table({"rows": rows}).splitlines() == [
        "| network | Set5 | Set14 |",
        "|---|--:|--:|",
        "| a | 33.66 / 0.9299 | 30.24 / 0.8688 |",
        "| b |  | 31.00 / 0.8800 |",
    ]


def test_field_table_by_hand() -> None:
    sets = {"Set5": {"psnr_db": 36.534, "ssim": 0.95}, "Set14": {"psnr_db": 32.325, "ssim": None}}
    row = {"model": "tiny", "origin": "ours", "params": 969, "gmacs": 0.2157, "ms": 2.3456, "sets": sets}
    rows = [
        {**row, "model": "imdn", "origin": "published"},
        row,
        {**row, "model": "imdn", "origin": "reproduced", "params": 694_404, "gmacs": 158.77, "ms": 1234.5},
        {**row, "model": "not chosen"},
    ]
    assert readme_tables.field_table({"machine": {"cpu": "A CPU"}, "rows": rows}).splitlines() == [
        "| network | origin | parameters | GMAC | ms | Set5 | Set14 |",
        "|---|---|--:|--:|--:|--:|--:|",
        "| **tiny** | ours | 969 | 0.2157 | 2.35 | 36.53 | 32.33 |",
        "| imdn | reproduced | 694,404 | 158.8 | 1,234 | 36.53 | 32.33 |",
        "",
        "Luma PSNR in dB. GMAC and ms are for a frame of 1280x720, ms on 2 threads of A CPU.",
    ]


def test_what_the_readme_says_of_imdn_is_in_the_table() -> None:
    rows = json.loads((ROOT / "benchmarks" / "field.json").read_text())["rows"]
    (imdn,) = (row for row in rows if (row["model"], row["origin"]) == ("imdn", "reproduced"))
    said = re.search(r"IMDN: ([\d,]+) parameters, ([\d.]+) dB", README)
    assert said is not None
    assert int(said[1].replace(",", "")) == round(imdn["params"], -3)
    assert said[2] == f"{imdn['sets']['Set5']['psnr_db']:.2f}"
