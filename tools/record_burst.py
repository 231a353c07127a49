"""Records what several frames are worth, on bursts of pictures and of clips: the protocol of docs/how-to/burst.md.

`python tools/record_burst.py TEST --clips CLIP..` writes benchmarks/burst.json. TEST holds a folder a set. What
is there already, of the same network, stays: a run that was interrupted goes on. `--memory` measures, in a process of
its own, how much memory 8 frames of 12 megapixels take at most; `--sets Set14` measures those sets alone.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from pocketsr.atomic_io import replacing
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import find_sets, read_image
from pocketsr.bursts.fuse import fuse
from pocketsr.engine import Upscaler, load_chroma
from pocketsr.loading import load
from pocketsr.models import resolve
from pocketsr.pixels import imresize, psnr, rgb_to_luma

RESULT = Path(__file__).parents[1] / "benchmarks" / "burst.json"
SETS = {"Set5": 5, "B100": 10, "Set14": 14}
"""Pictures of each, the first ones by name."""
DEGRADATIONS = ("clean", "noise 2", "noise 5", "jpeg 90")
COUNTS = {"Set5": (1, 2, 4, 8)}
ENDS = (1, 8)
"""How many frames: of Set5, and of the others."""
SHIFT_PX, TURN_DEG = 4.0, 1.0
MODEL, BORDER, SEED = "quality", 2, 26
MOST = 8
CENTRES = 4
Picture = NDArray[np.uint8]
MEMORY_SIZE, TILES = (4000, 3000), 2
_MEMORY = """
import resource, sys
import numpy as np
import pocketsr
from pocketsr.bursts import fuse, registration
from pocketsr.engine import load_chroma

registration._GLOBAL_STEPS = registration._LOCAL_STEPS = 1
width, height, count, tiles = map(int, sys.argv[1:])
whole, done = fuse.fused, []

def fused(camera, views, start, noise, refining):
    if len(done) == tiles:
        return list(start), [0.0] * (len(views) - 1)
    done.append(len(views))
    return whole(camera, views, start, noise, refining)

fuse.fused = fused
y, x = np.mgrid[:height, :width].astype(np.float32)
plane = np.uint8(128 + 60 * np.sin(x / 9) * np.cos(y / 11) + 40 * np.sin((x + y) / 37))
del x, y
frames = [np.dstack([np.roll(plane, shift, axis=1)] * 3) for shift in range(count)]
fuse.fuse(frames, pocketsr.load("quality", threads=1), load_chroma(2, threads=1))
assert done == [count] * tiles
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def moved(hr: Picture, x: float, y: float, degrees: float) -> Picture:
    """`hr` as a camera sees it that moved by (x, y) HR pixels and turned about the middle: quintic splines."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(hr.shape[:2]) - 1) / 2
    offset = middle - turn @ middle + np.array([y, x])
    planes = [
        ndimage.affine_transform(hr[..., c].astype(np.float64), turn, offset, order=5, mode="mirror")
        for c in range(hr.shape[2])
    ]
    moved: NDArray[np.uint8] = np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)
    return moved


def degraded(lr: Picture, how: str, rng: np.random.Generator) -> Picture:
    """ "clean"; "noise S": normal, of sigma S levels, in each of R, G and B; "jpeg Q": of quality Q, 4:2:0."""
    kind, _, strength = how.partition(" ")
    if kind == "noise":
        noisy = lr + rng.normal(0.0, float(strength), lr.shape)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    if kind == "jpeg":
        memory = io.BytesIO()
        Image.fromarray(lr).save(memory, format="JPEG", quality=int(strength))
        return np.asarray(Image.open(memory))
    return lr


def burst_of(hr: Picture, how: str, count: int, seed: list[int]) -> list[Picture]:
    """`count` frames at half the size; the first one shows just what `hr` shows."""
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        x, y = rng.uniform(-SHIFT_PX, SHIFT_PX, 2)
        seen = moved(hr, x, y, rng.uniform(-TURN_DEG, TURN_DEG)) if index else hr
        frames.append(degraded(imresize(seen, 1 / 2), how, rng))
    return frames


def windows(clip: Path, count: int) -> Iterator[tuple[Picture, list[Picture]]]:
    """HR pictures of a clip, and their bursts: the frame itself, and those around it."""
    with av.open(str(clip)) as container:
        large = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    large = [frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2] for frame in large]
    for centre in np.linspace(count // 2, len(large) - count // 2, CENTRES).astype(int):
        near = sorted((abs(index - int(centre)), index) for index in range(len(large)))[:count]
        yield large[centre], [imresize(large[index], 1 / 2) for _, index in near]


def quality_db(made: Picture, hr: Picture) -> float:
    """PSNR of luma, as everywhere."""
    inner = slice(BORDER, -BORDER)
    return psnr(rgb_to_luma(made)[inner, inner], rgb_to_luma(hr)[inner, inner])


def measured(
    net: Upscaler, bicubic: Upscaler, refining: Upscaler | None, pairs: Iterator[tuple[Picture, list[Picture]]],
    counts: Sequence[int],
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for each number of frames, mean over the bursts."""
    figures: dict[int, list[float]] = {count: [] for count in counts}
    took: dict[int, list[float]] = {count: [] for count in counts}
    for hr, frames in pairs:
        for count in counts:
            began = time.process_time()
            made = fuse(frames[:count], net, bicubic, refining=refining).pixels
            took[count].append((time.process_time() - began) / (frames[0].shape[0] * frames[0].shape[1]) * 1e6)
            figures[count].append(quality_db(made, hr))
    rows = []
    for count in counts:
        gains = [after - before for after, before in zip(figures[count], figures[1], strict=True)]
        rows.append(
            {
                "frames": count, "bursts": len(gains), "psnr_db": round(mean(figures[count]), 3),
                "gain_db": round(mean(gains), 3), "least_gain_db": round(min(gains), 3),
                "cpu_seconds_a_megapixel": round(mean(took[count]), 1),
            }
        )  # fmt: skip
    return rows


def memory() -> dict[str, Any]:
    """The most that a process takes that fuses frames of 12 megapixels, the frames and Python included.

    All tiles but the first are left out, and all rounds of the registration but one: they take no other memory.
    """
    asked = [*map(str, MEMORY_SIZE), str(MOST), str(TILES)]
    done = subprocess.run([sys.executable, "-c", _MEMORY, *asked], capture_output=True, text=True, check=True)
    size = "{}x{}".format(*MEMORY_SIZE)
    return {"size": size, "frames": MOST, "tiles_solved": TILES, "peak_bytes": int(done.stdout)}


def main() -> int:
    parser = argparse.ArgumentParser(description="PSNR of 1 to 8 frames, fused")
    parser.add_argument("data", type=Path, metavar="TEST")
    parser.add_argument("--clips", type=Path, nargs="*", default=[])
    parser.add_argument("--anew", action="store_true", help="measure what is there already, too")
    parser.add_argument("--memory", action="store_true", help="measure memory too, which takes minutes")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS), help="default: all")
    parser.add_argument("--refining", type=Path, metavar="FILE.onnx", help="a network of recipes/burst.yaml")
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    args = parser.parse_args()
    net, bicubic, refining = load(MODEL), load_chroma(2), load(args.refining) if args.refining else None
    networks = {MODEL: resolve(MODEL)} | ({"refining": args.refining} if args.refining else {})
    record: dict[str, Any] = {
        "machine": describe_machine(),
        "command": f"python tools/record_burst.py TEST --clips {' '.join(clip.name for clip in args.clips)}",
        "network": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in networks.items()},
        "seed": SEED,
        "shift_hr_px": SHIFT_PX,
        "turn_deg": TURN_DEG,
        "rows": [],
    }
    before = json.loads(args.output.read_text(encoding="utf-8")) if args.output.exists() and not args.anew else record
    if before["network"] == record["network"]:
        record["rows"] = before["rows"]
        record |= {"memory": before["memory"]} if "memory" in before else {}
    if args.memory:
        record["memory"] = memory()
        print(record["memory"], file=sys.stderr, flush=True)
    sets = find_sets(args.data, list(SETS))

    def made_of(name: str, how: str) -> Iterator[tuple[Picture, list[Picture]]]:
        for index, path in enumerate(sets[name][: SETS[name]]):
            hr = read_image(path)
            yield hr, burst_of(hr, how, MOST, [SEED, index, DEGRADATIONS.index(how)])

    clips = {clip.stem: clip for clip in args.clips}
    jobs = [("Set5", how) for how in DEGRADATIONS if "Set5" in args.sets] + [(name, "clean") for name in clips]
    jobs += [(name, how) for name in args.sets for how in DEGRADATIONS if name != "Set5"]
    for name, how in jobs:
        if any((row["of"], row["degradation"]) == (name, how) for row in record["rows"]):
            continue
        pairs = windows(clips[name], MOST) if name in clips else made_of(name, how)
        found = measured(net, bicubic, refining, pairs, COUNTS.get(name, ENDS))
        record["rows"] += [{"of": name, "degradation": how, **row} for row in found]
        print(*record["rows"][-len(found) :], sep="\n", file=sys.stderr, flush=True)
        write(args.output, record)
    write(args.output, record)
    return 0


def write(path: Path, record: dict[str, Any]) -> None:
    with replacing(path) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
