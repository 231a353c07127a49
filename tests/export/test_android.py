"""The AAR: what lies in it, its classes and JNI sources in a desktop JVM, and the governor by everybody's traces."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from binaries import Elf
from export_nets import net_of_many_forms
from frames_i420 import enlarged, frame_of, joined

from pocketsr.cli import main
from pocketsr.engine.codegen.target import cross_target
from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export._java import find_jdk, package_of
from pocketsr.export._native import workshop
from pocketsr.export._targets import host_triple
from pocketsr.export.android import jni_library, native_sources, words_for
from pocketsr.export.source import open_source

HERE = Path(__file__).parent
TRACES = HERE.parent / "live" / "governor-traces.json"
FIELDS = ("deadline_us", "budget_us", "width", "height", "queue", "streams", "pressure", "power", "static")

needs_jdk = pytest.mark.skipif(
    shutil.which("javac") is None, reason="javac is not installed (apt-get install default-jdk-headless)"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `export android -m small-w8a8` writes, and the classes of its AAR beside it."""
    folder = tmp_path_factory.mktemp("android")
    assert main(["export", "android", "-m", "small-w8a8", "-o", str(folder)]) == 0
    with zipfile.ZipFile(folder / "pocketsr-small-w8a8.aar") as aar:
        (folder / "classes.jar").write_bytes(aar.read("classes.jar"))
    return folder


def _java(folder: Path, program: str, words: list[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    """Compile tests/export/PROGRAM.java against the AAR's classes, and run it."""
    (folder / f"{program}.java").write_text((HERE / f"{program}.java").read_text().replace("PACKAGE", "small_w8a8"))
    subprocess.run(["javac", "-cp", "classes.jar", f"{program}.java"], cwd=folder, check=True)
    command = ["java", "-Xcheck:jni", f"-Djava.library.path={folder}", "-cp", "classes.jar:.", program, *words]
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, check=False, timeout=300)


@needs_jdk
def test_the_aar_has_what_android_looks_for(made: Path) -> None:
    with zipfile.ZipFile(made / "pocketsr-small-w8a8.aar") as aar:
        names = aar.namelist()
        manifest = ElementTree.fromstring(aar.read("AndroidManifest.xml"))
        keeps = aar.read("proguard.txt").decode()
        libraries = {name: aar.read(name) for name in names if name.startswith("jni/")}
    assert {name for name in names if not name.startswith("jni/")} == {
        "AndroidManifest.xml", "R.txt", "classes.jar", "proguard.txt",
    }  # fmt: skip
    assert manifest.get("package") == "pocketsr.small_w8a8"
    assert "pocketsr.small_w8a8.Native" in keeps
    assert list(libraries) == [f"jni/{abi}/libpocketsr_small_w8a8.so" for abi in ("arm64-v8a", "armeabi-v7a", "x86_64")]
    for library, machine in zip(libraries.values(), ("aarch64", "arm", "x86_64"), strict=True):
        elf = Elf.read(library)
        assert elf.machine == machine
        assert elf.page >= 16384
        assert elf.soname == "libpocketsr_small_w8a8.so"
        assert elf.needed == (["libc.so"] if machine == "aarch64" else [])
        assert elf.undefined == ({"getauxval"} if machine == "aarch64" else set())
        assert elf.defined == {"JNI_OnLoad"}
        assert 22 not in elf.tags  # DT_TEXTREL
        assert {4, 0x6FFFFEF5} <= elf.tags  # DT_HASH for Android 5, DT_GNU_HASH
    with zipfile.ZipFile(made / "classes.jar") as jar:
        for name in jar.namelist():
            if name.endswith(".class"):
                assert jar.read(name)[6:8] == (52).to_bytes(2, "big")  # Java 8


@needs_jdk
def test_no_time_is_stored(made: Path) -> None:
    """Of the same network an export has the same bytes each time."""
    for name in ("pocketsr-small-w8a8.aar", "pocketsr-small-w8a8-sources.jar", "classes.jar"):
        with zipfile.ZipFile(made / name) as file:
            assert {each.date_time for each in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@needs_jdk
@pytest.mark.skipif(sys.platform != "linux", reason="the library is built as Linux names it")
def test_java_and_jni_in_a_desktop_jvm(made: Path) -> None:
    source = open_source("small-w8a8")
    with workshop(made, cross_target(host_triple())) as shop:
        library = jni_library(shop, native_sources(source), words_for(source), find_jdk(), None)
        shutil.move(library, made / "libpocketsr_small_w8a8.so")
    planes = frame_of(46, 30)
    done = _java(made, "JvmCheck", ["46", "30"], joined(planes))
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    variant, refused = done.stderr.decode().split()[-2:]
    assert variant in ("avx2", "sse2", "i8mm", "dotprod", "neon")
    assert refused == "15"
    assert b"WARNING" not in done.stderr + done.stdout[:20]
    luma, *chroma = enlarged("small-w8a8", planes)
    samples = np.frombuffer(done.stdout, np.uint8)
    assert (samples[: luma.size] == luma.ravel()).all()
    assert (samples[luma.size : 2 * luma.size] == luma.ravel()).all()
    difference = np.abs(samples[2 * luma.size :].astype(int) - np.concatenate([each.ravel() for each in chroma]))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


@needs_jdk
def test_the_governor_in_java_decides_as_in_python(made: Path) -> None:
    traces = json.loads(TRACES.read_text())["traces"]
    numbers: list[int] = []
    for trace in traces:
        numbers += [*trace["us_per_mpx"], len(trace["frames"])]
        for frame in trace["frames"]:
            known = [frame.get(name, int(name == "streams")) for name in FIELDS]
            numbers += [frame["now_us"], *known, frame["after_us"], frame["fault"]]
    done = _java(made, "JvmTraces", [], " ".join(map(str, numbers)).encode())
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    decided = [[level, reason, int(slow)] for level, reason, slow in (
        line.split("|") for line in done.stdout.decode().splitlines()
    )]  # fmt: skip
    assert decided == [answer for trace in traces for answer in trace["expected"]]


@needs_jdk
def test_sources_and_sample_are_whole(made: Path) -> None:
    with zipfile.ZipFile(io.BytesIO((made / "pocketsr-small-w8a8-sources.jar").read_bytes())) as jar:
        names = jar.namelist()
        texts = [jar.read(name).decode() for name in names]
    assert [Path(name).name for name in names] == [
        "CheckedSituation.java", "Governor.java", "Native.java", "Plane.java", "Upscaler.java", "Upscaling.kt",
    ]  # fmt: skip
    texts += [each.read_text() for each in (made / "sample").rglob("*") if each.is_file()]
    assert len(texts) == 11
    assert not [text for text in texts if "@MODEL@" in text or "@PACKAGE@" in text or "@AAR@" in text]
    assert 'files("../../pocketsr-small-w8a8.aar")' in (made / "sample" / "app" / "build.gradle.kts").read_text()


def test_without_a_jdk_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert main(["export", "android", "-m", "tiny", "-o", str(tmp_path / "out")]) == 2
    assert "needs a JDK (javac and jni.h): apt-get install default-jdk-headless" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@needs_jdk
@pytest.mark.parametrize("target", ["android", "ios"])
def test_networks_of_colour_are_refused(target: str, tmp_path: Path) -> None:
    network = net_of_many_forms(tmp_path / "colour.onnx")
    with pytest.raises(UserError, match="colour takes R, G and B"):
        export(target, network, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_packages_are_no_words_of_java() -> None:
    assert package_of("small_w8a8") == "pocketsr.small_w8a8"
    assert package_of("class") == "pocketsr.class_"
    assert package_of("fun") == "pocketsr.fun_"
