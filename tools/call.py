"""What a call through `pocketsr serve` is like, into benchmarks/call_live.json: `python tools/call.py`.

The server runs in a process of its own, the peer is aiortc's in this one: 60 s of a known clip at 30 frames a second
for each codec, with sizes that change and 2 % of the packets lost on the way there and on the way back. Then the same
with a peer of aiortc alone that sends each picture back as it came: what upscaling takes is the difference. `load` is
how many programs ran on the machine at the same time (the mean over a minute), `nice` the priority that this had:
figures of a busy machine are no capacities.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from call_client import FPS, Result, Shape, called, echoed, served
from call_clip import Clip
from recording import digests

from pocketsr.bench.machine import describe_machine
from pocketsr.serve import LADDER

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "call_live.json"
LOSS = 0.02


def _shapes(seconds: float) -> list[Shape]:
    return [(0.0, 640, 360), (seconds * 0.4, 480, 270), (seconds * 0.6, 320, 180), (seconds * 0.75, 640, 360)]


def _figures(result: Result, clip: Clip, load: float) -> dict[str, Any]:
    trips, psnrs = result.trips_ms, result.psnrs(clip)
    found: dict[str, Any] = {
        "frames_sent": len(result.sent_s),
        "frames_back": len(result.came_s),
        "frames_lost": result.lost,
        "packets_dropped_by_the_test": result.packets_lost,
        "round_trip_p50_ms": round(float(np.percentile(trips, 50)), 1),
        "round_trip_p99_ms": round(float(np.percentile(trips, 99)), 1),
        "drift_ms": round(result.drift_ms(), 1),
        "psnr_db": round(float(np.mean(psnrs)), 2),
        "sizes": [f"{width}x{height}" for width, height in result.sizes],
        "load": round(load, 1),
    }
    if told := result.told:
        made = told["made"]
        found |= {
            "added_delay_p50_ms": told["delay_ms"]["p50"],
            "added_delay_p99_ms": told["delay_ms"]["p99"],
            "received": told["received"],
            "replaced_by_newer": made["dropped"] + told["replaced"],
            "levels": made["levels"],
            "reasons": made["reasons"],
            "level_changes": made["level_changes"],
            "upscaling_p50_ms": made["p50_ms"],
            "upscaling_p99_ms": made["p99_ms"],
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    args = parser.parse_args()
    clip, shapes, found = Clip(), _shapes(args.seconds), {}
    for number in range(int(args.seconds * FPS)):  # drawn before, so that the call has the time
        _, width, height = next(shape for shape in reversed(shapes) if shape[0] * FPS <= number)
        clip.luma(number, width, height)
    with served() as (address, _):
        for codec in ("VP8", "H264"):
            result = asyncio.run(called(address, codec, clip, args.seconds, shapes, LOSS))
            found[codec] = _figures(result, clip, os.getloadavg()[0])
            print(codec, json.dumps(found[codec]), flush=True)
    for codec in ("VP8", "H264"):
        result = asyncio.run(echoed(codec, clip, args.seconds, shapes, LOSS))
        found[codec]["echo_of_aiortc_alone"] = _figures(result, clip, os.getloadavg()[0])
        print(codec, json.dumps(found[codec]["echo_of_aiortc_alone"]), flush=True)
    told = {
        "machine": describe_machine(),
        "command": "python tools/call.py",
        "versions": {name: importlib.metadata.version(name) for name in ("aiortc", "aiohttp", "av")},
        "networks": digests(list(LADDER.values())),
        "nice": os.nice(0),
        "seconds": args.seconds,
        "frames_a_second": FPS,
        "packets_lost_each_way": LOSS,
        "calls": found,
    }
    args.output.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
