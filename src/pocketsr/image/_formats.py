"""What the image formats can hold, and which file is an image at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pocketsr.errors import UserError

__all__ = ["IMAGE_SUFFIXES", "check_fits", "is_image_file", "save_options", "target_format"]

_FORMAT_OF = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
IMAGE_SUFFIXES: tuple[str, ...] = tuple(_FORMAT_OF)
_WITH_ALPHA = ("PNG", "WEBP", "TIFF")
_WITH_16_BITS = ("PNG", "TIFF")
_LARGEST_SIDE = {"JPEG": 65535, "WEBP": 16383}
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"GIF87a", b"GIF89a")
# At 95 without chroma subsampling a JPEG is visually the same as the pixels that went in.
_LOSSY_QUALITY = 95


def is_image_file(path: Path) -> bool:
    """Whether `path` looks like an image: by its first bytes, or else by its suffix."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        head = b""
    if head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    return path.suffix.lower() in (*IMAGE_SUFFIXES, ".gif")


def target_format(target: Path) -> str:
    """The Pillow format that the suffix of `target` names. Raises UserError for any other suffix."""
    try:
        return _FORMAT_OF[target.suffix.lower()]
    except KeyError:
        raise UserError(
            f"cannot write an image as '{target.name}': end the name in one of {', '.join(IMAGE_SUFFIXES)}"
        ) from None


def check_fits(target: Path, *, width: int, height: int, has_alpha: bool, bits: int) -> None:
    """Refuse, before any work is done, what the format of `target` cannot hold. Raises UserError."""
    name = target_format(target)
    if has_alpha and name not in _WITH_ALPHA:
        raise UserError(
            f"the input has transparency and {name} holds none: write {_either(_WITH_ALPHA)} instead of {target.name}"
        )
    if bits == 16 and name not in _WITH_16_BITS:
        raise UserError(
            f"the input has 16 bits and {name} holds 8: write {_either(_WITH_16_BITS)} instead of {target.name}"
        )
    limit = _LARGEST_SIDE.get(name)
    if limit is not None and max(width, height) > limit:
        raise UserError(
            f"the result would be {width}x{height} and {name} holds at most {limit} a side: "
            f"write PNG or TIFF instead of {target.name}"
        )


def save_options(name: str, source_is_lossy: bool) -> dict[str, Any]:
    """Pillow's options for the format `name`: lossless wherever the format and the source are."""
    if name == "JPEG":
        return {"quality": _LOSSY_QUALITY, "subsampling": 0, "optimize": True}
    if name == "WEBP":
        return {"quality": _LOSSY_QUALITY, "method": 4} if source_is_lossy else {"lossless": True, "exact": True}
    return {}


def webp_is_lossy(path: Path) -> bool:
    """Whether the WebP file at `path` holds a lossy (VP8) picture: Pillow does not tell.

    Walks the RIFF chunks: a picture is in a `VP8 ` (lossy) or `VP8L` (lossless) chunk.
    """
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            if head[:4] in (b"VP8 ", b"VP8L"):
                return head[:4] == b"VP8 "
            size = int.from_bytes(head[4:], "little")
            file.seek(size + size % 2, 1)
    return True


def _either(names: tuple[str, ...]) -> str:
    return " or ".join((", ".join(names[:-1]), names[-1]))
