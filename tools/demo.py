"""`make demo`: a sample clip from real photographs, upscaled; how fast it went, and a still to look at."""

from __future__ import annotations

import argparse
import functools
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sample_clip import make_clip
from still import Look, frames_at, side_by_side
from tqdm import tqdm

from pocketsr.engine import Upscaler, load_chroma
from pocketsr.errors import UserError
from pocketsr.image import upscale_image
from pocketsr.loading import load
from pocketsr.report import Report
from pocketsr.video import VideoOptions, upscale_video

MODEL = "small"
# Where the eye finds the difference: the engine of the motorcycle, and the trusses of the tower
LOOKS = (
    Look(frame=60, left=290, top=150, width=106, height=68),
    Look(frame=150, left=2, top=40, width=106, height=68),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the clips and the still go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    sample, upscaled, still = folder / "sample.mp4", folder / f"sample_{MODEL}.mp4", folder / "still.png"
    try:
        if not sample.exists():
            print(f"making {sample} from photographs ...", flush=True)
            make_clip(sample)
        net = load(MODEL)  # the first time it is compiled, which takes some seconds
        print(f"upscaling {sample} 2x with the network '{MODEL}' ...", flush=True)
        report = _upscale(sample, upscaled, net)
        _make_still(sample, upscaled, net.scale).save(still)
    except UserError as error:
        print(f"pocketsr: {error}", file=sys.stderr)
        return 2
    _print(report)
    print(f"The stages run side by side and share the cores; the network alone takes {_alone_ms(net):.1f} ms a frame.")
    print(f"\nclip    {sample}\nresult  {upscaled}\nstill   {still}  (bicubic | pocketsr)")
    print(f"\nthe same by hand: .venv/bin/pocketsr upscale {sample} -o {upscaled} -y")
    return 0


def _upscale(sample: Path, upscaled: Path, net: Upscaler) -> Report:
    chroma = functools.partial(load_chroma, net.scale)
    with tqdm(unit=" frames", disable=None, file=sys.stderr, leave=False) as bar:

        def on_progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return upscale_video(sample, upscaled, net, chroma, VideoOptions(), overwrite=True, on_progress=on_progress)


def _alone_ms(net: Upscaler) -> float:
    """Median milliseconds for the luma of one 640x360 frame."""
    luma = np.random.default_rng(0).integers(0, 256, (360, 640), np.uint8)
    times = []
    for _ in range(50):
        start = time.perf_counter()
        net(luma)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def _make_still(sample: Path, upscaled: Path, scale: int) -> Image.Image:
    numbers = [look.frame for look in LOOKS]
    before, after = frames_at(sample, numbers), frames_at(upscaled, numbers)
    rows = []
    for look in LOOKS:
        bicubic = upscale_image(np.asarray(before[look.frame]), model="bicubic")
        rows.append([look.cut(Image.fromarray(bicubic), scale), look.cut(after[look.frame], scale)])
    return side_by_side(rows, ["bicubic", f"pocketsr ({MODEL})"])


def _print(report: Report) -> None:
    width, height = report.size
    print(
        f"\n{report.frames} frames to {width}x{height} in {report.seconds:.2f} s: "
        f"{report.fps:.1f} frames per second, decoding and encoding included"
    )
    print(f"{'stage':10}{'p50 ms':>8}{'p99 ms':>8}")
    for name, stage in (
        ("decode", report.decode_ms),
        ("upscale", report.upscale_ms),
        ("encode", report.encode_ms),
    ):
        print(f"{name:10}{stage.p50:>8.2f}{stage.p99:>8.2f}")
    for line in report.warnings:
        print(f"warning: {line}")


if __name__ == "__main__":
    sys.exit(main())
