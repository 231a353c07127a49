"""Inputs that come through a pipe: mkfifo, <(..), /dev/stdin."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pocketsr.cli._piped import whole_file
from pocketsr.errors import UserError


def _fifo(path: Path, content: bytes) -> threading.Thread:
    """A named pipe through which `content` comes."""
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):
            path.write_bytes(content)

    writer = threading.Thread(target=write)
    writer.start()
    return writer


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that stands in for TMPDIR."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_pipe_is_a_file_for_as_long_as_it_is_needed(tmp_path: Path, scratch: Path) -> None:
    content = os.urandom(3_000_000)
    writer = _fifo(tmp_path / "p.mkv", content)
    with whole_file(tmp_path / "p.mkv") as file:
        assert file.name == "p.mkv"
        assert file.read_bytes() == content
    writer.join(10)
    assert list(scratch.iterdir()) == []


def test_a_file_is_itself(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with whole_file(tmp_path / "x") as file:
        assert file == tmp_path / "x"


def test_errors_name_the_pipe(tmp_path: Path, scratch: Path) -> None:
    writer = _fifo(tmp_path / "p.mkv", b"x")
    with pytest.raises(UserError, match=f"^{tmp_path}/p.mkv is damaged$"), whole_file(tmp_path / "p.mkv") as file:
        raise UserError(f"{file} is damaged")
    writer.join(10)
    assert list(scratch.iterdir()) == []


def test_a_pipe_without_end_leaves_room_on_the_disk(tmp_path: Path, scratch: Path) -> None:
    writer = _fifo(tmp_path / "p.mkv", bytes(4_000_000))
    with (
        pytest.raises(UserError, match=r"p\.mkv: the disk of .* has no room .* set TMPDIR"),
        whole_file(tmp_path / "p.mkv", reserve=2**62),
    ):
        pass
    writer.join(10)
    assert list(scratch.iterdir()) == []


def test_a_device_is_refused() -> None:
    with pytest.raises(UserError, match="is a device"), whole_file(Path("/dev/zero")):
        pass


def test_the_verb_takes_a_fifo(tmp_path: Path, scratch: Path) -> None:
    from PIL import Image

    from pocketsr.cli.main import main

    Image.new("RGB", (20, 10), (90, 30, 60)).save(tmp_path / "x.png")
    writer = _fifo(tmp_path / "p.png", (tmp_path / "x.png").read_bytes())
    assert main(["upscale", str(tmp_path / "p.png"), "-o", str(tmp_path / "o.png"), "-m", "tiny", "-j", "1"]) == 0
    writer.join(10)
    with Image.open(tmp_path / "o.png") as image:
        assert image.size == (40, 20)
    assert list(scratch.iterdir()) == []


def test_a_pipe_that_nobody_writes_into_is_told(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The writer comes once the line is out, so the order is sure whatever the machine does."""
    os.mkfifo(tmp_path / "p.mkv")
    monkeypatch.setattr("pocketsr.cli._piped._PATIENCE_S", 0.0)
    told = threading.Event()
    monkeypatch.setattr("builtins.print", lambda *words, **_: (sys.stderr.write(f"{words[0]}\n"), told.set()))

    def write() -> None:
        assert told.wait(60)
        (tmp_path / "p.mkv").write_bytes(b"late")

    writer = threading.Thread(target=write)
    writer.start()
    with whole_file(tmp_path / "p.mkv") as file:
        assert file.read_bytes() == b"late"
    writer.join(10)
    assert "p.mkv is a pipe into which nobody writes yet" in capsys.readouterr().err
    assert list(scratch.iterdir()) == []
