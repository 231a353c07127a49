"""XMP packets: what they say of the picture's size and position is made true; the rest stays as it is."""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["orientation", "rescaled", "without_marks"]

_SIZES = (
    *(rb"tiff:Image(?:Width|Length)", rb"exif:Pixel[XY]Dimension"),
    rb"GPano:(?:FullPano(?:Width|Height)|CroppedAreaImage(?:Width|Height)|CroppedArea(?:Left|Top))Pixels",
    *(rb"stDim:[wh]", rb"(?:drone-dji|GImage):Image(?:Width|Height)"),
)
# A property stands as an attribute, name="value", or as an element, <name>value</name>.
_SIZE = re.compile(rb"(\b(?:" + rb"|".join(_SIZES) + rb")(?:\s*=\s*[\"']|>)\s*)(\d{1,9}(?:\.\d{0,6})?)(?=\s*[\"'<])")
_IN_X = re.compile(rb"Width|PixelX|Left|:w\b")
_ORIENTATION = re.compile(rb"(\btiff:Orientation(?:\s*=\s*[\"']|>)\s*)(\d)(?=\s*[\"'<])")
# Google's and Apple's gain maps; videos behind a picture. All of them lie outside of the picture that is upscaled.
_GAIN = rb"(?:hdrgm|HDRGainMap|apdi):\w+"
_MOTION = rb"(?:GCamera:(?:MotionPhoto|MicroVideo)\w*)"
_DIRECTORY = rb"(?:Container|GContainer):(?:Directory|Version)"
_EXTENDED = rb"xmpNote:HasExtendedXMP"
_MARKS = (
    (_GAIN + rb"|Semantic\s*=\s*[\"']GainMap", "gain map (HDR)"),
    (_MOTION + rb"|Semantic\s*=\s*[\"']MotionPhoto", "video of the motion photo"),
    (_EXTENDED, "extended XMP data"),
)


def orientation(xmp: bytes) -> int:
    """1 to 8, as in EXIF; 1 where nothing is said."""
    found = _ORIENTATION.search(xmp)
    return int(found[2]) if found and 1 <= int(found[2]) <= 8 else 1


def rescaled(xmp: bytes, scale: tuple[Fraction, Fraction], *, swapped: bool) -> bytes:
    """Sizes and positions in pixels times `scale`, upright; width and height change places where `swapped`.

    scale: in x and y of the upright picture.
    """
    across, down = reversed(scale) if swapped else scale
    xmp = _ORIENTATION.sub(rb"\g<1>1", xmp)
    xmp = _SIZE.sub(lambda match: match[1] + _times(match[2], across if _IN_X.search(match[1]) else down), xmp)
    return _exchanged(xmp) if swapped else xmp


def _times(number: bytes, scale: Fraction) -> bytes:
    whole = number.isdigit()
    return (str(round(int(number) * scale)) if whole else f"{float(number) * float(scale):g}").encode()


def _exchanged(xmp: bytes) -> bytes:
    for one, other in ((b"tiff:ImageWidth", b"tiff:ImageLength"), (b"exif:PixelXDimension", b"exif:PixelYDimension")):
        xmp = xmp.replace(one, b"\0").replace(other, one).replace(b"\0", other)
    return xmp


def without_marks(xmp: bytes) -> tuple[bytes, list[str]]:
    """The packet without the marks of what lies behind the picture in its file, and the names of that."""
    lost = [what for mark, what in _MARKS if re.search(mark, xmp)]
    if lost or re.search(_DIRECTORY, xmp):
        for name in (_GAIN, _MOTION, _DIRECTORY, _EXTENDED):
            xmp = re.sub(rb"\s" + name + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", xmp)
            xmp = re.sub(rb"<(" + name + rb")(?:\s[^>]*)?(?<!/)>.*?</\1\s*>", b"", xmp, flags=re.DOTALL)
            xmp = re.sub(rb"<" + name + rb"(?:\s[^>]*)?/>", b"", xmp)
    return xmp, lost
