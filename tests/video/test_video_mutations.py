"""Damaged videos of a seed: done, or refused in one line. tools/fuzz_media.py goes on where this ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from clipmaker import upscale
from mutations import KINDS, make_clips, spoiled

from pocketsr.errors import UserError


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_clips(tmp_path_factory.mktemp("clips"))


def _frames(source: Path, target: Path) -> int | None:
    """How many frames were upscaled; None: the input was refused, in one line."""
    try:
        return upscale(source, target, overwrite=True, codec="h264", preset="ultrafast").frames
    except UserError as error:
        return None if len(str(error).splitlines()) == 1 else 0


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
def test_damage_ends_in_one_line_or_a_video(tmp_path: Path, clips: list[Path], kind: int) -> None:
    content = clips[kind].read_bytes()
    source = tmp_path / clips[kind].name
    for seed in range(12):
        source.write_bytes(spoiled(content, seed * len(KINDS) + kind))
        assert _frames(source, tmp_path / "out.mkv") != 0
        assert {path.name for path in tmp_path.iterdir()} <= {source.name, "out.mkv"}
    source.write_bytes(content)
    assert _frames(source, tmp_path / "out.mkv") == 8


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
def test_every_truncation_ends_in_one_line_or_a_video(tmp_path: Path, clips: list[Path], kind: int) -> None:
    content = clips[kind].read_bytes()
    source = tmp_path / clips[kind].name
    for part in range(1, 10):
        source.write_bytes(content[: len(content) * part // 10])
        assert _frames(source, tmp_path / "out.mkv") != 0
