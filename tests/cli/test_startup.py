"""What the command line costs before it does anything."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

HEAVY = ("torch", "av", "onnx", "numpy", "PIL", "tqdm", "onnxruntime")
HELP = "import sys; from pocketsr.cli import main; sys.exit(main(['--help']))"


def test_help_answers_within_300_ms() -> None:
    times = []
    for _ in range(5):  # the best of five: the machine may be busy with something else
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", HELP], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3


@pytest.mark.parametrize(
    "verb",
    [
        [],
        ["upscale"],
        ["models"],
        ["compile"],
        ["train"],
        ["quantize"],
        ["design"],
        ["calibrate"],
        ["bench"],
        ["bench", "speed"],
    ],
)
def test_help_imports_nothing_heavy(verb: list[str]) -> None:
    code = (
        "import sys\n"
        "from pocketsr.cli import main\n"
        "try:\n"
        f"    main({[*verb, '--help']!r})\n"
        "except SystemExit as stop:\n"
        "    assert stop.code == 0\n"
        f"print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("usage: ")


def test_installed_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlib.metadata import entry_points as e; "
         "print(e(group='console_scripts')['pocketsr'].value)"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == "pocketsr.cli:main"
