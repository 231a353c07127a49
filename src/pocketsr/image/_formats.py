"""The image formats: which file is one, which are read, and what those that are written can hold."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pocketsr.errors import UserError
from pocketsr.image._optional import needed

__all__ = [
    "IMAGE_SUFFIXES",
    "Writable",
    "check_fits",
    "is_image_file",
    "is_written",
    "kind_of",
    "save_options",
    "target_format",
]


@dataclass(frozen=True, slots=True)
class Writable:
    """A format that is written.

    alpha, bits16: whether it holds transparency, and grey of 16 bits. deep: whether colour of 16 bits is written.
    keeps: what of a picture's data beside the pixels it holds. side, area: the most pixels; bytes: of its pixels.
    """

    suffixes: tuple[str, ...]
    keeps: frozenset[str]
    alpha: bool = False
    bits16: bool = False
    deep: bool = False
    side: int = 2**31 - 1
    area: int = 2**62
    bytes: int = 2**62


_ALL = ["EXIF data", "XMP data", "colour profile"]
_OFFSETS = 2**32 - 2**26  # what 32-bit offsets reach, less room for tags
WRITABLE: dict[str, Writable] = {
    "PNG": Writable(
        (".png",), frozenset([*_ALL, "comment", "text", "colour description"]), alpha=True, bits16=True, deep=True
    ),
    # libjpeg's own limit (JPEG_MAX_DIMENSION); the format's is 65,535
    "JPEG": Writable((".jpg", ".jpeg", ".jpe", ".jfif"), frozenset([*_ALL, "comment", "IPTC data"]), side=65_500),
    "WEBP": Writable((".webp",), frozenset(_ALL), alpha=True, side=16_383),
    "TIFF": Writable(
        (".tif", ".tiff"),
        frozenset([*_ALL, "IPTC data", "georeference"]),
        alpha=True,
        bits16=True,
        deep=True,
        bytes=_OFFSETS,
    ),
    "BMP": Writable((".bmp", ".dib"), frozenset(), bytes=_OFFSETS),
    # the limits of libavif's decoders, by default
    "AVIF": Writable((".avif",), frozenset(_ALL), alpha=True, side=32_768, area=16_384**2),
    "JPEG2000": Writable((".jp2", ".j2k", ".jpf", ".jpx", ".j2c"), frozenset(), alpha=True, bits16=True),
    "TGA": Writable((".tga",), frozenset(), alpha=True, side=65_535),
    "PPM": Writable((".ppm", ".pgm", ".pnm"), frozenset(), bits16=True, deep=True),
    # the limits of libheif, and of HEVC's levels
    "HEIF": Writable((".heic", ".heif", ".hif"), frozenset(_ALL), alpha=True, side=16_384, area=16_384**2),
    "JXL": Writable((".jxl",), frozenset(["EXIF data", "XMP data"]), alpha=True, side=2**30),
    "QOI": Writable((".qoi",), frozenset(), alpha=True, area=400_000_000),
}
_FORMAT_OF = {suffix: name for name, format in WRITABLE.items() for suffix in format.suffixes}
IMAGE_SUFFIXES: tuple[str, ...] = tuple(_FORMAT_OF)
_USUAL = (".png", ".jpg", ".webp", ".tif", ".bmp", ".avif")

# Signatures of what is read. Formats of a signature that other files begin with too are known by their suffix.
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF",
    b"II+\0": "TIFF", b"MM\0+": "TIFF", b"GIF87a": "GIF", b"GIF89a": "GIF", b"qoif": "QOI", b"8BPS\0\1": "PSD",
    b"\xff\x0a": "JXL", b"\0\0\0\x0cJXL \r\n\x87\n": "JXL",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000", b"\xff\x4f\xff\x51\0": "JPEG2000", b"DDS ": "DDS", b"icns": "ICNS",
    b"\x59\xa6\x6a\x95": "SUN", b"/* XPM */": "XPM",
}  # fmt: skip
_BY_SUFFIX = {
    ".tga": "TGA", ".icb": "TGA", ".vda": "TGA", ".vst": "TGA", ".pcx": "PCX", ".sgi": "SGI", ".rgb": "SGI",
    ".bw": "SGI", ".xbm": "XBM", ".dib": "DIB", ".ico": "ICO", ".cur": "CUR",
}  # fmt: skip
# What is a picture, but none that is read, with what reading it would need.
_UNREAD_SIGNATURES = {
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"%PDF": "PDF", b"\x76\x2f\x31\x01": "OpenEXR", b"#?RADIANCE": "Radiance HDR", b"gimp xcf": "GIMP",
    b"BPG\xfb": "BPG",
    b"\xd7\xcd\xc6\x9a": "WMF", b"8BPS\0\2": "PSB", b"FUJIFILMCCD-RAW": "raw", b"IIU\0": "raw", b"SIMPLE  =": "FITS",
    b"II\xbc\x01": "JPEG XR",
}  # fmt: skip
_UNREAD_SUFFIXES = {
    ".eps": "PostScript",
    ".ps": "PostScript", ".ai": "PostScript",
    ".svg": "SVG", ".exr": "OpenEXR", ".hdr": "Radiance HDR", ".xcf": "GIMP", ".wmf": "WMF", ".emf": "WMF",
    ".psb": "PSB",
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"), "raw"), ".jxr": "JPEG XR",
}  # fmt: skip
_OPTIONAL_SUFFIXES = {".heic": "HEIF", ".heif": "HEIF", ".hif": "HEIF", ".jxl": "JXL"}
_READ_SUFFIXES = frozenset(
    (*_FORMAT_OF, *_BY_SUFFIX, ".gif", ".psd", ".dds", ".icns", ".ras", ".xpm", ".pbm", ".pam", ".mpo")
)
# Films that are JPEG pictures one after the other, and begin as one does.
_FILMS_OF_PICTURES = (".mjpeg", ".mjpg", ".mjp")
# At 95 without chroma subsampling a JPEG is visually the same as the pixels that went in.
_LOSSY_QUALITY = 95


def is_image_file(path: Path) -> bool:
    """Whether `path` looks like an image: by its first bytes, or else by its suffix.

    A pipe or a device is not looked into: what is read from it would be gone.
    """
    return kind_of(path) is not None or path.suffix.lower() in _READ_SUFFIXES


def kind_of(path: Path) -> tuple[str, bool] | None:
    """(format, whether it is read) of the picture at `path`; None where it is none. Read ones go by Pillow's names."""
    suffix = path.suffix.lower()
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        with path.open("rb") if regular else _Nothing() as file:
            head = file.read(64)
    except OSError:
        head = b""
    known = _by_content(head)
    if suffix in _FILMS_OF_PICTURES:
        return None
    if known is None and suffix in _BY_SUFFIX and head:
        return _BY_SUFFIX[suffix], True
    if known is None and suffix in _OPTIONAL_SUFFIXES:
        return _OPTIONAL_SUFFIXES[suffix], needed(_OPTIONAL_SUFFIXES[suffix]) is None
    if suffix in _UNREAD_SUFFIXES and (known is None or known[0] == "TIFF"):  # most raw files are TIFFs by their head
        return _UNREAD_SUFFIXES[suffix], False
    return known


class _Nothing:
    """An empty file."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, _: int) -> bytes:
        return b""


def _by_content(head: bytes) -> tuple[str, bool] | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP", True
    if head[4:8] == b"ftyp":
        size = int.from_bytes(head[:4], "big")
        brands = {head[at : at + 4] for at in (8, *range(16, min(size, len(head)) - 3, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF", needed("AVIF") is None
        if head[8:12] in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"):
            return "HEIF", needed("HEIF") is None
        return ("raw", False) if head[8:12] == b"crx " else None
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3] in (b"\n", b" ", b"\t", b"\r"):
        return "PPM", True
    if head[:4] in (b"II*\0", b"MM\0*") and head[8:10] == b"CR":
        return "raw", False
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return name, needed(name) is None
    for signature, name in _UNREAD_SIGNATURES.items():
        if head.startswith(signature):
            return name, False
    return None


def is_written(target: Path) -> bool:
    """Whether pictures can be written under a name like this, with what is installed."""
    name = _FORMAT_OF.get(target.suffix.lower())
    return name is not None and needed(name) is None


def target_format(target: Path) -> str:
    """The Pillow format that the suffix of `target` names. Raises UserError for any other suffix."""
    try:
        name = _FORMAT_OF[target.suffix.lower()]
        needs = needed(name)
        if needs is not None:
            raise UserError(f"cannot write {target.name}: {needs}")
        return name
    except KeyError:
        raise UserError(
            f"cannot write an image as '{target.name}': end the name in one of {', '.join(_USUAL)}"
        ) from None


def check_fits(target: Path, *, width: int, height: int, channels: int, bits: int) -> None:
    """Refuse, before any work is done, what the format of `target` cannot hold. Raises UserError."""
    name = target_format(target)
    format = WRITABLE[name]
    if channels == 4 and not format.alpha:
        raise UserError(
            f"the input has transparency and {name} holds none: write PNG, WEBP or TIFF instead of {target.name}"
        )
    if bits == 16 and not (format.deep if channels > 1 else format.bits16):
        holds = "is written with" if format.bits16 else "holds"
        raise UserError(f"the input has 16 bits and {name} {holds} 8: write PNG or TIFF instead of {target.name}")
    mend = f"write {'PNG' if name == 'TIFF' else 'PNG or TIFF'} instead of {target.name}"
    if max(width, height) > format.side:
        raise UserError(f"the result would be {width}x{height} and {name} holds at most {format.side} a side: {mend}")
    if width * height > format.area:
        raise UserError(f"the result would be {width}x{height} and {name} holds at most {format.area} pixels: {mend}")
    if width * height * channels * bits // 8 > format.bytes:
        raise UserError(f"the result would be {width}x{height} and {name} holds at most 4 GB of pixels: write PNG")


def save_options(name: str, source_is_lossy: bool) -> dict[str, Any]:
    """Pillow's options for the format `name`: lossless wherever the format and the source are."""
    if name == "JPEG":
        return {"quality": _LOSSY_QUALITY, "subsampling": 0, "optimize": True}
    if name == "WEBP":
        return {"quality": _LOSSY_QUALITY, "method": 4} if source_is_lossy else {"lossless": True, "exact": True}
    if name == "AVIF":
        return {"quality": _LOSSY_QUALITY, "subsampling": "4:4:4"}
    if name == "HEIF":
        return {"quality": _LOSSY_QUALITY, "chroma": 444}
    if name == "JXL":
        return {"quality": _LOSSY_QUALITY} if source_is_lossy else {"lossless": True}
    return {}
