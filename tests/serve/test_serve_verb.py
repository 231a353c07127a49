"""`pocketsr serve` as it is typed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("aiortc")

from pocketsr.cli import main

# A shell's background jobs ignore Ctrl-C, and what they start does too.
_PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pocketsr.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--host", "attacker.example"], "attacker.example is no address"),
        (["--port", "70000"], "port 70000: 1 to 65535"),
        (["--peers", "0"], "at least 1 is expected"),
        (["-j", "0"], "at least 1 is expected"),
        (["--size", "641x360"], "even numbers"),
        (["--height", "721"], "even numbers"),
        (["--height", "720", "-s", "2"], "one of them says the size"),
        (["--certificate", "nowhere.pem"], "belong together"),
        (["--certificate", "nowhere.pem", "--key", "nowhere.pem"], "no certificate"),
        (["--fps", "0"], "frames a second"),
        (["--fps", "nan"], "nan frames a second"),
    ],
)
def test_mistakes_are_one_line(
    options: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocketsr.serve.Networks", lambda *_: None)
    monkeypatch.setattr("pocketsr.serve.serve", lambda *_: None)
    assert main(["serve", *options]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert why in lines[0]


def test_a_token_of_the_environment_that_is_too_short(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCKETSR_TOKEN", "short")
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    assert "16 ASCII characters" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["aiortc", "aiohttp"])
def test_without_the_extra(missing: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("pocketsr.serve", missing)):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["serve"]) == 2
    assert capsys.readouterr().err == f'pocketsr: serving calls needs {missing}: pip install "pocketsr[serve]"\n'


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")]
)
def test_signals_end_it_in_order(number: int, code: int, word: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "serve", "--port", "0", "--best", "bicubic"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith("open http://127.0.0.1:")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert said.splitlines()[-1] == f"pocketsr: {word}"
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
