"""Pictures to train and to measure with: opened by the readers of a few formats only."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageFile

__all__ = ["PICTURE_FORMATS", "open_picture"]

PICTURE_FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
"""Pillow's names. Without a list Pillow goes by the content alone and tries every format that it has: a PostScript text
called photo.png starts Ghostscript (13.0)."""


def open_picture(path: Path) -> ImageFile.ImageFile:
    """The picture at `path`, not yet decoded. Raises what Pillow raises, which for a broken file may be anything."""
    return Image.open(path, formats=PICTURE_FORMATS)
