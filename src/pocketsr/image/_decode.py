"""A file becomes pixels, and what has to go along with them into the next file."""

from __future__ import annotations

import io
import logging
import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin

from pocketsr.errors import UserError
from pocketsr.image import _ifd, _xmp
from pocketsr.image._boxes import avif_quantizer, jpeg2000_bits, webp_loss
from pocketsr.image._deep import ppm_pixels
from pocketsr.image._dpi import file_dpi, honest, resolution, small
from pocketsr.image._facts import READERS, Facts, Kept, note_what_pillow_found
from pocketsr.image._formats import kind_of
from pocketsr.image._libtiff import decoding_errors
from pocketsr.image._memory import Growth, check_memory
from pocketsr.image._optional import jxl_size, needed, register
from pocketsr.image._pixels import TOO_DEEP, cmyk_to_rgb, grey16, to_array, turned, upright
from pocketsr.models import DEFAULT_SCALE
from pocketsr.source import Hints, jpeg_quality

__all__ = ["Kept", "Picture", "decode"]

logging.getLogger("PIL").addHandler(logging.NullHandler())  # or Pillow's complaints are lines of their own
_ORIENTATION = 274
_CALLED = {"HEIF": "HEIC", "JXL": "JPEG XL", "JPEG2000": "JPEG 2000"}
_NEEDS = {
    "PostScript": "it is a program, which is never run",
    "raw": "it needs a raw converter",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image, upright.

    pixels: (H, W), (H, W, 3) or (H, W, 4), uint8 or uint16. kept: what the file said beside them.
    lossy: whether the file it came from had lost something. hints: what of the file tells how much.
    """

    pixels: NDArray[Any]
    kept: Kept
    lossy: bool
    warnings: tuple[str, ...]
    hints: Hints = field(default_factory=Hints)


def decode(path: Path, growth: Growth = lambda *_: DEFAULT_SCALE, page: bytes | None = None) -> Picture:
    """Read the image at `path`, to be upscaled by `growth`.

    page: of a TIFF of several, as a file of its own, which is read instead.

    Raises UserError for what is missing, broken, animated, not supported, or too large for this machine's memory.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder, not an image")
    if not path.exists():
        raise UserError(f"no such file: {path}")
    if not path.is_file():
        raise UserError(f"{path} is not a plain file: save it to one first")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty (0 bytes)")
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    with file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about sizes and tags, on lines of their own
        kind = kind_of(path)
        if kind is None:
            raise UserError(f"{path} is not an image that can be read, whatever its name says")
        name, is_read = kind
        if not is_read:
            what = needed(name) or _NEEDS.get(name)
            needs = f" ({what})" if what else ""
            called = _CALLED.get(name, name)
            raise UserError(
                f"{path} is a {called} picture, which is not supported{needs}: convert it to PNG or JPEG first"
            )
        try:
            return _decode_open(path, name, file if page is None else io.BytesIO(page), growth)
        except (UserError, MemoryError):
            raise
        except Image.DecompressionBombError as error:
            raise UserError(f"{path} is too large: {error}") from None
        except (
            Exception
        ) as error:  # Pillow's readers fail on broken files with anything from KeyError to AssertionError
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise UserError(f"{path} is a broken image, or of a kind that is not supported: {why}") from None


def _decode_open(path: Path, name: str, file: BinaryIO, growth: Growth) -> Picture:
    kept, facts = Kept(), Facts(file)
    if name in READERS:
        READERS[name](path, file, kept, facts)
    facts.source.seek(0)
    # By the one reader of this format, and never by Image.open, which would try every format that Pillow has, and
    # for a PostScript text start Ghostscript, whatever the file is called.
    Image.init()
    register(name)
    if name == "JXL":
        width, height = jxl_size(path)
        check_memory(path, width, height, 4, 2, growth(width, height))
    factory = JpegImagePlugin.JpegImageFile if name == "JPEG" else Image.OPEN[name][0]
    with factory(facts.source, "") as image:
        _refuse(path, name, image, facts)
        channels = {"1": 1, "L": 1, "I": 1, "F": 1, "RGB": 3, "YCbCr": 3}.get(image.mode[:5].split(";")[0], 4)
        if channels == 3 and "transparency" in image.info:
            channels = 4
        deep = image.mode.startswith("I") or facts.deep is not None
        check_memory(path, *image.size, channels, 2 if deep else 1, growth(*image.size))
        if facts.deep is not None:
            return _finish(path, name, image, kept, facts)
        with decoding_errors(name) as errors:
            image.load()  # once: after an error Pillow (13.0) takes what there is for done, black below it
        if errors:
            raise ValueError(errors[0])
        if name not in READERS:
            note_what_pillow_found(path, name, image, kept, facts)
        return _finish(path, name, image, kept, facts)


def _refuse(path: Path, name: str, image: ImageFile.ImageFile, facts: Facts) -> None:
    """Raises UserError for several pictures, and for pixels that Pillow would read with fewer bits than they have."""
    frames = 1 if name in ("PSD", "JPEG", "PNG", "HEIF") else getattr(image, "n_frames", 1)
    if frames > 1:
        noun = "pages" if name == "TIFF" else "frames"
        raise UserError(f"{path} holds {frames} {noun}: save them one by one as PNG first")
    stored = image.tile[0].args if image.tile else ""
    parts = stored if isinstance(stored, tuple) else (stored,)
    raw_mode = str(parts[0]) if parts else ""
    bits = facts.bits
    if name == "JPEG2000":
        bits = jpeg2000_bits(path)
    elif name == "PPM" and len(parts) > 1 and isinstance(parts[1], int):
        bits = 16 if parts[1] > 255 else 8
    elif raw_mode.endswith((";16B", ";16L", ";16N")):
        bits = 16
    if name == "PPM" and bits == 16 and image.mode == "RGB":
        facts.source.seek(0)
        content = facts.source.read()
        facts.deep = lambda: (ppm_pixels(content), 1)
    if facts.deep is None and bits > 8 and not image.mode.startswith(("I", "F")):
        raise UserError(TOO_DEEP.format(path=path, bits=bits))


def _finish(path: Path, name: str, image: ImageFile.ImageFile, kept: Kept, facts: Facts) -> Picture:
    notes, picture = facts.notes, image.copy() if name in ("GIF", "WEBP") and facts.deep is None else image
    icc = image.info.get("icc_profile")
    kept.icc = kept.icc or (icc if isinstance(icc, bytes) and icc else None)
    orientation = 1
    if kept.exif is not None:
        try:
            order, tags = _ifd.read(_ifd.reader(kept.exif))
            _ifd.patch(kept.exif, {_ORIENTATION: 1})
        except (ValueError, struct.error):
            notes.append(f"{path}: its EXIF data is broken and was left out")
            kept.exif = None
        else:
            orientation = small(tags.get(_ORIENTATION), order)
            kept.dpi = kept.dpi or resolution(tags, order)
    if kept.xmp is not None:
        kept.xmp, lost = _xmp.without_marks(kept.xmp)
        facts.lost += [what for what in lost if what not in facts.lost]
        orientation = orientation if orientation > 1 else _xmp.orientation(kept.xmp)
    if name == "TIFF":  # Pillow has turned it while it was loaded; the tag isn't among those that are kept
        orientation = 1
    kept.dpi = honest(kept.dpi) or file_dpi(name, image)
    level = image.info.get("transparency")
    if facts.deep is not None:
        level = None
    elif name == "PNG" and facts.bits < 8 and isinstance(level, int) and picture.mode in ("1", "L"):
        # Pillow (13.0) has stretched the pixels to 0..255, but the transparent level only where there is 1 bit
        top = 1 if picture.mode == "1" else (1 << facts.bits) - 1
        picture = picture.convert("L")
        picture.info["transparency"] = level if top == 1 else level * 255 // top
    if picture.mode == "CMYK" and facts.deep is None:
        notes.append(f"{path}: converted from CMYK to RGB")
        picture, kept.icc = cmyk_to_rgb(picture, kept.icc), None
    if facts.deep is not None:
        pixels, own = facts.deep()
        pixels = turned(pixels, orientation if orientation > 1 else own)
    else:
        pixels = to_array(path, upright(picture, orientation))
    if pixels.dtype.itemsize == 2 and pixels.ndim == 2:
        pixels = grey16(path, pixels, bits=facts.bits, inverted=facts.inverted, hidden=level)
    kept.turned = orientation >= 5
    if kept.icc is not None and kept.icc[16:20] == b"GRAY" and pixels.ndim == 3:
        kept.icc = None  # a profile of grey says nothing of RGB
    if facts.lost:
        notes.append(f"{path}: left out: {', '.join(facts.lost)}")
    lossy, qp = webp_loss(path) if name == "WEBP" else (name in ("JPEG", "AVIF", "HEIF", "JXL"), None)
    qp = avif_quantizer(path) if name == "AVIF" else qp
    return Picture(pixels=pixels, kept=kept, lossy=lossy, warnings=tuple(notes), hints=_hints(name, image, lossy, qp))


def _hints(name: str, image: ImageFile.ImageFile, lossy: bool, qp: float | None) -> Hints:
    """What the file says of how much was lost."""
    quality = jpeg_quality(getattr(image, "quantization", {})) if name == "JPEG" else None
    inside = name == "TIFF" and image.info.get("compression") in ("jpeg", "tiff_jpeg", "webp")
    unknown = name in ("JPEG2000", "JXL")  # which may be either
    return Hints(name.lower(), lossless=None if unknown else not (lossy or inside), jpeg_quality=quality, qp=qp)
