"""The networks that bursts are tested with: small ones, so that nothing compiles for long."""

from __future__ import annotations

import pytest

from pocketsr.bursts.refine import load_refining
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
def refining() -> Upscaler:
    made = load_refining(2, threads=1)
    assert made is not None
    return made
