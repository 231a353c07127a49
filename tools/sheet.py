"""A sheet to look at: `python tools/sheet.py ../shared/data -o benchmarks/sheet.png`.

Crops of text, hair, brick and faces from the test sets, and of frames as a video call sends them: what comes in, what
bicubic and the other shipped networks make of it, and the original. To be made anew whenever a shipped network changes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pocketsr.bench.quality import read_image
from pocketsr.bench.report import CROPS, SIDE
from pocketsr.data import CodecSetting, degrade_clip, read_clip, scaled_kbps
from pocketsr.engine import Plane, load, repeat_edges
from pocketsr.image import upscale_image
from pocketsr.models import SHIPPED, SHIPPED_X2, scale_of
from pocketsr.pixels import imresize, psnr, rgb_to_luma, ycbcr_to_rgb

__all__ = ["LOOKS", "Look", "make_sheet", "panels"]

ZOOM = 3  # of the panels, by repeating pixels: what is seen is what was computed
GAP, LINE = 6, 28  # pixels between panels, and for a line of captions
PAPER, INK = (16, 16, 18), (235, 235, 235)
FRAME = 40  # of a clip: the encoder has long found its way


@dataclass(frozen=True, slots=True)
class Look:
    """A crop of SIDE x SIDE HR pixels, its left and top even, from an image or a clip below the data folder.

    rate_kbps: for clips alone, what H.264 has for them, as for 640x360. scale: of images.
    """

    what: str
    file: str
    left: int
    top: int
    rate_kbps: int | None = None
    scale: int = 2

    @property
    def caption(self) -> str:
        path = Path(self.file)
        source = path.stem if self.rate_kbps else f"{path.parent.name} {path.stem}"
        scale = "" if self.scale == 2 else f", x{self.scale}"
        return f"{self.what}{scale}: {source} ({self.left}, {self.top})"

    def cut(self, picture: Plane) -> Plane:
        """The crop from a picture of the HR size."""
        return np.ascontiguousarray(picture[self.top : self.top + SIDE, self.left : self.left + SIDE])


LOOKS = (
    *(Look(crop.what, f"test/{crop.file}", crop.left, crop.top) for crop in CROPS),
    Look("call at 150 kbit/s", "clips/webcam_sister.mkv", 262, 80, 150),
    Look("call at 150 kbit/s", "clips/webcam_book.mkv", 262, 90, 150),
    Look("call at 600 kbit/s", "clips/webcam_book.mkv", 262, 90, 600),
    *(Look(crop.what, f"test/{crop.file}", crop.left, crop.top, scale=scale) for scale in (3, 4) for crop in CROPS),
)


def panels(look: Look, data: Path) -> dict[str, Plane]:
    """Whole pictures of the HR size, (H, W, 3) full range, by column: LR by repeating pixels, networks, HR."""
    return _call(data / look.file, look.rate_kbps) if look.rate_kbps else _still(data / look.file, look.scale)


def _still(path: Path, scale: int) -> dict[str, Plane]:
    """LR by the protocol of the published figures, upscaled as `pocketsr upscale` does images.

    At x3 and x4 by the networks made for them, beside what `bicubic` and `small` give in passes of x2 and a resize.
    """
    hr = read_image(path, scale)
    lr = imresize(hr, 1 / scale)
    models = SHIPPED_X2 if scale == 2 else [name for name in SHIPPED if scale_of(name) == scale]
    found = {"LR": _repeated(lr, scale)}
    if scale > 2:
        found |= {"bicubic": upscale_image(lr, "bicubic", threads=1, size=scale)}
        found |= {"small, x2 in passes": upscale_image(lr, load("small", threads=1), threads=1, size=scale)}
    return found | {model: upscale_image(lr, model, threads=1) for model in models} | {"HR": hr}


def _call(path: Path, rate_kbps: int) -> dict[str, Plane]:
    """Luma alone, LR through H.264 as calls set it, upscaled as `pocketsr upscale` does frames."""
    clip = read_clip(path, FRAME + 1)
    small = [imresize(frame, 0.5) for frame in clip.frames]
    height, width = small[0].shape
    setting = CodecSetting("h264", scaled_kbps(rate_kbps, width, height), clip.fps, keyframe_interval=300)
    lr = degrade_clip(small, setting)[FRAME]
    lumas = {"LR": _repeated(lr, 2)} | {model: repeat_edges(load(model, threads=1))(lr) for model in SHIPPED_X2}
    return {column: _grey(luma) for column, luma in (lumas | {"HR": clip.frames[FRAME]}).items()}


def _repeated(lr: Plane, scale: int) -> Plane:
    large: Plane = lr.repeat(scale, axis=0).repeat(scale, axis=1)
    return large


def _grey(luma: Plane) -> Plane:
    """Studio luma as R'G'B' to be shown."""
    ycbcr = np.stack([luma, np.full_like(luma, 128), np.full_like(luma, 128)], axis=-1)
    rgb: Plane = np.clip(np.rint(ycbcr_to_rgb(ycbcr)), 0, 255).astype(np.uint8)
    return rgb


def make_sheet(data: Path) -> Image.Image:
    """A row for each of LOOKS; above its panels where it is from, and the PSNR of the crop's luma."""
    columns = ("LR", *SHIPPED_X2, "HR")
    side = SIDE * ZOOM
    size = (len(columns) * (side + GAP) + GAP, LINE + len(LOOKS) * (LINE + side) + GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    large, plain = ImageFont.load_default(20), ImageFont.load_default(15)
    for row, look in enumerate(LOOKS):
        pictures = {column: look.cut(picture) for column, picture in panels(look, data).items()}
        top = LINE + row * (LINE + side)
        for number, column in enumerate(pictures):
            left = GAP + number * (side + GAP)
            crop = Image.fromarray(pictures[column])
            sheet.paste(crop.resize((side, side), Image.Resampling.NEAREST), (left, top + LINE))
            if row == 0:
                draw.text((left + side / 2, LINE / 2), column, fill=INK, font=large, anchor="mm")
            named = "" if look.scale == 2 else f"{column}: "  # the heads of the columns are of x2
            if column == "LR":
                draw.text((left, top + LINE / 2), look.caption, fill=INK, font=plain, anchor="lm")
            elif column != "HR":
                figure = psnr(rgb_to_luma(pictures[column]), rgb_to_luma(pictures["HR"]))
                draw.text(
                    (left + side / 2, top + LINE / 2), f"{named}{figure:.2f} dB", fill=INK, font=plain, anchor="mm"
                )
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder that holds test/ and clips/")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/sheet.png"))
    options = parser.parse_args()
    missing = sorted({look.file for look in LOOKS if not (options.data / look.file).is_file()})
    if missing:
        parser.error(f"{options.data} lacks {', '.join(missing)}")
    make_sheet(options.data).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
