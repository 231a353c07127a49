"""What `Stream` takes beyond the networks that it calls, into benchmarks/stream.json: `python tools/record_stream.py`.

A frame of 640x360 I420 goes through `small`, its chroma through the bicubic networks: once by calls of these three
networks, once by one call of a `Stream`, each into new memory and into memory that is given. All four take turns, in an
order that shifts, and so do the networks a second time: how far that is from 1 is the noise of the run.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from recording import digests
from tqdm import trange

from pocketsr import Frame, Stream
from pocketsr.bench.machine import describe_machine
from pocketsr.engine import Siting, load, load_chroma

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "stream.json"
MODEL, WIDTH, HEIGHT = "small", 640, 360
SITING: Siting = "left"
ROUNDS, WARM_UP = 300, 20
PAIRS = {  # what is compared: the stream, by the networks
    "stream": ("stream", "networks"),
    "stream_into_given_memory": ("stream_into_given_memory", "networks_into_given_memory"),
    "networks_by_themselves": ("networks_again", "networks"),
}


def _calls() -> dict[str, Callable[[], object]]:
    network, chroma, stream = load(MODEL), load_chroma(2, SITING), Stream(MODEL)
    rng = np.random.default_rng(0)
    shapes = ((HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2), (HEIGHT // 2, WIDTH // 2))
    planes = [rng.integers(0, 256, shape, np.uint8) for shape in shapes]
    networks = (network, chroma, chroma)
    frame = Frame.from_planes("i420", planes, siting=SITING)
    given = Frame.blank("i420", 2 * WIDTH, 2 * HEIGHT)

    def anew() -> object:
        return [each(plane) for each, plane in zip(networks, planes, strict=True)]

    def into() -> object:
        return [each(plane, out=out) for each, plane, out in zip(networks, planes, given.planes, strict=True)]

    return {
        "networks": anew,
        "stream": lambda: stream(frame),
        "networks_into_given_memory": into,
        "stream_into_given_memory": lambda: stream(frame, given),
        "networks_again": anew,
    }


def main() -> int:
    calls = _calls()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for index in trange(WARM_UP + ROUNDS, disable=None, file=sys.stderr):
        names = list(calls)
        for name in names[index % len(names) :] + names[: index % len(names)]:
            began = perf_counter()
            calls[name]()
            took = perf_counter() - began
            if index >= WARM_UP:
                seconds[name].append(took)
    ratios = {
        name: statistics.median(a / b for a, b in zip(seconds[this], seconds[by], strict=True))
        for name, (this, by) in PAIRS.items()
    }
    result = {
        "machine": describe_machine(),
        "command": "python tools/record_stream.py",
        "networks": digests([MODEL]),
        "frame": f"{WIDTH}x{HEIGHT} I420",
        "rounds": ROUNDS,
        "median_ms": {name: round(1e3 * statistics.median(times), 3) for name, times in seconds.items()},
        "times_as_long": {name: round(ratio, 4) for name, ratio in ratios.items()},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
