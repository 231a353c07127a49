"""The C as an app takes it: its header, what its first comment asks for, and libraries for named processors."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pocketsr.engine.codegen.target import Target, compiler_environment, zig
from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export.c import CPUS, target_for

SIZE = (64, 48)


def _compiled(folder: Path, target: Target, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*zig(), words[0], *target.flags, *words[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=compiler_environment(folder, target),
    )


def test_the_library_for_this_machine_gives_our_samples(tmp_path: Path) -> None:
    report = export("c", "tiny", tmp_path, size=SIZE)
    assert report.files[:2] == ("tiny.c", "tiny.h")
    assert report.max_levels == 0
    assert report.psnr_db is None  # no sample differs
    assert {file.name for file in tmp_path.iterdir()} == {*report.files, "tiny-c.json", "tiny-c.md"}


def test_a_program_in_c_plus_plus_calls_it_by_its_name_in_c(tmp_path: Path) -> None:
    export("c", "tiny", tmp_path, cpu="x86-64-v3")
    (tmp_path / "app.cpp").write_text('#include "tiny.h"\nint main() { return tiny_scratch(64) == 0; }\n')
    _compiled(tmp_path, CPUS["x86-64-v3"], "c++", "-S", "-nostdinc++", "app.cpp", "-o", "app.s")
    text = (tmp_path / "app.s").read_text()
    assert "tiny_scratch" in text
    assert "_Z" not in text


def test_a_compiler_without_the_flags_of_the_first_comment_warns(tmp_path: Path) -> None:
    export("c", "bicubic", tmp_path, cpu="x86-64-v3")
    assert "Compile it with -O3 -march=x86-64-v3" in (tmp_path / "bicubic.c").read_text()[:400]
    words = ("cc", "-std=c11", "-O0", "-c", "bicubic.c", "-o", "net.o")
    bare, told = (_compiled(tmp_path, CPUS[cpu], *words) for cpu in ("x86-64", "x86-64-v3"))
    assert "no vectors of VL floats" in bare.stderr
    assert "no vectors of VL floats" not in told.stderr


@pytest.mark.parametrize(("cpu", "dot"), [("cortex-a53", False), ("cortex-a55", True)])
def test_dot_products_are_used_where_the_processor_has_them(cpu: str, dot: bool, tmp_path: Path) -> None:
    report = export("c", "small-w8a8", tmp_path, cpu=cpu)
    assert report.ms is None
    _compiled(tmp_path, CPUS[cpu], "cc", "-std=c11", "-O1", "-S", "small_w8a8.c", "-o", "net.s")
    text = (tmp_path / "net.s").read_bytes()
    assert (b"\tsdot\t" in text or b"\tudot\t" in text) is dot


def test_programs_find_the_library_by_its_own_name(tmp_path: Path) -> None:
    export("c", "tiny", tmp_path, cpu="x86-64-v3")
    assert b"\0libtiny.so\0" in (tmp_path / "libtiny.so").read_bytes()
    export("c", "tiny", tmp_path, cpu="apple-a13")
    assert b"@rpath/libtiny.dylib" in (tmp_path / "libtiny.dylib").read_bytes()


@pytest.mark.parametrize(
    ("cpu", "triple", "said"),
    [
        ("cortex-a5", None, "unknown cpu 'cortex-a5': choose one of .*did you mean cortex-a"),
        ("cortex-a53", "x86_64-linux-gnu", "cpu cortex-a53 is of aarch64, triple x86_64-linux-gnu"),
        (None, "mips-linux", "unknown target 'mips-linux'"),
        ("x86-64-v3", "../../etc", "unknown target"),
    ],
)
def test_what_does_not_fit_is_refused(cpu: str | None, triple: str | None, said: str) -> None:
    with pytest.raises(UserError, match=said):
        target_for(cpu, triple)
