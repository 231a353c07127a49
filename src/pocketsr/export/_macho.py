"""Libraries for several of Apple's processors in one file, and an xcframework, without Apple's tools."""

from __future__ import annotations

import plistlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Slice", "universal", "write_xcframework"]

_MAGIC = 0xCAFEBABE
_ALIGN = 14  # bits: pages of 16 KB
_CPU = {"arm64": (0x0100000C, 0), "x86_64": (0x01000007, 3)}  # type and subtype, of <mach/machine.h>


def universal(libraries: Mapping[str, bytes]) -> bytes:
    """Static libraries by architecture as one file, as lipo makes it; one alone stays as it is."""
    if len(libraries) == 1:
        return next(iter(libraries.values()))
    at = 1 << _ALIGN
    header = struct.pack(">II", _MAGIC, len(libraries))
    body = b""
    for name, content in libraries.items():
        body += b"\0" * (-len(body) % at)
        header += struct.pack(">iiIII", *_CPU[name], at + len(body), len(content), _ALIGN)
        body += content
    return header.ljust(at, b"\0") + body


@dataclass(frozen=True)
class Slice:
    """What an xcframework has for one system. variant: "simulator", or nothing."""

    platform: str
    variant: str
    libraries: Mapping[str, bytes]

    @property
    def identifier(self) -> str:
        """As Xcode names the folder."""
        words = [self.platform, "_".join(self.libraries), *([self.variant] if self.variant else [])]
        return "-".join(words)


def write_xcframework(folder: Path, library: str, headers: Mapping[str, str], slices: Sequence[Slice]) -> None:
    """Static libraries called `library` and `headers`, which hold module.modulemap, as the folder NAME.xcframework."""
    entries = []
    for each in slices:
        place = folder / each.identifier
        (place / "Headers").mkdir(parents=True)
        for name, text in headers.items():
            (place / "Headers" / name).write_text(text)
        (place / library).write_bytes(universal(each.libraries))
        entry: dict[str, object] = {
            "BinaryPath": library,
            "HeadersPath": "Headers",
            "LibraryIdentifier": each.identifier,
            "LibraryPath": library,
            "SupportedArchitectures": list(each.libraries),
            "SupportedPlatform": each.platform,
        }
        entries.append(entry | ({"SupportedPlatformVariant": each.variant} if each.variant else {}))
    info = {
        "AvailableLibraries": entries,
        "CFBundlePackageType": "XFWK",
        "XCFrameworkFormatVersion": "1.0",
    }
    (folder / "Info.plist").write_bytes(plistlib.dumps(info))
