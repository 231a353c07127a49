"""What earlier frames add on clean video, into benchmarks/clean_video.json.

`python tools/record_clean_video.py CLIPS TRAIN_CLIPS PICTURES RUNS`: luma of clips, shrunk by the protocol, is enlarged
again frame by frame, causally, in these ways:

- `single`: `small`, each frame by itself: what the others are compared with.
- `burst N`: `bursts.fuse` of a frame and the N - 1 before it, `quality` at its start, against `quality` alone.
- `recurrent`: `small`, then a small network that is shown the result of the frame before, moved by optical flow (DIS
  on the small pictures), how well that fits, and where between pixels it lies (`clean_fusion`). Trained here for
  `--train-s` seconds of processor time on clips that aren't tested and on pans over PICTURES, on its own results; it
  begins by changing nothing.

PSNR as everywhere (uint8, 2 pixels shaved), mean over frames; flicker: mean change from frame to frame, in levels,
where the original stands still; time: processor time a frame in units of the single network's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import Any

import numpy as np
import torch
from clean_fusion import SEED, Fusion, Motion, Plane, exact, joined, moved, pan, shown, trained
from recording import digests

import pocketsr
from pocketsr.bench.codec_clip import luma, read_footage
from pocketsr.bench.machine import describe_machine
from pocketsr.bursts.fuse import fuse
from pocketsr.engine import load_chroma, repeat_edges
from pocketsr.pixels import imresize, psnr

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "clean_video.json"
TESTED = ("vid4_city.mkv", "vid4_walk.mkv", "webcam_sister.mkv", "people.mp4", "bigbuckbunny.mp4")
TRAINED_ON = (
    "sam2_bedroom.mkv", "sam2_dog.mkv", "lp_s18.mkv", "lp_d9.mkv", "mead_m030.mkv", "sam2_cups.mkv", "screen_wiki.mkv",
)  # fmt: skip
FRAMES, BURST_FRAMES, TRAIN_FRAMES = 20, 3, 12
PANS = 6
_SHAVED = (slice(2, -2), slice(2, -2))


def pairs(path: Path, frames: int) -> tuple[list[Plane], list[Plane]]:
    """Small and large luma."""
    large = [luma(picture) for picture in read_footage(path, frames).pictures]
    return [imresize(each, 0.5) for each in large], large


def single(small: list[Plane], net: Any) -> tuple[list[Plane], list[float]]:
    made, took = [], []
    for each in small:
        began = process_time()
        made.append(net(each))
        took.append(process_time() - began)
    return made, took


def recurrent(small: list[Plane], net: Any, model: Fusion) -> tuple[list[Plane], list[float]]:
    """Time: of the flow, the moving, and the two networks, in NumPy, OpenCV and PyTorch."""
    motion, before, made, took = Motion(), None, [], []
    for number, each in enumerate(small):
        began = process_time()
        low = each.astype(np.float32)
        now = exact(net, each)
        if before is not None:
            flow = motion(each, small[number - 1])
            with torch.no_grad():
                change = model(torch.from_numpy(shown(low, now, moved(before, flow), flow))[None])
            now = now + joined(16 * change[0].numpy())
        before = now
        made.append(np.clip(np.rint(now), 0, 255).astype(np.uint8))
        took.append(process_time() - began)
    return made, took


def burst(small: list[Plane], numbers: Sequence[int], count: int) -> tuple[list[Plane], list[float]]:
    net, bicubic = pocketsr.load("quality", threads=1), load_chroma(2, threads=1)
    made, took = [], []
    for number in numbers:
        began = process_time()
        made.append(fuse(small[number - count + 1 : number + 1], net, bicubic, reference=count - 1).pixels)
        took.append(process_time() - began)
    return made, took


def judged(made: list[Plane], took: list[float], large: list[Plane]) -> dict[str, Any]:
    moves = still = 0.0
    for (old, new), (before, now) in zip(itertools.pairwise(large), itertools.pairwise(made), strict=True):
        same = old == new
        moves += float(np.abs(now.astype(np.int16) - before)[same].sum())
        still += float(same.sum())
    return {
        "psnr_db": round(fmean(psnr(one[_SHAVED], other[_SHAVED]) for one, other in zip(made, large, strict=True)), 3),
        "flicker_levels": round(moves / max(still, 1), 4),
        "cpu_ms": round(1000 * float(np.median(took)), 2),
    }


def measured(path: Path, model: Fusion, counts: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each way. Gains and times are those over the single network of the same frames."""
    small, large = pairs(path, FRAMES)
    net = repeat_edges(pocketsr.load("small", threads=1))
    single(small[:1], net)
    alone = judged(*single(small, net), large)
    rows = [
        {"way": "small", "frames": len(small), **alone},
        _over(alone, "recurrent", judged(*recurrent(small, net, model), large)),
    ]
    rows[1]["frames"] = len(small)
    numbers = range(len(small) // 2, len(small) // 2 + BURST_FRAMES)
    chosen = [large[number] for number in numbers]
    for count in counts:
        made = judged(*burst(small, numbers, count), chosen)
        if count == 1:
            alone = made
            rows.append({"way": "quality", "frames": len(chosen), **made})
        else:
            rows.append(_over(alone, f"burst {count}", made) | {"frames": len(chosen)})
    return [{"clip": path.stem, **row} for row in rows]


def _over(alone: dict[str, Any], way: str, made: dict[str, Any]) -> dict[str, Any]:
    return {
        "way": way, **made, "gain_db": round(made["psnr_db"] - alone["psnr_db"], 3),
        "flicker_more": round(made["flicker_levels"] - alone["flicker_levels"], 4),
        "times": round(made["cpu_ms"] / alone["cpu_ms"], 2),
    }  # fmt: skip


def verdicts(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, bool]]:
    """What a way must reach to ship, and whether it does, on the clips that were measured."""
    found = {}
    for way in sorted({row["way"] for row in rows if "gain_db" in row}):
        own = [row for row in rows if row["way"] == way]
        found[way] = {
            "gains 0.3 dB on vid4_city": any(row["clip"] == "vid4_city" and row["gain_db"] >= 0.3 for row in own),
            "loses nowhere": min(row["gain_db"] for row in own) >= 0,
            "flickers less": fmean(row["flicker_more"] for row in own) < 0,
            "takes at most 1.5 times as long": max(row["times"] for row in own) <= 1.5,
        }
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, help="the folder of test clips")
    parser.add_argument("train_clips", type=Path, help="the folder of clips to train on")
    parser.add_argument("pictures", type=Path, help="a folder of pictures for pans")
    parser.add_argument("runs", type=Path, help="keeps the trained network and what was measured")
    parser.add_argument("--train-s", type=float, default=240, help="seconds of processor time (default: 240)")
    parser.add_argument("--bursts", default="1,2,4", help="frames of bursts (default: 1,2,4); empty: none")
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    weights, model = args.runs / "fusion.pt", Fusion()

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if not weights.exists():
        net = repeat_edges(pocketsr.load("small", threads=1))
        clips = [pairs(args.train_clips / name, TRAIN_FRAMES) for name in TRAINED_ON]
        draw = np.random.default_rng(SEED)
        clips += [pan(path, draw, TRAIN_FRAMES) for path in sorted(args.pictures.iterdir())[:PANS]]
        model = trained(clips, net, args.train_s, say)
        torch.save(model.state_dict(), weights)
    model.load_state_dict(torch.load(weights, weights_only=True))
    rows: list[dict[str, Any]] = []
    for name in TESTED:
        kept = args.runs / f"{name}.json"
        if not kept.exists():
            found = measured(args.clips / name, model, [int(each) for each in args.bursts.split(",") if each])
            kept.write_text(json.dumps(found))
        rows += json.loads(kept.read_text())
        say("\n".join(str(row) for row in rows if row["clip"] == Path(name).stem))
    head = {
        "machine": describe_machine(),
        "command": f"python tools/record_clean_video.py CLIPS TRAIN_CLIPS PICTURES RUNS --train-s {args.train_s:g}",
        "networks": digests(["small", "quality"]),
        "parameters": sum(each.numel() for each in model.parameters()),
        "trained_on": [*TRAINED_ON, f"{PANS} pans"],
        "seed": SEED,
        "verdicts": verdicts(rows),
    }
    text, body = json.dumps(head, indent=1), ",\n".join(json.dumps(row) for row in rows)
    RESULT.write_text(f'{text[:-2]},\n"rows": [\n{body}\n]\n}}\n')
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
