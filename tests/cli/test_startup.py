"""What the command line costs before it does anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "av", "onnx", "numpy", "PIL", "tqdm", "onnxruntime")
SLOW_PARTS = ("asyncio", "concurrent.futures", "http", "multiprocessing", "sqlite3", "ssl", "unittest", "xml")


def test_help_imports_the_standard_library_alone() -> None:
    """What makes --help quick, whatever else the machine does; `make bench` times it (benchmarks/startup.json)."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # what the interpreter and the environment's .pth files load on their own
        "from pocketsr.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    print(*sorted(set(sys.modules) - before), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stderr.split())
    assert "pocketsr.cli.upscale" in loaded
    assert {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) == {"pocketsr"}
    assert not loaded & set(SLOW_PARTS)


@pytest.mark.parametrize(
    "verb",
    [
        [],
        ["upscale"],
        ["burst"],
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


@pytest.mark.parametrize("arguments", [["--version"], ["models", "--json"], ["upscale", "none.png", "-o", "out.png"]])
def test_python_m_is_the_command(arguments: list[str], tmp_path: Path) -> None:
    ends = []
    for begin in (["-m", "pocketsr"], ["-c", "import sys; from pocketsr.cli import main; sys.exit(main())"]):
        done = subprocess.run([sys.executable, *begin, *arguments], cwd=tmp_path, capture_output=True, check=False)
        ends.append((done.returncode, done.stdout, done.stderr))
    assert ends[0] == ends[1]
    assert ends[0][0] == (2 if "none.png" in arguments else 0)
