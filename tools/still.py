"""Two clips side by side, magnified where there is something to see, as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Look", "frames_at", "side_by_side"]

_ZOOM = 3  # of the panels, by repeating pixels: what is seen is what the clip holds
_GAP, _BAR = 6, 34  # pixels between panels, and for the labels above them
_PAPER, _INK = (16, 16, 18), (235, 235, 235)


@dataclass(frozen=True, slots=True)
class Look:
    """A frame, and the left, top, width and height of a cut from it, in pixels of the small clip."""

    frame: int
    left: int
    top: int
    width: int
    height: int

    def cut(self, image: Image.Image, scale: int) -> Image.Image:
        """The cut from a frame that is `scale` times the small clip's, magnified."""
        left, top, width, height = (scale * value for value in (self.left, self.top, self.width, self.height))
        part = image.crop((left, top, left + width, top + height))
        return part.resize((width * _ZOOM, height * _ZOOM), Image.Resampling.NEAREST)


def frames_at(path: Path, indices: Iterable[int]) -> dict[int, Image.Image]:
    """The frames of the clip at `path` with these numbers, as RGB."""
    wanted = set(indices)
    found = {}
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                found[number] = frame.to_image()  # type: ignore[no-untyped-call]
                if len(found) == len(wanted):
                    break
    return found


def side_by_side(rows: list[list[Image.Image]], labels: list[str]) -> Image.Image:
    """A grid of equally large panels, a label above each column."""
    width, height = rows[0][0].size
    sheet = Image.new(
        "RGB",
        (len(labels) * (width + _GAP) - _GAP, _BAR + len(rows) * (height + _GAP) - _GAP),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(20)
    for column, label in enumerate(labels):
        left = column * (width + _GAP)
        draw.text((left + width / 2, _BAR / 2), label, fill=_INK, font=font, anchor="mm")
        for row, panels in enumerate(rows):
            sheet.paste(panels[column], (left, _BAR + row * (height + _GAP)))
    return sheet
