"""A long video whose making was killed, or stopped, goes on with the same command, to the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_samples import make_clip

from pocketsr.engine import load, load_chroma
from pocketsr.video.segments import LONG

CODE = (
    "import signal, sys\n"
    "from pocketsr.cli import main\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # tests in a shell's background inherit none
    "sys.exit(main(sys.argv[1:]))\n"
)


def run_until(first: str, folder: Path, number: signal.Signals, *args: object) -> tuple[int, str]:
    """Run a command in `folder`, and send it a signal once a file whose name ends in `first` is there."""
    command = [sys.executable, "-c", CODE, "upscale", *map(str, args)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as run:
        assert run.stderr is not None
        while run.poll() is None and not list(folder.glob(f".*/*{first}")):
            time.sleep(0.005)
        run.send_signal(number)
        said = run.stderr.read().decode()
        return run.wait(), said


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_killed_and_stopped_it_goes_on(tmp_path: Path) -> None:
    load("tiny", threads=1)
    load_chroma(siting="left", threads=1)
    source = make_clip(tmp_path / "in.mkv", frames=LONG, width=48, height=32)
    args = ("-m", "tiny", "-j", "1", "--preset", "ultrafast")
    whole, target = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    first = subprocess.run([sys.executable, "-c", CODE, "upscale", source, "-o", whole, *args], check=False)
    assert first.returncode == 0
    folder = tmp_path / "x"
    folder.mkdir()
    target = folder / "out.mp4"
    code, _ = run_until("0.segment", folder, signal.SIGKILL, source, "-o", target, *args)
    assert code == -signal.SIGKILL
    assert not target.exists()
    code, said = run_until("2.segment", folder, signal.SIGINT, source, "-o", target, *args)
    assert code == 130
    lines = said.splitlines()
    assert len(lines) == 2
    assert "going on: " in lines[0]
    assert lines[1].startswith("pocketsr: interrupted: ")
    assert lines[1].endswith(": the same command goes on from there")
    (kept,) = folder.iterdir()
    assert str(kept) in lines[1]
    code, said = run_until("9.segment", folder, signal.SIGINT, source, "-o", target, *args)  # which never comes
    assert (code, said.count("\n")) == (0, 1)
    assert target.read_bytes() == whole.read_bytes()
    assert list(folder.iterdir()) == [target]
