"""Formats that Pillow has only where a package beside it, or a library that it was built with, is there."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, features

__all__ = ["OPTIONAL", "jxl_size", "needed", "register"]

_EXTRA = "pip install 'pocketsr[formats]'"
_UPDATE = "pip install -U pillow"
_HEAD = 1 << 16  # bytes in which a JPEG XL's size stands


@dataclass(frozen=True)
class _Package:
    """module: to be imported. feature: of Pillow's own build, else. mend: what brings it."""

    name: str
    mend: str
    module: str | None = None
    feature: str | None = None


OPTIONAL = {
    "HEIF": _Package("pillow-heif", _EXTRA, module="pillow_heif"),
    "JXL": _Package("pillow-jxl-plugin", _EXTRA, module="pillow_jxl"),
    "AVIF": _Package("a Pillow with AVIF", _UPDATE, feature="avif"),
    "JPEG2000": _Package("a Pillow with JPEG 2000", _UPDATE, feature="jpg_2000"),
}
"""By Pillow's names of the formats."""


def needed(name: str) -> str | None:
    """What the format `name` needs that isn't there, and how to get it; None: nothing."""
    package = OPTIONAL.get(name)
    if package is None:
        return None
    if package.module is not None:
        there = importlib.util.find_spec(package.module) is not None
    else:
        there = bool(features.check(package.feature or ""))
    return None if there else f"it needs {package.name}: {package.mend}"


def register(name: str) -> None:
    """Make Pillow know the format, where that takes an import."""
    package = OPTIONAL.get(name)
    if package is None or package.module is None or name in Image.OPEN:
        return
    module = importlib.import_module(package.module)  # pillow_jxl registers itself
    if name == "HEIF":
        module.register_heif_opener()


def jxl_size(path: Path) -> tuple[int, int]:
    """Width and height of a JPEG XL, from its head: pillow-jxl-plugin (1.3) decodes all of it when it is opened.

    Raises ValueError where there is none.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[:2] != b"\xff\x0a":
        at = 0
        while head[at + 4 : at + 8] not in (b"jxlc", b"jxlp"):
            size = int.from_bytes(head[at : at + 4], "big")
            if size < 8 or at + 16 > len(head):
                raise ValueError("it has no codestream near its beginning")
            at += size
        wide = head[at : at + 4] == b"\0\0\0\1"
        head = head[at + (16 if wide else 8) + (4 if head[at + 4 : at + 8] == b"jxlp" else 0) :]
        if head[:2] != b"\xff\x0a":
            raise ValueError("its codestream has no head")
    bits, at = int.from_bytes(head[2:18], "little"), 0

    def taken(count: int) -> int:
        nonlocal at
        found = bits >> at & (1 << count) - 1
        at += count
        return found

    def side(small: bool) -> int:
        return 8 * (taken(5) + 1) if small else taken((9, 13, 18, 30)[taken(2)]) + 1

    small = bool(taken(1))
    height = side(small)
    ratio = taken(3)
    across, down = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio]
    return (height * across // down if ratio else side(small)), height
