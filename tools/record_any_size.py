"""Records what the networks are worth at sizes that no network has, and which of them to take there.

`python tools/record_any_size.py CLIP ...` writes the clips' part of benchmarks/any_size.json, at 1.5 and 3 times
(1080p from 360p). Each clip is shrunk by MATLAB's bicubic imresize, as in the protocol of the figures, and enlarged
again to its own size: by `Stream` with the network that `models.at_size` takes, and from the same pixels by bicubic
(a = -0.5) and Lanczos (a = 3) interpolation. PSNR is that of luma, 4 border pixels shaved; VMAF of the same planes,
where there is an ffmpeg with libvmaf.

`python tools/record_any_size.py --data SETS [-m small]` writes the part `scales`: each factor by the networks for x2,
x3 and x4 of a family, on Set14 and every fifth image of B100, for the rule of `models.scale_at`. Images are cropped so
that their small version has whole pixels; as many border pixels are shaved as the factor, rounded up.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from statistics import mean
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pocketsr import load
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.vmaf import find_ffmpeg, vmaf
from pocketsr.errors import UserError
from pocketsr.frames import Frame
from pocketsr.live import Stream
from pocketsr.models import at_size
from pocketsr.pixels import imresize, psnr, rgb_to_luma
from pocketsr.pixels.pictures import open_picture
from pocketsr.sizing import Shape, Size

RESULT = Path(__file__).parents[1] / "benchmarks" / "any_size.json"
NETWORKS = ("tiny", "small", "medium", "quality")
FACTORS = (1.5, 3.0)
SETS = (("Set14", 1), ("B100", 5))
AT = tuple(map(Fraction, ("9/4", "5/2", "8/3", "14/5", "3", "16/5", "7/2", "15/4", "4", "5", "6", "8")))
FRAMES, EVERY = 12, 5
BORDER = 4
Plane = NDArray[np.uint8]


def lumas(path: Path) -> Iterator[Plane]:
    """Every fifth frame's luma, cropped to a multiple of 12."""
    with av.open(str(path)) as container:
        for index, picture in enumerate(container.decode(video=0)):
            if index % EVERY == 0:
                luma = next(Frame.from_av(picture).components)
                yield np.array(luma[: luma.shape[0] // 12 * 12, : luma.shape[1] // 12 * 12])
            if index == (FRAMES - 1) * EVERY:
                return


def interpolated(plane: Plane, width: int, height: int, kernel: Image.Resampling) -> Plane:
    made = np.asarray(Image.fromarray(plane.astype(np.float32)).resize((width, height), kernel))
    rounded: Plane = np.clip(np.rint(made), 0, 255).astype(np.uint8)
    return rounded


def enlarged(small: list[Plane], width: int, height: int) -> dict[str, list[Plane]]:
    """The frames at width x height, by each way."""
    made = {
        "bicubic": [interpolated(plane, width, height, Image.Resampling.BICUBIC) for plane in small],
        "lanczos": [interpolated(plane, width, height, Image.Resampling.LANCZOS) for plane in small],
    }
    for name in NETWORKS:
        shape = Shape(small[0].shape[1], small[0].shape[0])
        with Stream(at_size(name, Size(width=width, height=height), shape), size=(width, height)) as stream:
            made[name] = [stream(plane).to_array() for plane in small]
    return made


def luma_of(path: Path) -> Plane:
    """BT.601, studio range, as in the protocol."""
    made: Plane = np.clip(np.rint(rgb_to_luma(np.asarray(open_picture(path).convert("RGB")))), 0, 255).astype(np.uint8)
    return made


def by_scale(name: str, folder: Path, every: int) -> Iterator[dict[str, Any]]:
    """A row a factor: PSNR by each network of the family `name`, and by bicubic interpolation."""
    networks = [name, *(f"{name}-x{scale}" for scale in (3, 4))]
    loaded = {each: load(each) for each in networks}
    lumas = [luma_of(path) for path in sorted(folder.iterdir())[::every]]
    for factor in AT:
        above, below = factor.as_integer_ratio()
        found: dict[str, list[float]] = {each: [] for each in ("bicubic", *networks)}
        inner = slice(math.ceil(factor), -math.ceil(factor))
        for luma in lumas:
            height, width = (side // above * above for side in luma.shape)
            large = np.ascontiguousarray(luma[:height, :width])
            small = imresize(large, below / above)
            made = {"bicubic": interpolated(small, width, height, Image.Resampling.BICUBIC)}
            for each, network in loaded.items():
                with Stream(network, size=(width, height)) as stream:
                    made[each] = stream(small).to_array()
            for each, plane in made.items():
                found[each].append(psnr(plane[inner, inner], large[inner, inner]))
        yield {"set": folder.name, "every": every, "factor": round(float(factor), 3), "images": len(lumas),
               "psnr_db": {each: round(mean(values), 3) for each, values in found.items()}}  # fmt: skip


def recorded() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    return made


def record_scales(names: list[str], data: Path) -> int:
    rows = []
    for name, (folder, every) in itertools.product(names, SETS):
        for row in by_scale(name, data / folder, every):
            rows.append(row)
            print(row, file=sys.stderr)
    command = f"python tools/record_any_size.py --data SETS -m {' -m '.join(names)}"
    RESULT.write_text(json.dumps({**recorded(), "scales": {"command": command, "rows": rows}}, indent=2) + "\n")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="PSNR and VMAF at 1.5 and 3 times the size")
    parser.add_argument("clips", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, help="the folder of the test sets: which scale is best at which factor")
    parser.add_argument("-m", "--model", action="append", help="families, with --data (default: small)")
    args = parser.parse_args()
    if args.data is not None:
        return record_scales(args.model or ["small"], args.data)
    clips: list[Path] = args.clips
    if not clips:
        parser.error("name clips, or the test sets with --data")
    try:
        ffmpeg: str | None = find_ffmpeg()
    except UserError as error:
        print(f"without VMAF: {error}", file=sys.stderr)
        ffmpeg = None
    rows: list[dict[str, Any]] = []
    for clip in clips:
        large = list(lumas(clip))
        height, width = large[0].shape
        for factor in FACTORS:
            small = [imresize(plane, 1 / factor) for plane in large]
            size = f"{small[0].shape[1]}x{small[0].shape[0]}"
            for name, frames in enlarged(small, width, height).items():
                inner = slice(BORDER, -BORDER)
                quality = [psnr(a[inner, inner], b[inner, inner]) for a, b in zip(frames, large, strict=True)]
                score = None if ffmpeg is None else round(min(vmaf(ffmpeg, frames, large), 100.0), 2)
                row = {"clip": clip.stem, "factor": factor, "from": size, "to": f"{width}x{height}", "by": name}
                rows.append({**row, "psnr_db": round(mean(quality), 3), "vmaf": score})
                print(rows[-1], file=sys.stderr)
    keys = ("psnr_db", "vmaf") if ffmpeg else ("psnr_db",)
    means = []
    for factor, name in itertools.product(FACTORS, ("bicubic", "lanczos", *NETWORKS)):
        mine = [row for row in rows if (row["factor"], row["by"]) == (factor, name)]
        means.append({"factor": factor, "by": name, **{key: round(mean(row[key] for row in mine), 3) for key in keys}})
    result = {
        **recorded(),
        "machine": describe_machine(),
        "command": f"python tools/record_any_size.py {' '.join(clip.name for clip in clips)}",
        "frames": FRAMES,
        "rows": rows,
        "means": means,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
