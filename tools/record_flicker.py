"""How much still areas of decoded calls flicker, into benchmarks/flicker.json: `python tools/record_flicker.py CLIPS`.

Luma of clips is shrunk, sent through H.264 as calls set it, and enlarged by each network, told the strength that is
estimated frame by frame. Counted is the mean absolute change from frame to frame, in levels, of the pixels that don't
change in the original, beside bicubic's: what an encoder does there, every method shows, and none should add to it.
PSNR is of each sixth frame.
`all_to_bicubic` is of all those pixels together; `mean_to_bicubic` is the mean over clips and rates, where one
that hardly changes counts as much as any: there 8 bits show first.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from recording import digests
from tqdm import tqdm

import pocketsr
from pocketsr.bench.call import HELD_OUT, named_clips, read_hr
from pocketsr.bench.machine import describe_machine
from pocketsr.data import CodecSetting, scaled_kbps, send_clip
from pocketsr.engine import takes_strength, upscaled
from pocketsr.frames.looking import Following
from pocketsr.pixels import imresize, psnr
from pocketsr.source import Hints

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "flicker.json"
NETWORKS = ("bicubic", "small", "small-call", "small-call-w8a8", "medium-call", "medium-call-w8a8", "tiny-call")
FRAMES, FIRST, EVERY, RATES_KBPS = 40, 10, 6, (150, 300, 600)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, help="the folder of clips")
    args = parser.parse_args()
    networks = {name: pocketsr.load(name) for name in NETWORKS}
    rows: list[dict[str, Any]] = []
    for path in tqdm(named_clips(args.clips, HELD_OUT), unit=" clips", disable=None):
        clip = read_hr(path)
        large = clip.frames[:FRAMES]
        small = [imresize(frame, 0.5) for frame in large]
        height, width = small[0].shape
        for rate in RATES_KBPS:
            setting = CodecSetting("h264", scaled_kbps(rate, width, height), clip.fps, 300)
            received, sent = send_clip(small, setting)
            hints = Hints("h264", moving=True, lossless=False, bits_per_pixel=1000 * sent / (clip.fps * width * height))
            for name, net in networks.items():
                following, before, total, count = Following(hints), None, 0.0, 0
                db: list[float] = []
                for number, frame in enumerate(received):
                    told = following.of_luma(frame)
                    sr = np.asarray(upscaled(net, frame, strength=told if takes_strength(net) else None))
                    if number >= FIRST and number % EVERY == 0:
                        db.append(psnr(sr, large[number]))
                    made = sr.astype(np.int16)
                    if before is not None and number > FIRST:
                        still = large[number] == large[number - 1]
                        total, count = total + float(np.abs(made - before)[still].sum()), count + int(still.sum())
                    before = made
                rows.append({"clip": clip.name, "kbit_per_s": rate, "network": name, "still_pixels": count,
                             "levels": round(total / max(1, count), 4),
                             "psnr_db": round(float(np.mean(db)), 3)})  # fmt: skip
    base = {(row["clip"], row["kbit_per_s"]): row["levels"] for row in rows if row["network"] == "bicubic"}
    for row in rows:
        row["to_bicubic"] = round(row["levels"] / base[row["clip"], row["kbit_per_s"]], 3)
    means = {name: round(float(np.mean([row["to_bicubic"] for row in rows if row["network"] == name])), 3)
             for name in NETWORKS}  # fmt: skip
    pooled = {name: _pooled([row for row in rows if row["network"] == name]) for name in NETWORKS}
    result = {
        "machine": describe_machine(),
        "command": "python tools/record_flicker.py CLIPS",
        "networks": digests(NETWORKS),
        "all_to_bicubic": {name: round(levels / pooled["bicubic"], 3) for name, levels in pooled.items()},
        "mean_to_bicubic": means,
        "mean_psnr_db": {
            name: round(float(np.mean([row["psnr_db"] for row in rows if row["network"] == name])), 3)
            for name in NETWORKS
        },
        "rows": rows,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(
        json.dumps({key: result[key] for key in ("all_to_bicubic", "mean_to_bicubic", "mean_psnr_db")}), file=sys.stderr
    )
    return 0


def _pooled(rows: list[dict[str, Any]]) -> float:
    """Levels that a still pixel of any of the rows changes."""
    return float(np.average([row["levels"] for row in rows], weights=[row["still_pixels"] for row in rows]))


if __name__ == "__main__":
    sys.exit(main())
