"""The comparison in one self-contained HTML file: a table to sort, plots, and pictures to compare with a slider."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from PIL import Image

from pocketsr.bench.quality import read_image
from pocketsr.bench.table import Figures, Network, Table, gmacs_written
from pocketsr.engine import Plane
from pocketsr.errors import UserError
from pocketsr.image import upscale_image
from pocketsr.pixels import imresize, psnr, rgb_to_luma

__all__ = ["CROPS", "MODELS", "SIDE", "Comparison", "Crop", "compare", "make_report"]

MODELS = ("bicubic", "tiny", "small")
"""Those that ship and are meant for still pictures."""

SIDE = 96
"""HR pixels of a crop's side."""


@dataclass(frozen=True)
class Crop:
    """A square of 96 HR pixels, its left and top even, from an image below the folder of test sets."""

    what: str
    file: str
    left: int
    top: int


CROPS = (
    Crop("text", "Set14/ppt3.webp", 34, 240),
    Crop("hair", "Set14/baboon.webp", 340, 350),
    Crop("hair", "Set14/lenna.webp", 100, 320),
    Crop("face", "Set14/lenna.webp", 250, 230),
    Crop("drawing", "Set14/comic.webp", 90, 100),
    Crop("stripes", "Set14/barbara.webp", 372, 380),
    Crop("brick", "Urban100/img_018.webp", 270, 260),
    Crop("brick", "Urban100/img_034.webp", 590, 540),
)
"""Shown by `tools/sheet.py` too."""


@dataclass(frozen=True)
class Comparison:
    """A crop as each network makes it; "original" is HR itself."""

    caption: str
    pictures: dict[str, Plane]  # (96, 96, 3) uint8, full range


def compare(crop: Crop, data: Path, models: Sequence[str] = MODELS) -> Comparison:
    """LR of `crop` by the protocol of the published figures, upscaled as `pocketsr upscale` does images.

    data: the folder with a folder a test set. Raises UserError where the image is missing or the crop lies outside it.
    """
    hr = read_image(data / crop.file)
    rows, columns = slice(crop.top, crop.top + SIDE), slice(crop.left, crop.left + SIDE)
    if hr[rows, columns].shape[:2] != (SIDE, SIDE):
        raise UserError(f"{data / crop.file} is too small for a crop at {crop.left}, {crop.top}")
    lr = imresize(hr, 0.5)
    large = {model: upscale_image(lr, model) for model in models} | {"original": hr}
    path = Path(crop.file)
    caption = f"{crop.what}: {path.parent.name} {path.stem}, {crop.left}, {crop.top}"
    return Comparison(caption, {model: np.ascontiguousarray(image[rows, columns]) for model, image in large.items()})


def make_report(table: Table, plots: Sequence[str], comparisons: Sequence[Comparison] = ()) -> str:
    """The whole page. plots: SVG elements. comparisons: all of the same networks, the first one to the left."""
    page = Template(Path(__file__).with_name("report.html").read_text())
    return page.substitute(
        machine=escape(table.machine_name),
        table=_table(table),
        plots="\n".join(f"<figure>{plot}</figure>" for plot in plots),
        comparison=_comparison(comparisons) if comparisons else "",
    )


def _table(table: Table) -> str:
    titles = ["network", "origin", "parameters", "GMAC", "ms", "runtime"]
    titles += [f"{name} {figure}" for name in table.sets for figure in ("PSNR", "SSIM")]
    head = "".join(f'<th scope="col"><button>{escape(title)}</button></th>' for title in titles)
    rows = "".join(_row(row, table.sets) for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(row: Network, sets: Sequence[str]) -> str:
    found = [row.sets.get(name, Figures(None, None)) for name in sets]
    cells: list[tuple[str, float | str | None]] = [
        (row.model, row.model),
        (row.origin, row.origin),
        ("{:,}", row.params),
        ("" if row.gmacs is None else gmacs_written(row.gmacs), row.gmacs),
        ("{:.2f}", row.ms),
        (row.runtime or "", row.runtime),
    ]
    for figures in found:
        cells += [("{:.2f}", figures.psnr_db), ("{:.4f}", figures.ssim)]
    written = "".join(
        f'<td data-value="{"" if value is None else escape(str(value))}">'
        f"{'' if value is None else escape(shown if isinstance(value, str) else shown.format(value))}</td>"
        for shown, value in cells
    )
    return f'<tr class="{escape(row.origin)}">{written}</tr>'


def _comparison(comparisons: Sequence[Comparison]) -> str:
    models = list(comparisons[0].pictures)
    crops = [
        {
            "caption": each.caption,
            "pictures": {
                model: {"uri": _data_uri(image), "psnr_db": _psnr_db(image, each.pictures["original"])}
                for model, image in each.pictures.items()
            },
        }
        for each in comparisons
    ]
    buttons = "".join(
        f'<button title="{escape(each.caption)}"><img alt="{escape(each.caption)}" '
        f'src="{_data_uri(each.pictures["original"])}"></button>'
        for each in comparisons
    )
    ends = [models[0], next(model for model in reversed(models) if model != "original")]
    sides = "".join(
        "<label><select>"
        + "".join(f"<option{' selected' * (model == end)}>{escape(model)}</option>" for model in models)
        + "</select> <output></output></label>"
        for end in ends
    )
    # "<" must not end the script element early; JSON has another way to write it
    text = json.dumps(crops).replace("<", "\\u003c")
    return (
        "<h2>Pictures</h2><p>LR upscaled twice, crops of 96 pixels; PSNR is that of the crop's luma. "
        f'<span id="where"></span></p><div class="crops">{buttons}</div><div class="sides">{sides}</div>'
        '<input type="range" min="0" max="100" value="50" step="0.1" aria-label="border between the two pictures">'
        f'<div class="pair"><img alt=""><img alt=""></div><script type="application/json" id="crops">{text}</script>'
    )


def _psnr_db(image: Plane, original: Plane) -> float | None:
    """None for the original itself."""
    value = psnr(rgb_to_luma(image), rgb_to_luma(original))
    return round(value, 2) if math.isfinite(value) else None


def _data_uri(image: Plane) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
