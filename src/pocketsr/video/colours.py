"""What players take untagged colours for, which depends on the size of the picture."""

from __future__ import annotations

from dataclasses import replace

from pocketsr.frames import Colour, FrameFormat, layout_of

__all__ = ["with_implied_colours"]

# Numbers of H.273.
_UNSPECIFIED, _BT709 = 2, 1
_BT601_625, _BT601_525 = 5, 6


def _matrix(width: int, height: int) -> int:
    """The matrix that an untagged clip of this size is shown with.

    mpv, VLC and the like: BT.709 from 1280 columns or above 576 lines. Firefox and Chromium draw the line at 720 lines,
    and FFmpeg's swscale takes everything for BT.601; where they differ, mpv's rule is taken.
    """
    if width >= 1280 or height > 576:
        return _BT709
    return _BT601_625 if height == 576 else _BT601_525


def _primaries(width: int, height: int) -> int:
    """As `_matrix`, for the primaries, by mpv's rule: only the sizes of old television have its primaries."""
    if width < 1280 and height == 576:
        return _BT601_625
    return _BT601_525 if width < 1280 and height in (480, 486, 488) else _BT709


def with_implied_colours(form: FrameFormat, size: tuple[int, int]) -> tuple[Colour, str | None]:
    """Tags that keep an untagged clip's look where players would guess otherwise at the output's size.

    Args:
        form: of the frames that come in.
        size: the output's width and height.

    Returns:
        The colours with the tags that the input's size implied, and a line that says so; as they were, and None, where
        nothing would change.
    """
    colour = form.colour
    if layout_of(form.pix_fmt).kind != "yuv":
        return colour, None
    made, before, after = colour, (form.width, form.height), size
    matrix = _matrix(*before)
    if colour.matrix == _UNSPECIFIED and (matrix == _BT709) != (_matrix(*after) == _BT709):
        made = replace(made, matrix=matrix)
    if matrix == _BT709 and colour.matrix == _UNSPECIFIED and before[1] < 720 <= after[1]:
        made = replace(made, matrix=_BT709)  # browsers' guess would change
    known = colour.matrix not in (_UNSPECIFIED, _BT601_625, _BT601_525)  # then players go by the matrix
    if colour.primaries == _UNSPECIFIED and not known and _primaries(*before) != _primaries(*after):
        made = replace(made, primaries=_primaries(*before))
    if made == colour:
        return colour, None
    name = {_BT709: "BT.709", _BT601_625: "BT.601", _BT601_525: "BT.601"}
    changed = [(colour.matrix, made.matrix, "matrix"), (colour.primaries, made.primaries, "primaries")]
    words = " and ".join(f"{name[new]} {what}" for old, new, what in changed if old != new)
    width, height = before
    line = f"its colours are untagged: tagged {words}, which {width}x{height} implies, so that players show the same"
    return made, line
