"""Makes what recipes/burst.yaml trains on: bursts of training pictures, fused, as pairs of pictures.

`python tools/make_bursts.py ../shared/data/train ../shared/data/train_more -o runs/bursts` (0.3 s of a core for each).
NAME.lr.png holds the three planes that the network reads (`pocketsr.bursts.refine`), NAME.png what it is to give: the
true luma in the first two, and the third as it is. Bursts are made as docs/how-to/burst.md says (`record_burst`), in
grey, of other pictures and seeds: of 2 to 8 frames, clean, with noise, or as JPEG; in one in ten something moves. With
--clips, windows of clips are added, whose frames come as a camera moved. A run that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from record_burst import MOST, SHIFT_PX, TURN_DEG, degraded, moved, windows
from tqdm import tqdm

from pocketsr.atomic_io import replacing
from pocketsr.bursts.fuse import fuse
from pocketsr.data import Pair, load_images
from pocketsr.engine import Upscaler, load_chroma
from pocketsr.loading import load
from pocketsr.pixels import imresize, luma_to_grey, rgb_to_luma

SEED, MODEL = 260, "quality"
SIDE = 256  # HR pixels, of one tile
SIZES = (1.0, 1.0, 0.8, 0.64)  # soft photographs become crisp
FRAMES = (2, 3, 4, 6, 8, 8)
GREY_NOISE = 0.669  # of the grey of R'G'B' with noise of 1 in each
MOVING_SHARE, MOVING_SIDE = 0.1, 64
CROPS = 3  # of each window of a clip
LEAST_CONTRAST = 6.0  # standard deviation in levels, of a picture that teaches something
Picture = NDArray[np.uint8]


class Watching:
    """A network of three planes that changes nothing, and keeps what it was shown."""

    scale, channels, edge_halo = 1, 3, 0

    def __init__(self) -> None:
        self.seen: list[NDArray[np.uint16]] = []

    def __call__(self, y: NDArray[Any], bits: int | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:  # noqa: ARG002
        self.seen.append(y)
        return y


def cut(pairs: Sequence[Pair], chances: NDArray[np.float64], rng: np.random.Generator) -> tuple[Picture, str]:
    """A crop of one of the pictures, in grey of the full range, and the name of its file."""
    pair = pairs[rng.choice(len(pairs), p=chances)]
    hr, size = pair.hr, float(rng.choice(SIZES))
    if size < 1 and min(hr.shape) * size > SIDE / 2:
        hr = imresize(hr, size)
    height, width = (min(SIDE, side // 2 * 2) for side in hr.shape)
    top, left = rng.integers(hr.shape[0] - height + 1), rng.integers(hr.shape[1] - width + 1)
    return luma_to_grey(hr[top : top + height, left : left + width]), pair.file


def draw_degradation(rng: np.random.Generator) -> str:
    kind = rng.choice(["clean", "noise", "noise", "noise", "jpeg"])
    if kind == "noise":
        return f"noise {GREY_NOISE * float(rng.choice([2, 5, rng.uniform(0.5, 6)]))}"
    return f"jpeg {rng.choice([90, 90, int(rng.integers(75, 96))])}" if kind == "jpeg" else "clean"


def with_object(hr: Picture, thing: Picture, rng: np.random.Generator) -> Picture:
    """`hr` with `thing` somewhere in it."""
    made = hr.copy()
    top, left = (int(rng.integers(max(1, side - MOVING_SIDE))) for side in hr.shape)
    place = made[top : top + thing.shape[0], left : left + thing.shape[1]]
    place[:] = thing[: place.shape[0], : place.shape[1]]
    return made


def frames_of(scenes: Sequence[Picture], how: str, rng: np.random.Generator) -> list[Picture]:
    made = []
    for index, scene in enumerate(scenes):
        (x, y), turn = rng.uniform(-SHIFT_PX, SHIFT_PX, 2), rng.uniform(-TURN_DEG, TURN_DEG)
        seen = moved(scene[..., None], x, y, turn)[..., 0] if index else scene
        made.append(degraded(imresize(seen, 1 / 2), how, rng))
    return made


def crops_of(clip: Path, rng: np.random.Generator) -> Iterator[tuple[Picture, list[Picture]]]:
    """Crops of windows of a clip, in grey: the large picture, and its frames at half the size, the nearest first."""
    for hr, frames in windows(clip, MOST):
        height, width = (min(SIDE, side // 2 * 2) for side in hr.shape[:2])
        for _ in range(CROPS):
            top = 2 * int(rng.integers((hr.shape[0] - height) // 2 + 1))
            left = 2 * int(rng.integers((hr.shape[1] - width) // 2 + 1))
            large = _grey(hr[top : top + height, left : left + width])
            small = [_grey(each[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2]) for each in frames]
            yield large, small


def _grey(rgb: Picture) -> Picture:
    return luma_to_grey(rgb_to_luma(rgb))


def kept(target: Path, frames: list[Picture], hr: Picture, net: Upscaler, bicubic: Upscaler) -> None:
    """Writes the pair, unless no frame agreed."""
    watching = Watching()
    fuse(frames, net, bicubic, refining=watching)
    if len(watching.seen) != 1:
        return
    seen = np.rint(watching.seen[0] / 257).astype(np.uint8)
    truth = np.rint(rgb_to_luma(np.repeat(hr[..., None], 3, axis=2))).astype(np.uint8)
    written(target.with_suffix(".lr.png"), seen)
    written(target, np.dstack([truth, truth, seen[..., 2]]))


def written(path: Path, planes: NDArray[np.uint8]) -> None:
    with replacing(path) as part:
        Image.fromarray(planes).save(part, format="PNG")


def main() -> int:
    parser = argparse.ArgumentParser(description="bursts of training pictures, fused, as pairs")
    parser.add_argument("data", type=Path, nargs="+", metavar="TRAIN")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="none that is measured on")
    parser.add_argument("--count", type=int, default=800)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    pairs = load_images(args.data, exclude=["screen/*"])
    chances = np.sqrt([pair.hr_pixels for pair in pairs])
    chances /= chances.sum()
    net, bicubic = load(MODEL, threads=1), load_chroma(2, threads=1)
    for index in tqdm(range(args.count), desc="bursts", unit="", disable=None):
        rng = np.random.default_rng([SEED, index])
        hr, file = cut(pairs, chances, rng)
        target = args.output / f"{Path(file).stem}#{index:05}.png"  # `split` goes by what stands before the #
        if target.exists() or hr.std() < LEAST_CONTRAST:
            continue
        how, count = draw_degradation(rng), int(rng.choice(FRAMES))
        scenes = [hr] * count
        if rng.random() < MOVING_SHARE:
            thing = cut(pairs, chances, rng)[0][:MOVING_SIDE, :MOVING_SIDE]
            scenes = [with_object(hr, thing, rng) for _ in range(count)]
        kept(target, frames_of(scenes, how, rng), scenes[0], net, bicubic)
    for index, clip in enumerate(args.clips):
        rng = np.random.default_rng([SEED + 1, index])
        for number, (hr, frames) in enumerate(crops_of(clip, rng)):
            how, count = draw_degradation(rng), int(rng.choice(FRAMES))
            target = args.output / f"{clip.stem}#{number:05}.png"
            if not target.exists() and hr.std() >= LEAST_CONTRAST:
                kept(target, [degraded(each, how, rng) for each in frames[:count]], hr, net, bicubic)
    return 0


if __name__ == "__main__":
    sys.exit(main())
