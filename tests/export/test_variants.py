"""Several variants in one library: chosen by the processor, each right, and each file asks for its own instructions."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from binaries import macho_system
from frames_i420 import enlarged, frame_of, joined

from pocketsr.engine import Network, load, read_network
from pocketsr.engine.codegen.target import Target, compiler_environment, cross_target, zig
from pocketsr.engine.runtime.build import own_division
from pocketsr.errors import ArgumentError
from pocketsr.export import export
from pocketsr.export._native import workshop
from pocketsr.export._sources import for_several, texts_for
from pocketsr.export._targets import target_for, with_minimum
from pocketsr.export._variants import named
from pocketsr.export.source import open_source

SIZE = (64, 48)
HERE = {"x86_64": "sse2", "aarch64": "neon"}.get(platform.machine())
BARE = (Path(__file__).parent / "bare.c").read_text()


@pytest.mark.skipif(HERE is None or sys.platform != "linux", reason="runs libraries for x86-64 and aarch64 on Linux")
@pytest.mark.parametrize("model", ["small-w8a8", "bicubic"])
def test_every_variant_that_runs_here_is_right(model: str, tmp_path: Path) -> None:
    report = export("c", model, tmp_path, variants="all", size=SIZE)
    assert (report.max_levels or 0) <= (model == "bicubic")
    source = open_source(model)
    name = source.graph.name
    library = ctypes.CDLL(str(tmp_path / f"lib{name}.so"))
    use, variant = library[f"{name}_use"], library[f"{name}_variant"]
    variant.restype = ctypes.c_char_p
    kinds = named(source.graph, platform.machine(), "all")
    assert variant().decode() in [each.name for each in kinds]
    assert not use(b"z80")
    picture = np.random.default_rng(3).integers(0, 256, (37, 141), np.uint8)
    expected = load(model, threads=1)(picture)
    tried = [each for each in kinds if use(each.name.encode())]
    assert tried[-1].name == HERE
    for each in tried:
        assert use(each.name.encode())
        assert variant() == each.name.encode()
        made = Network(tmp_path / f"lib{name}.so", read_network(source.file)[1], threads=2)(picture)
        difference = np.abs(made.astype(int) - expected)
        # Integers have the same bits everywhere; of floats the last one differs
        assert difference.max() == 0 if model == "small-w8a8" else difference.max() <= 1
        assert (difference > 0).mean() < 1e-3


def _emulated(qemu: str, folder: Path, target: Target, model: str, cpus: dict[str, str], size: tuple[int, int]) -> None:
    """On each of `cpus` the variant that its value says makes the frame that the engine makes."""
    program = shutil.which(qemu) or shutil.which(f"{qemu}-static")
    if program is None:
        pytest.skip(f"{qemu} is not installed (apt-get install qemu-user)")
    source = open_source(model)
    width, height = size
    sources = for_several(source.graph, named(source.graph, str(target.triple).partition("-")[0], "all"))
    with workshop(folder, target) as shop:
        words = [f"-DW={width}", f"-DH={height}", "-DSTRIPS=3", f"-DTIMES={source.graph.scale}"]
        bare = BARE.replace("NAME", source.graph.name)
        objects = shop.objects(texts_for(sources, target) | {"bare.c": bare}, words)
        objects += shop.objects({"division.c": more}) if (more := own_division(target)) else []
        command = [*zig(), "ld.lld", "-static", "-o", "bare", *objects]
        subprocess.run(command, cwd=shop.folder, check=True, env=shop.environment)
        shutil.move(shop.folder / "bare", folder / "bare")
    planes = frame_of(width, height)
    expected = [each.astype(int) for each in enlarged(model, planes)]
    for cpu, variant in cpus.items():
        done = subprocess.run(
            [program, "-cpu", cpu, str(folder / "bare")], input=joined(planes), capture_output=True, check=False
        )
        assert (done.returncode, done.stderr.decode()) == (0, variant), cpu
        made = np.frombuffer(done.stdout, np.uint8)
        difference = np.abs(made - np.concatenate([each.ravel() for each in expected]))
        luma = difference[: expected[0].size]
        assert luma.max() == 0 if source.layers.is_quantized else luma.max() <= 1
        assert difference.max() <= 1  # chroma is in floats
        assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("model", ["small-w8a8", "bicubic"])
def test_a_53_a_76_and_max_give_equal_bits(model: str, tmp_path: Path) -> None:
    """The objects that Android's arm64 library is linked of."""
    dot, matrices = ("dotprod", "i8mm") if model == "small-w8a8" else ("neon", "neon")
    cpus = {"cortex-a53": "neon", "cortex-a76": dot, "max": matrices}
    _emulated("qemu-aarch64", tmp_path, cross_target("aarch64-linux-android"), model, cpus, (70, 46))


def test_32_bit_arm_with_neon(tmp_path: Path) -> None:
    cpus = {"cortex-a9": "neon32", "cortex-a15": "neon32"}
    _emulated("qemu-arm", tmp_path, cross_target("arm-linux-gnueabihf"), "small-w8a8", cpus, (38, 22))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_other_compilers_need_no_flags(compiler: str, tmp_path: Path) -> None:
    """Each file asks for its own instructions, so nothing warns of vectors that aren't there."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    if platform.machine() != "x86_64":
        pytest.skip("its variants are for x86-64")
    source = open_source("small-w8a8")
    sources = for_several(source.graph, named(source.graph, "x86_64", "avx512vnni,avxvnni"))
    for name, text in sources.texts.items():
        (tmp_path / name).write_text(text)
    # gcc, where nothing inlines, warns of vectors as arguments between functions of one file
    words = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-fPIC", "-shared", "-O1"]
    made = tmp_path / "all.so"
    done = subprocess.run(
        [compiler, *words, *sorted(sources.files), "-o", str(made)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:3000]
    picture = np.random.default_rng(5).integers(0, 256, (21, 75), np.uint8)
    network = Network(made, read_network(source.file)[1], threads=1)
    assert (network(picture) == load("small-w8a8", threads=1)(picture)).all()


@pytest.mark.parametrize(("triple", "machine"), [("aarch64-windows-gnu", 0xAA64), ("x86_64-windows-gnu", 0x8664)])
def test_windows(triple: str, machine: int, tmp_path: Path) -> None:
    export("c", "bicubic", tmp_path, triple=triple, variants="all")
    content = (tmp_path / "bicubic.dll").read_bytes()
    at = int.from_bytes(content[0x3C:0x40], "little")
    assert content[at : at + 4] == b"PE\0\0"
    assert int.from_bytes(content[at + 4 : at + 6], "little") == machine
    directory = at + 24 + 112 + 8  # of imports, in the optional header of 64 bits
    assert content[directory : directory + 8] == bytes(8)
    assert (tmp_path / "libbicubic.a").stat().st_size > 0


@pytest.mark.parametrize("triple", ["aarch64-macos", "x86_64-macos"])
def test_macos_13_is_the_oldest(triple: str, tmp_path: Path) -> None:
    export("c", "bicubic", tmp_path, triple=triple, variants="all")
    content = (tmp_path / "libbicubic.dylib").read_bytes()
    assert macho_system(content)[1:] == (1, "13.0")
    assert b"@rpath/libbicubic.dylib" in content


def test_an_app_for_ios_gets_a_static_library(tmp_path: Path) -> None:
    report = export("c", "bicubic", tmp_path, triple="aarch64-ios", variants="all")
    assert report.files[2] == "libbicubic.a"
    assert not list(tmp_path.glob("*.dylib"))


def test_minimums_that_are_named_stay() -> None:
    assert with_minimum("aarch64-ios") == "aarch64-ios.13.0-none"
    assert with_minimum("aarch64-macos-none") == "aarch64-macos.13.0-none"
    assert with_minimum("aarch64-macos.14.2-none") == "aarch64-macos.14.2-none"
    assert with_minimum("arm-linux-androideabi") == "arm-linux-gnueabihf"
    assert with_minimum("aarch64-linux-gnu") == "aarch64-linux-gnu"
    assert target_for("apple-a13", None).triple == "aarch64-macos.13.0-none"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"variants": "neon", "triple": "x86_64-linux-gnu"},
            "unknown variant 'neon' of x86_64: choose from avx512vnni",
        ),
        ({"variants": "avx", "triple": "x86_64-linux-gnu"}, "did you mean avx2"),
        ({"variants": "", "triple": "x86_64-linux-gnu"}, "unknown variant ''"),
        ({"variants": "all", "cpu": "cortex-a53"}, "leave one of both out"),
        ({"variants": "all", "triple": "wasm32-freestanding"}, "no variants for wasm32"),
    ],
)
def test_variants_that_are_not_there_are_refused(options: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=said):
        export("c", "tiny", tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_plain_variants_come_with_the_others() -> None:
    graph = open_source("small-w8a8").graph
    assert [each.name for each in named(graph, "aarch64", "dotprod")] == ["dotprod", "neon"]
    assert [each.name for each in named(open_source("tiny").graph, "aarch64", "all")] == ["neon"]


def test_the_c_of_several_architectures_lies_in_one_folder(tmp_path: Path) -> None:
    """Files for another processor are empty, so a build system may take all of them."""
    graph = open_source("bicubic").graph
    sources = for_several(graph, (*named(graph, "aarch64", "all"), *named(graph, "x86_64", "all")))
    for triple in ("x86_64-linux-gnu", "aarch64-linux-gnu"):
        target = cross_target(triple)
        folder = tmp_path / triple
        folder.mkdir()
        for name, text in sources.texts.items():
            (folder / name).write_text(text)
        words = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-c", *sources.files]
        command = [*zig(), "cc", "-target", triple, *words]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, env=compiler_environment(folder, target)
        )
        assert done.returncode == 0, done.stderr
