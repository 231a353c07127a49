"""A file becomes pixels, and what has to go along with them into the next file."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from pocketsr.errors import UserError
from pocketsr.image._formats import webp_is_lossy

__all__ = ["Picture", "decode", "with_size"]

_BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error)
# Tags of the first TIFF directory that describe how the old file stored its pixels, not what the picture is.
_STORAGE_TAGS = frozenset(
    (*range(254, 267), 273, 274, *range(277, 282), *range(284, 294), 297, 301, 317, *range(320, 350))
).union(range(512, 533), (700, 34665, 34675, 34853))
_PIXEL_WIDTH, _PIXEL_HEIGHT, _XMP = 40962, 40963, 700


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image, upright.

    pixels: (H, W), (H, W, 3) or (H, W, 4), uint8 or (grey only) uint16. icc, xmp: as stored, or None.
    exif: without orientation. dpi: (x, y) or None. lossy: whether the file it came from had lost something.
    """

    pixels: NDArray[Any]
    icc: bytes | None
    exif: Image.Exif
    xmp: bytes | None
    dpi: tuple[float, float] | None
    lossy: bool
    warnings: tuple[str, ...]


def decode(path: Path) -> Picture:
    """Read the image at `path`. Raises UserError for what is missing, broken, animated or not supported."""
    if path.is_dir():
        raise UserError(f"{path} is a folder, not an image")
    if not path.exists():
        raise UserError(f"no such file: {path}")
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty (0 bytes)")
        with warnings.catch_warnings():
            # the size at which Pillow warns is that of a fine photograph; the one at which it stops stays
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(path) as image:
                return _decode_open(path, image)
    except UnidentifiedImageError:
        raise UserError(f"{path} is not an image that can be read, whatever its name says") from None
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} is too large: {error}") from None
    except PermissionError:
        raise UserError(f"{path} cannot be read: permission denied") from None
    except _BROKEN as error:
        raise UserError(f"{path} is a broken image: {' '.join(str(error).split())}") from None


def _decode_open(path: Path, image: ImageFile.ImageFile) -> Picture:
    notes: list[str] = []
    frames = getattr(image, "n_frames", 1)
    if image.format == "MPO":  # a JPEG of a phone: the picture, and previews or depth after it
        notes.append(f"{path}: only the first of its {frames} pictures is upscaled")
    elif frames > 1:
        raise UserError(
            f"{path} holds {frames} {'pages' if image.format == 'TIFF' else 'frames'}: "
            "save them one by one as PNG first"
        )
    stored = image.tile[0].args if image.tile else ""
    raw_mode = stored if isinstance(stored, str) else str(stored[0] if stored else "")
    if ";16" in raw_mode and not image.mode.startswith("I;16"):
        raise UserError(
            f"{path} has 16 bits a colour, of which only 8 would be read: save it with 8 bits first, "
            "or pass its array to pocketsr.upscale_image"
        )
    try:
        exif = _portable(image.getexif())
        upright = ImageOps.exif_transpose(image)
    except _BROKEN:
        image.load()  # raises where it is the picture that is broken
        notes.append(f"{path}: its EXIF data is broken and was left out")
        exif, upright = Image.Exif(), image.copy()
    xmp = image.info.get("xmp")
    lossy = image.format in ("JPEG", "MPO") or (image.format == "WEBP" and webp_is_lossy(path))
    icc = image.info.get("icc_profile") or None
    dpi = image.info.get("dpi")
    if upright.mode == "CMYK":
        notes.append(f"{path}: converted from CMYK to RGB")
        upright, icc = _cmyk_to_rgb(upright, icc), None
    pixels = _to_array(path, upright)
    if icc is not None and icc[16:20] == b"GRAY" and pixels.ndim == 3:
        icc = None  # a profile of grey says nothing of RGB
    return Picture(
        pixels=pixels,
        icc=icc,
        exif=exif,
        xmp=_without_orientation(xmp),
        dpi=None if dpi is None else (float(dpi[0]), float(dpi[1])),
        lossy=lossy,
        warnings=tuple(notes),
    )


def _to_array(path: Path, image: Image.Image) -> NDArray[Any]:
    mode = image.mode
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if mode == "I":  # how older Pillows open 16-bit grey
        values = np.asarray(image)
        if values.min() >= 0 and values.max() <= 0xFFFF:
            return values.astype(np.uint16)
    if image.has_transparency_data and mode in ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa"):
        rgba = np.asarray(image.convert("RGBA"))
        return rgba if (rgba[..., 3] != 255).any() else rgba[..., :3]
    if mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if mode in ("P", "RGB", "RGBX", "YCbCr"):
        return np.asarray(image.convert("RGB"))
    raise UserError(f"{path} holds pixels of a kind that is not supported ({mode}): convert it to RGB first")


def _cmyk_to_rgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """By the file's own profile where it has one that works, else by Pillow's plain formula."""
    if icc is not None:
        try:
            source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _portable(exif: Image.Exif) -> Image.Exif:
    """A copy without orientation (the pixels are turned instead) and without the old file's layout."""
    kept = Image.Exif()
    for tag, value in exif.items():
        if tag not in _STORAGE_TAGS:
            kept[tag] = value
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        values = exif.get_ifd(directory)
        if values:
            kept.get_ifd(directory).update(values)
    return kept


def with_size(exif: Image.Exif, width: int, height: int, xmp: bytes | None) -> bytes:
    """The bytes to store, with the picture's size corrected where it is given.

    xmp: to be stored as one of the tags, as TIFF does. Empty where there is nothing to tell.
    """
    details = exif.get_ifd(ExifTags.IFD.Exif)
    for tag, value in ((_PIXEL_WIDTH, width), (_PIXEL_HEIGHT, height)):
        if tag in details:
            details[tag] = value
    if xmp is not None:
        exif[_XMP] = xmp
    return exif.tobytes() if len(exif) or details or exif.get_ifd(ExifTags.IFD.GPSInfo) else b""


def _without_orientation(xmp: Any) -> bytes | None:
    """XMP can turn the picture as well: `tiff:Orientation` becomes 1, the packet keeps its length."""
    if isinstance(xmp, str):
        xmp = xmp.encode()
    if not isinstance(xmp, bytes):
        return None
    for start, end in ((b'tiff:Orientation="', b'"'), (b"<tiff:Orientation>", b"</tiff:Orientation>")):
        before, found, after = xmp.partition(start)
        if found:
            _, close, rest = after.partition(end)
            xmp = before + start + b"1" + close + rest
    return bytes(xmp)
