"""Records what the networks are worth at sizes that no network has: 1.5 times, and 3 times (1080p from 360p).

`python tools/record_any_size.py CLIP ...` writes benchmarks/any_size.json. Each clip is shrunk by MATLAB's bicubic
imresize, as in the protocol of the figures, and enlarged again to its own size: by `Stream(size=...)`, and from the
same pixels by bicubic (a = -0.5) and Lanczos (a = 3) interpolation. PSNR is that of luma, 4 border pixels shaved; VMAF
of the same planes, where there is an ffmpeg with libvmaf.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pocketsr.bench.machine import describe_machine
from pocketsr.bench.vmaf import find_ffmpeg, vmaf
from pocketsr.errors import UserError
from pocketsr.frames import Frame
from pocketsr.live import Stream
from pocketsr.pixels import imresize, psnr

RESULT = Path(__file__).parents[1] / "benchmarks" / "any_size.json"
NETWORKS = ("tiny", "small", "medium", "quality")
FACTORS = (1.5, 3.0)
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
        with Stream(name, size=(width, height)) as stream:
            made[name] = [stream(plane).to_array() for plane in small]
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description="PSNR and VMAF at 1.5 and 3 times the size")
    parser.add_argument("clips", type=Path, nargs="+")
    clips: list[Path] = parser.parse_args().clips
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
