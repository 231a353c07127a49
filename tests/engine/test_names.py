"""Names out of files: nothing of them becomes code, or reaches a terminal as anything but letters."""

from __future__ import annotations

import ctypes
import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from emitted import ZIG, check
from engine_nets import Build, chain

from pocketsr import UserError
from pocketsr.cli import main
from pocketsr.engine import load, read_network
from pocketsr.engine.codegen.emit import describe, emit
from pocketsr.engine.codegen.emit_entries import emit_header
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.onnx.state import WHOLE_IMAGE
from pocketsr.names import API, comment, harmless, identifier

GENERIC = Target(None, None, 4, 16)
INJECTED = "*/ int pocketsr_injected(void) { return 42; } /*"
HOSTILE = [
    INJECTED,
    "*" + "\\\n/ int pocketsr_injected;",
    "// \\",
    "??/\n#error",
    "a\n#include </etc/passwd>\n",
    "a\r\nb\x85c\u2028d",
    "\"'`$(touch x)",
    "\x1b[2J\x1b]0;title\x07\x9b31m",
    "zero\0inside",
    "\u202eesrever\u2066\u200b\ufeff",
    "数字 ünï",
    "x" * 1_000_000,
    "%s%n{0.__class__}",
    "",
]


def _named(name: str) -> onnx.ModelProto:
    """A network in which everything that can have a name has this one, as far as names may be alike."""
    model = chain(width=3)
    for node in model.graph.node:
        node.name = name
    renamed = {
        each: f"{name}{i}" for i, each in enumerate(dict.fromkeys(o for n in model.graph.node for o in n.output))
    }
    renamed |= {each.name: f"{each.name}{name}" for each in model.graph.initializer}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [renamed.get(each, each) for each in names]
    for each in (*model.graph.initializer, *model.graph.output):
        each.name = renamed[each.name]
    model.graph.name = model.producer_name = model.doc_string = name or "g"
    onnx.helper.set_model_props(model, {"pocketsr.value_range": "1", "trained": name, f"key{name}": name})
    return model


def _tame(text: str, longest: int) -> bool:
    return text.isascii() and all(line.isprintable() and len(line) <= longest for line in text.splitlines())


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_nothing_of_a_name_becomes_code(number: int, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(_named(HOSTILE[number]), str(path))
    plan = make_plan(read_network(path)[0], GENERIC)
    text, header = emit(plan), emit_header(plan)
    assert _tame(text, 500)
    assert _tame(header, 500)
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)  # what the compiler sees of it
    assert "pocketsr_injected" not in re.sub(r"step\w+", "", code)
    assert not re.search(r"#\s*(error|include\s*</)", code)
    assert _tame(describe(plan), 500)


def test_the_code_of_a_name_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(_named(INJECTED), str(path))
    with pytest.raises(AttributeError):
        _ = load(path, threads=1)._library.pocketsr_injected


@pytest.mark.parametrize(
    "stem", ["read", "write", "int", "main", "u8", "step1", "frame", "9", "-", "ü", "a.b c", "x" * 240]
)
def test_any_file_name_compiles(stem: str, tmp_path: Path) -> None:
    """The functions that are called from outside are called as the file is, as far as C has letters for that."""
    model, path = chain(width=2), tmp_path / f"{stem}.onnx"
    model.graph.node[0].name = "u8"
    onnx.save(model, str(path))
    graph, info = read_network(path)
    assert re.fullmatch(r"[A-Za-z]\w{0,59}", graph.name, re.ASCII)
    assert info.name == graph.name
    source, library = tmp_path / "made.c", tmp_path / "made.so"
    source.write_text(emit(make_plan(graph, GENERIC)))
    check([*ZIG, "-std=c11", "-Werror", "-O0", "-shared", "-nostdlib", "-fno-sanitize=all", str(source), "-o",
           str(library)])  # fmt: skip
    made = ctypes.CDLL(str(library))
    assert all(hasattr(made, f"{graph.name}_{part}") for part in API)


def test_the_verb_writes_harmless_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "read\x1b[31m\n.onnx"
    onnx.save(_named("\x1b[2J*/\n"), str(path))
    assert main(["compile", str(path), "-o", str(tmp_path / "out\x1b[31m")]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    made = sorted(each.name for each in (tmp_path / "out\x1b[31m").iterdir())
    assert made == [f"read__31m_{suffix}" for suffix in (".c", ".h", ".so")]


def test_errors_and_the_cache_carry_no_escapes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POCKETSR_CACHE", str(tmp_path / "cache"))
    b = Build()
    model = b.model(b.op("GlobalAveragePool", "x"))
    model.graph.node[0].name = "\x1b[2J" + "n" * 1_000_000
    path = tmp_path / "a\n\x1b]0;b.onnx"
    onnx.save(model, str(path))
    with pytest.raises(UserError) as caught:
        load(path)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 2100
    assert message.endswith(WHOLE_IMAGE)  # the reason stands at the end
    assert main(["compile", str(path), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.isascii()
    assert said.count("\n") == 1
    assert "\x1b" not in said
    onnx.save(_named("\x1b[2J"), str(path))
    load(path, threads=1)(np.zeros((3, 3), np.uint8))
    about = next((tmp_path / "cache").rglob("about.json")).read_text()
    assert re.fullmatch(r"\w+", json.loads(about)["info"]["name"], re.ASCII)


def test_metadata_in_messages(tmp_path: Path) -> None:
    model = chain(width=2)
    onnx.helper.set_model_props(model, {"pocketsr.value_range": "\x1b[2J\u202e" + "9" * 100_000})
    onnx.save(model, str(tmp_path / "net.onnx"))
    with pytest.raises(UserError) as caught:
        read_network(tmp_path / "net.onnx")
    assert str(caught.value).isprintable()
    assert str(caught.value).endswith("1 or 255 is expected")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", HOSTILE)
def test_what_passes(text: str) -> None:
    for most in (20, 100):
        assert harmless(text, most).isprintable()
        assert len(harmless(text, most)) < 12 * most
        assert re.fullmatch(r"[A-Za-z]\w*", identifier(text, most), re.ASCII)
        assert len(identifier(text, most)) <= most
        assert not re.search(r"[^ -~]|[*\\?\"`$%{}]", comment(text, most))


def test_what_is_harmless_stays() -> None:
    assert harmless("Bild ü 数字 (1) 'a' \"b\" 50 % {x}") == "Bild ü 数字 (1) 'a' \"b\" 50 % {x}"
    assert comment("/body/conv.1/Conv_output:0") == "/body/conv.1/Conv_output:0"
    assert identifier("small_w8a8") == "small_w8a8"
    assert str(UserError("C:\\x.onnx: 'a'")) == "C:\\x.onnx: 'a'"
    assert harmless("a\udc80b") == "a\\udc80b"
    assert harmless("abcdefghij" * 3, 12) == "abcdefgh ... ghij"
