"""`pocketsr compile`."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pocketsr.cli import main

MAGIC = {".so": b"\x7fELF", ".dll": b"MZ", ".dylib": b"\xcf\xfa\xed\xfe", ".wasm": b"\0asm"}


@pytest.mark.parametrize(
    ("target", "suffix"),
    [
        (None, ".so"),
        ("aarch64-linux-gnu", ".so"),
        ("aarch64-linux-android", ".so"),
        ("x86_64-windows-gnu", ".dll"),
        ("aarch64-macos", ".dylib"),
        ("wasm32-freestanding", ".wasm"),
    ],
)
def test_files_for_each_target(
    target: str | None, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compile", "tiny", "-o", str(tmp_path / "out"), *(["--target", target] if target else [])]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"tiny.c", "tiny.h", f"tiny{suffix}"}
    data = (tmp_path / "out" / f"tiny{suffix}").read_bytes()
    assert data.startswith(MAGIC[suffix])
    for function in ("tiny_scratch", "tiny_bands", "tiny_u8", "tiny_u16", "tiny_f32"):
        assert function.encode() in data
    plan = capsys.readouterr().out
    assert plan.count("8 -> 8 channels, 3x3, 4 groups") == 2
    assert f"tiny{suffix}" in plan


def test_unknown_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "tiny", "-o", str(tmp_path), "--target", "z80-cpm"]) == 2
    assert "z80-cpm" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_unwritable_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["compile", "tiny", "-o", str(tmp_path / "file" / "x")]) == 2
    assert "choose another folder" in capsys.readouterr().err


def test_wasm_module_computes_what_the_library_does(tmp_path: Path) -> None:
    """In node: the module needs nothing from outside."""
    import numpy as np

    from pocketsr.engine import load

    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    assert main(["compile", "tiny", "-o", str(tmp_path), "--target", "wasm32-freestanding"]) == 0
    script = """
const m = new WebAssembly.Instance(new WebAssembly.Module(require('fs').readFileSync(process.argv[1])), {}).exports;
const w = 13, h = 9, base = m.memory.grow(64) * 65536;
const bytes = new Uint8Array(m.memory.buffer), out = base + 1024, scratch = base + 65536;
for (let i = 0; i < w * h; i++) bytes[base + i] = (i * 37) % 256;
m.tiny_u8(base, w, 0, out, 2 * w, 0, w, h, 0, m.tiny_bands(h), scratch);
console.log(Array.from(bytes.slice(out, out + 4 * w * h)).join(' '));
"""
    done = subprocess.run([node, "-e", script, str(tmp_path / "tiny.wasm")], capture_output=True, text=True, check=True)
    got = np.array(done.stdout.split(), int).reshape(18, 26)
    image = (np.arange(9 * 13) * 37 % 256).astype(np.uint8).reshape(9, 13)
    expected = load("tiny", threads=1)(image).astype(int)
    assert np.abs(got - expected).max() <= 1
    assert (got != expected).mean() < 0.01


def test_what_fails_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A compiler that dies without a word on a full disk, as zig does."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pocketsr.engine.compile_network", full)
    assert main(["compile", "tiny", "-o", str(tmp_path / "out")]) == 2
    assert "out can't be written (No space left on device)" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
