"""Networks that are told a strength, in apps: an optional argument in Java, Kotlin, Swift and C; others have none."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from frames_i420 import frame_of, joined

from pocketsr.engine import load
from pocketsr.engine.codegen.target import cross_target
from pocketsr.export import ios
from pocketsr.export._java import find_jdk, java_sources, write_zip
from pocketsr.export._native import workshop
from pocketsr.export._sources import Sources
from pocketsr.export._targets import host_triple
from pocketsr.export._variants import template
from pocketsr.export.android import jni_library, native_sources, words_for
from pocketsr.export.source import Source, app_notes, open_source

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from engine_nets import chain
from told_nets import told_model

HERE = Path(__file__).parent


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "told.onnx"
    onnx.save(told_model(chain((3, 3), 8), default="0.25"), path)
    return path


@pytest.mark.skipif(
    shutil.which("javac") is None, reason="javac is not installed (apt-get install default-jdk-headless)"
)
@pytest.mark.skipif(sys.platform != "linux", reason="the library is built as Linux names it")
def test_java_takes_any(network: Path, tmp_path: Path) -> None:
    source, jdk = open_source(network), find_jdk()
    words = words_for(source)
    with workshop(tmp_path, cross_target(host_triple())) as shop:
        library = jni_library(shop, native_sources(source), words, jdk, None)
        shutil.move(library, tmp_path / f"lib{words['LIBRARY']}.so")
    write_zip(tmp_path / "classes.jar", dict(jdk.classes(java_sources(words), tmp_path)))
    program = (HERE / "JvmStrength.java").read_text()
    (tmp_path / "JvmStrength.java").write_text(program)
    subprocess.run([jdk.javac, "-cp", "classes.jar", "JvmStrength.java"], cwd=tmp_path, check=True)
    width, height = 46, 30
    planes = frame_of(width, height)
    done = subprocess.run(
        ["java", "-Xcheck:jni", f"-Djava.library.path={tmp_path}", "-cp", "classes.jar:.", "JvmStrength", "46", "30"],
        cwd=tmp_path, input=joined(planes), capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stderr.decode().split()[-2:] == ["0.25", "6"]
    made = np.frombuffer(done.stdout, np.uint8).reshape(6, 2 * height, 2 * width).astype(int)
    native = load(network, threads=1)
    asked = [0.0, 0.3, 1.0, None, 0.3, None]
    for picture, strength in zip(made, asked, strict=True):
        assert np.abs(picture - native(planes[0], strength=strength)).max() <= 1
    assert (made[0] != made[2]).mean() > 0.1


def _apps(source: Source) -> dict[str, str]:
    words = words_for(source)
    swift = template("ios/Upscaler.swift", **ios._words(source))
    return {
        **java_sources(words),
        "Upscaling.kt": template("android/Upscaling.kt", **words),
        "Upscaler.swift": swift,
        **native_sources(source).headers,
        "jni.c": template("android/jni.c", **words),
    }


def _count(arguments: str) -> int:
    """Arguments with commas between them, those within parentheses not counted."""
    depth, commas = 0, 0
    for each in arguments:
        depth += (each == "(") - (each == ")")
        commas += each == "," and depth == 0
    return commas + 1


def _calls(text: str, name: str) -> list[tuple[str, int]]:
    found = []
    for match in re.finditer(rf"\b({name}_\w+)\(", text):
        depth, at = 1, match.end()
        while depth:
            depth += (text[at] == "(") - (text[at] == ")")
            at += 1
        found.append((match[1], _count(text[match.end() : at - 1])))
    return found


def _declared(sources: Sources) -> dict[str, int]:
    texts = (re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL) for text in sources.headers.values())
    return {name: _count(given) for text in texts for name, given in re.findall(r"\b(\w+)\(([^()]*)\);", text)}


@pytest.mark.parametrize("told", [True, False])
def test_swift_and_jni_call_what_headers_declare(told: bool, network: Path) -> None:
    source = open_source(network if told else "tiny")
    name = source.graph.name
    texts, declared = _apps(source), _declared(native_sources(source))
    for text in (texts["Upscaler.swift"], texts["jni.c"]):
        calls = [call for call in _calls(text, name) if call[0] in declared]
        assert len(calls) >= 6
        assert [call for call in calls if declared[call[0]] != call[1]] == []
        assert (f"{name}_u8_at" in dict(calls)) == told
        assert (f"{name}_i420_strip_at" in dict(calls)) == told


def test_strength_is_an_argument_that_may_be_left_out(network: Path) -> None:
    texts = _apps(open_source(network))
    assert texts["Upscaler.swift"].count("strength: Float = Upscaler.defaultStrength") == 2
    assert "public static let defaultStrength: Float = 0.25\n" in texts["Upscaler.swift"]
    assert texts["Upscaler.swift"].count("guard (0...1).contains(strength)") == 2
    assert "out: Planes, strength: Float = Upscaler.DEFAULT_STRENGTH)" in texts["Upscaling.kt"]
    assert "the others take 0.25." in texts["told_i420.h"]
    assert "by default 0.25" in app_notes(open_source(network))[0]


def test_others_have_none() -> None:
    texts = _apps(open_source("tiny"))
    assert app_notes(open_source("tiny")) == ()
    assert not [name for name, text in texts.items() if "strength" in text.lower()]
    assert not [name for name, text in texts.items() if re.search(r"@[A-Z_]+@", text)]
