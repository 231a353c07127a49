"""Crops of what people bring, to look at: `python tools/sheet_sources.py ../shared/data -o benchmarks/sources.png`.

A photograph as JPEG, a screen, and a call at three rates, of luma: what comes in, bicubic, `small`, the network that
`-m auto` takes, told the strength that it estimates, and the original. To be made anew whenever one of them changes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import pocketsr
from pocketsr.bench.quality import read_image
from pocketsr.data import CodecSetting, add_jpeg, degrade_clip, read_clip, scaled_kbps
from pocketsr.engine import takes_strength, upscaled
from pocketsr.pixels import imresize, luma_to_grey, psnr, rgb_to_luma
from pocketsr.source import Hints, choose, look

SIDE, ZOOM, GAP, LINE = 96, 3, 6, 26
COLUMNS = ("LR", "bicubic", "small", "auto", "HR")
FRAME = 40
Plane = NDArray[np.uint8]


def _photograph(path: Path, quality: int) -> tuple[Plane, Plane, Hints]:
    hr = read_image(path)
    lr = np.rint(rgb_to_luma(add_jpeg(imresize(hr, 0.5), quality))).astype(np.uint8)
    return lr, np.rint(rgb_to_luma(hr)).astype(np.uint8), Hints("jpeg", lossless=False, jpeg_quality=quality)


def _screen(path: Path) -> tuple[Plane, Plane, Hints]:
    hr = read_clip(path).frames[0]
    hr = hr[: hr.shape[0] // 2 * 2, : hr.shape[1] // 2 * 2]
    return imresize(hr, 0.5), hr, Hints("png", lossless=True)


def _call(path: Path, rate_kbps: int) -> tuple[Plane, Plane, Hints]:
    clip = read_clip(path, FRAME + 1)
    small = [imresize(frame, 0.5) for frame in clip.frames]
    height, width = small[0].shape
    kbps = scaled_kbps(rate_kbps, width, height)
    lr = degrade_clip(small, CodecSetting("h264", kbps, clip.fps, keyframe_interval=300))[FRAME]
    spent = 1000 * kbps / (clip.fps * width * height)
    return lr, clip.frames[FRAME], Hints("h264", moving=True, lossless=False, bits_per_pixel=spent)


def _rows(data: Path) -> list[tuple[str, Callable[[], tuple[Plane, Plane, Hints]], tuple[int, int]]]:
    faces, signs = data / "test" / "Set14" / "lenna.webp", data / "clips_call" / "screen_terminal.mkv"
    call = data / "clips" / "webcam_sister.mkv"
    rows: list[tuple[str, Callable[[], tuple[Plane, Plane, Hints]], tuple[int, int]]] = [
        ("JPEG of quality 40", partial(_photograph, faces, 40), (230, 220)),
        ("JPEG of quality 80", partial(_photograph, faces, 80), (230, 220)),
        ("screen", partial(_screen, signs), (480, 1104)),
    ]
    for rate in (150, 300, 600):
        rows.append((f"call, {rate} kbit/s", partial(_call, call, rate), (80, 262)))
    return rows


def make_sheet(data: Path) -> Image.Image:
    """A row for each kind; above the panels the network and the PSNR of the crop."""
    large = SIDE * ZOOM
    rows = _rows(data)
    sheet = Image.new("RGB", (len(COLUMNS) * (large + GAP) + GAP, len(rows) * (LINE + large) + GAP), (16, 16, 18))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for number, (what, made, (top, left)) in enumerate(rows):
        lr, hr, hints = made()
        seen = look(lr, hints)
        choice = choose(seen)
        planes = {"LR": lr.repeat(2, 0).repeat(2, 1), "HR": hr}
        for column, name in (("bicubic", "bicubic"), ("small", "small"), ("auto", choice.network)):
            net = pocketsr.load(name)
            planes[column] = upscaled(net, lr, strength=seen.strength if takes_strength(net) else None)
        y = number * (LINE + large)
        for place, column in enumerate(COLUMNS):
            x = GAP + place * (large + GAP)
            cut = planes[column][top : top + SIDE, left : left + SIDE]
            original = hr[top : top + SIDE, left : left + SIDE].astype(np.float64)
            picture = Image.fromarray(luma_to_grey(cut)).resize((large, large), Image.Resampling.NEAREST)
            sheet.paste(picture.convert("RGB"), (x, y + LINE))
            words = what if column == "LR" else column
            if column == "auto":
                words = f"auto: {choice.network}, strength {seen.strength:.2f}"
            if column in ("bicubic", "small", "auto"):
                words += f"  {psnr(cut.astype(np.float64), original):.2f} dB"
            draw.text((x, y + LINE / 2), words, fill=(235, 235, 235), font=font, anchor="lm")
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder that holds test/, clips/ and clips_call/")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/sources.png"))
    options = parser.parse_args()
    make_sheet(options.data).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
