"""Signals end a job as Ctrl-C does, and closed or full streams never cost its output."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_samples import command_line, make_clip
from PIL import Image

from pocketsr.atomic_io import is_part
from pocketsr.cli import main


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    clip = make_clip(tmp_path / "long.mp4", frames=1400, width=160, height=96)
    command = command_line("upscale", clip, "-o", tmp_path / "out.mp4", "-m", "tiny", "-j", "1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if any(is_part(path.name) for path in tmp_path.iterdir()):
                break
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert (out, err.splitlines()[-1]) == ("", f"pocketsr: stopped by {number.name}")
    assert list(tmp_path.iterdir()) == [clip]


def _shell(arguments: list[str], redirection: str) -> subprocess.CompletedProcess[str]:
    script = f'"$@" {redirection}'
    return subprocess.run(
        ["bash", "-c", script, "-", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("redirection", ["2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_streams_cost_nothing(photo: Path, redirection: str) -> None:
    """The output is not the file that takes the number of a closed descriptor."""
    out = photo.with_name("out.png")
    done = _shell(command_line("upscale", photo, "-o", out, "-m", "tiny", "-j", "1"), redirection)
    assert done.returncode == 0, done
    with Image.open(out) as image:
        image.load()
        assert image.size == (44, 30)


def test_a_mistake_keeps_its_exit_code_where_nobody_can_read_it(tmp_path: Path) -> None:
    done = _shell(command_line("upscale", tmp_path / "none.png", "-o", tmp_path / "out.png"), "2>&-")
    assert (done.returncode, done.stdout) == (2, "")


def test_standard_output_that_takes_nothing() -> None:
    full = _shell(command_line("models"), ">/dev/full")
    assert (full.returncode, full.stderr) == (2, "pocketsr: No space left on device\n")
    gone = _shell(command_line("models"), "| true; exit ${PIPESTATUS[0]}")
    assert (gone.returncode, gone.stderr) in ((141, ""), (0, ""))  # 0 where all was written before the reader left


def test_a_signal_while_an_error_is_being_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slow(_: str) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 2

    monkeypatch.setattr(sys.modules["pocketsr.cli.main"], "_failed", slow)
    assert main(["upscale", "no such file.png", "-o", "out.png"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "pocketsr: stopped by SIGTERM\n"
