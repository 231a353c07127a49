"""Small inputs, and a way to run the command line without a new process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_samples import make_clip, smooth
from PIL import Image

from pocketsr.cli import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that compiles for long brings a note: on a busy machine any does, and tests ask for silence."""
    monkeypatch.setattr("pocketsr.cli._networks._PATIENCE_S", 86_400.0)


@pytest.fixture
def pocketsr(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line with these arguments; what FFmpeg writes to the descriptors counts too."""

    def run(*args: object) -> Outcome:
        capfd.readouterr()
        try:
            code = main([str(arg) for arg in args])
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(smooth(15, 22)).save(path)
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=12, width=48, height=32)
