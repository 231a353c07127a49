"""The xcframework and the Swift package: what Xcode reads of them, without it."""

from __future__ import annotations

import plistlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from binaries import archive_members, macho_system

from pocketsr.export import export
from pocketsr.export._macho import universal

ARM64, X86_64 = 0x0100000C, 0x01000007
MACOS, IOS, SIMULATOR = 1, 2, 7
EXPECTED = {
    "ios-arm64": [(ARM64, IOS, "13.0")],
    "ios-arm64_x86_64-simulator": [(ARM64, SIMULATOR, "14.0"), (X86_64, SIMULATOR, "13.0")],
    "macos-arm64_x86_64": [(ARM64, MACOS, "13.0"), (X86_64, MACOS, "13.0")],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ios")
    report = export("ios", "bicubic", folder)
    assert report.files == ("pocketsr-bicubic-swift", "CPocketsr_bicubic.xcframework")
    return folder


def _slices(content: bytes) -> list[bytes]:
    if content[:8] == b"!<arch>\n":
        return [content]
    magic, count = struct.unpack_from(">II", content)
    assert magic == 0xCAFEBABE
    found = []
    for i in range(count):
        _, _, at, size, align = struct.unpack_from(">iiIII", content, 8 + 20 * i)
        assert at % (1 << align) == 0
        found.append(content[at : at + size])
    return found


def test_the_xcframework_says_what_it_holds(made: Path) -> None:
    folder = made / "CPocketsr_bicubic.xcframework"
    info = plistlib.loads((folder / "Info.plist").read_bytes())
    assert info["CFBundlePackageType"] == "XFWK"
    assert info["XCFrameworkFormatVersion"] == "1.0"
    listed = {each["LibraryIdentifier"]: each for each in info["AvailableLibraries"]}
    assert set(listed) == {each.name for each in folder.iterdir() if each.is_dir()} == set(EXPECTED)
    for name, entry in listed.items():
        platform, architectures, *variant = name.split("-")
        assert entry["SupportedPlatform"] == platform
        assert "_".join(entry["SupportedArchitectures"]) == architectures
        assert [entry["SupportedPlatformVariant"]] == variant if variant else "SupportedPlatformVariant" not in entry
        assert (folder / name / entry["HeadersPath"] / "module.modulemap").is_file()
        assert (folder / name / entry["LibraryPath"]).is_file()


@pytest.mark.parametrize("name", EXPECTED)
def test_every_object_is_for_its_system(made: Path, name: str) -> None:
    content = (made / "CPocketsr_bicubic.xcframework" / name / "libbicubic.a").read_bytes()
    slices = _slices(content)
    for piece, expected in zip(slices, EXPECTED[name], strict=True):
        members = {each: body for each, body in archive_members(piece).items() if not each.startswith("__.SYMDEF")}
        assert "bicubic_i420.o" in members
        assert {macho_system(body) for body in members.values()} == {expected}


def test_llvm_reads_the_libraries(made: Path) -> None:
    reader = next((found for each in ("llvm-readobj", "llvm-readobj-14") if (found := shutil.which(each))), None)
    if reader is None:
        pytest.skip("llvm-readobj is not installed (apt-get install llvm)")
    library = made / "CPocketsr_bicubic.xcframework" / "ios-arm64_x86_64-simulator" / "libbicubic.a"
    done = subprocess.run([reader, "--symbols", str(library)], capture_output=True, text=True, check=True)
    for name in ("_bicubic_i420", "_bicubic_u8", "_bicubic_avx2_u8", "_bicubic_neon_u8"):
        assert f"Name: {name} (" in done.stdout
    assert "Arch: aarch64" in done.stdout
    assert "Arch: x86_64" in done.stdout


def test_the_module_map_names_headers_that_are_there(made: Path) -> None:
    for folder in (made / "CPocketsr_bicubic.xcframework").glob("*/Headers"):
        lines = (folder / "module.modulemap").read_text().splitlines()
        assert lines[0] == "module CPocketsr_bicubic {"
        named = [line.split('"')[1] for line in lines if "header" in line]
        assert {*named, "module.modulemap"} == {each.name for each in folder.iterdir()}
    own = made / "pocketsr-bicubic-swift"
    package = (own / "Package.swift").read_text()
    assert package.count('"Pocketsr_bicubic"') == 3
    assert 'path: "Sources/CPocketsr_bicubic"' in package
    assert {each.name for each in (own / "Sources").iterdir()} == {"CPocketsr_bicubic", "Pocketsr_bicubic"}
    texts = [each.read_text() for each in own.rglob("*") if each.is_file()]
    assert not [text for text in texts if "@NAME@" in text or "@MODULE@" in text or "@SWIFT@" in text]
    assert (own / "Sources" / "CPocketsr_bicubic" / "include" / "module.modulemap").is_file()


def test_one_library_alone_stays_as_it_is() -> None:
    assert universal({"arm64": b"library"}) == b"library"
