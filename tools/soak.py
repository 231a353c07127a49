"""Governed streams against a load that comes and goes, in real time, into benchmarks/soak.json: `python tools/soak.py`.

One stream of 640x360 at 30 frames a second, then four at once, each for the given time, with other processes that take
none, one or all of the machine's cores for some seconds each. A late frame could have been avoided by the governor
unless it was one of the first two within a hold (5 s), from which it learns of a load; or was passed through, below
which there is nothing; or the machine kept a thread that did nothing but sleep from running for half a frame's time.

    python tools/soak.py --seconds 600
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pocketsr.bench.machine import describe_machine
from pocketsr.frames import Frame
from pocketsr.live import CONSTANTS, GovernedStream, Level, Made

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "soak.json"
FPS, WIDTH, HEIGHT = 30, 640, 360
BUDGET_US = 1_000_000 // FPS
PICTURES = 16  # different ones, over and over
SETTLED_S = 20.0  # behind which memory is compared
SPIN = "x = list(range(100_000))\nwhile True: x = x[1:] + x[:1]"
PROBE_US = 2_000  # what the watch asks for, and how much later than that it counts as a machine that didn't let us run


@dataclass(frozen=True)
class Late:
    """A frame that missed its time. at_us: from the beginning; held_us: the longest that the machine kept a thread that
    only slept from running, meanwhile."""

    at_us: int
    level: Level
    took_us: int
    held_us: int


@dataclass
class Seen:
    """What one stream went through."""

    frames: int = 0
    late: list[Late] = field(default_factory=list)
    took_us: list[int] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    levels: dict[str, int] = field(default_factory=dict)
    dropped: int = 0

    def note(self, made: Made, at_us: int, held_us: int, before: Level | None) -> None:
        self.frames += 1
        self.took_us.append(made.took_us)
        name = made.level.name.lower()
        self.levels[name] = self.levels.get(name, 0) + 1
        if made.late:
            self.late.append(Late(at_us, made.level, made.took_us, held_us))
        if before is not None and before != made.level and made.reason != "warm up":
            self.changes.append(at_us)


def avoidable(late: list[Late], budget_us: int = BUDGET_US) -> list[Late]:
    """Those of the late frames that the governor could have had on time.

    It may not know of a load before two frames have met it, nor of a machine that lets nothing run.
    """
    found, strikes = [], [-CONSTANTS["hold_us"] - 1, -CONSTANTS["hold_us"] - 1]
    for frame in late:
        told = frame.at_us - strikes[0] <= CONSTANTS["hold_us"]  # both frames before it were late, just now
        strikes = [strikes[1], frame.at_us]
        held = frame.held_us > budget_us // 2
        if told and not held and frame.level > Level.PASS_THROUGH:
            found.append(frame)
    return found


class Watch(threading.Thread):
    """Sleeps for moments, and notes how much longer than asked that took: the machine's own part in a late frame."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._over = False
        self._held: list[tuple[float, int]] = []

    def run(self) -> None:
        while not self._over:
            began = time.monotonic()
            time.sleep(PROBE_US / 1e6)
            late = round((time.monotonic() - began) * 1e6) - PROBE_US
            if late > PROBE_US:
                self._held.append((time.monotonic(), late))

    def since(self, moment: float) -> int:
        """The longest that a wake-up was late since then, in microseconds."""
        self._held = [(when, late) for when, late in self._held if when > time.monotonic() - 5]
        return max((late for when, late in self._held if when >= moment), default=0)

    def stop(self) -> None:
        self._over = True
        self.join()


def _load(seconds: float, seed: int, over: Any) -> None:
    """Other programs: none, one or as many as cores, for 5 to 25 s each."""
    chance, cores = random.Random(seed), os.cpu_count() or 1
    end = time.monotonic() + seconds
    while time.monotonic() < end and not over.is_set():
        until = min(end, time.monotonic() + chance.uniform(5, 25))
        spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(chance.choice((0, 1, cores)))]
        over.wait(max(0.0, until - time.monotonic()))
        for each in spinning:
            each.kill()
            each.wait()


def _pictures() -> list[Frame]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    frames = []
    for index in range(PICTURES):
        luma = ((np.sin((x * 3 + y * 2 + index * 9) / 25) * 0.35 + 0.5) * 255).astype(np.uint8)
        chroma = np.full((HEIGHT // 2, WIDTH // 2), 100 + index, np.uint8)
        frames.append(Frame.from_planes("i420", [luma, chroma, chroma]))
    return frames


def _run_stream(number: int, streams: int, seconds: float, start: float, watch: Watch, seen: Seen) -> None:
    frames, before = _pictures(), None
    with GovernedStream(fps=FPS) as stream:
        for index in range(int(seconds * FPS)):
            due = start + (index + number / streams) / FPS
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            elif wait < -1 / FPS:  # a newer one is there already
                seen.dropped += 1
                continue
            began = time.monotonic()
            made = stream(frames[index % PICTURES])
            late = made.late or time.monotonic() > due + 1 / FPS
            at = round((began - start) * 1e6)
            seen.note(made._replace(late=late), at, watch.since(due - 0.002), before)
            before = made.level


def _memory_kib() -> int:
    words = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()
    return int(words[0])


def soak(streams: int, seconds: float, seed: int) -> dict[str, Any]:
    """Streams at once under a load; what came of it."""
    GovernedStream(fps=FPS).close()  # compiled and measured before the clock starts
    over = threading.Event()
    watch = Watch()
    watch.start()
    start = time.monotonic() + 1
    seen = [Seen() for _ in range(streams)]
    threads = [
        threading.Thread(target=_run_stream, args=(number, streams, seconds, start, watch, seen[number]))
        for number in range(streams)
    ]
    loader = threading.Thread(target=_load, args=(seconds, seed, over))
    for thread in (*threads, loader):
        thread.start()
    memory: list[tuple[float, int]] = []
    while any(thread.is_alive() for thread in threads):
        memory.append((time.monotonic() - start, _memory_kib()))
        time.sleep(1)
    over.set()
    for thread in (*threads, loader):
        thread.join()
    watch.stop()
    return {"streams": streams, "seconds": seconds, **_summed_up(seen, memory, seconds)}


def _summed_up(seen: list[Seen], memory: list[tuple[float, int]], seconds: float) -> dict[str, Any]:
    settled = [kib for at, kib in memory if at >= min(SETTLED_S, seconds / 3)]
    tenth = max(1, len(settled) // 10)
    gaps = [b - a for each in seen for a, b in zip(each.changes, each.changes[1:], strict=False)]
    levels = [sum(Level[name.upper()] * count for name, count in each.levels.items()) / each.frames for each in seen]
    return {
        "frames": [each.frames for each in seen],
        "late": [len(each.late) for each in seen],
        "late_avoidable": [len(avoidable(each.late)) for each in seen],
        "dropped": [each.dropped for each in seen],
        "p50_ms": [float(np.percentile(each.took_us, 50)) / 1e3 for each in seen],
        "p99_ms": [float(np.percentile(each.took_us, 99)) / 1e3 for each in seen],
        "level_changes": [len(each.changes) for each in seen],
        "shortest_gap_s": round(min(gaps) / 1e6, 2) if gaps else None,
        "levels": [each.levels for each in seen],
        "mean_level": [round(level, 3) for level in levels],
        "memory_kib_first_tenth": round(float(np.mean(settled[:tenth]))),
        "memory_kib_last_tenth": round(float(np.mean(settled[-tenth:]))),
        "late_frames": [[[f.at_us, f.level.name.lower(), f.took_us, f.held_us] for f in each.late] for each in seen],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600, help="of the run with one stream")
    parser.add_argument("--four-seconds", type=float, default=180, help="of the run with four")
    parser.add_argument("--seed", type=int, default=1, help="of the load")
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    args = parser.parse_args()
    runs = []
    for streams, seconds in ((1, args.seconds), (4, args.four_seconds)):
        run = soak(streams, seconds, args.seed)
        runs.append(run)
        brief = {key: value for key, value in run.items() if key != "late_frames"}
        print(json.dumps(brief), file=sys.stderr)
    result = {
        "machine": describe_machine(),
        "command": f"python tools/soak.py --seconds {args.seconds:g} --four-seconds {args.four_seconds:g} "
        f"--seed {args.seed}",
        "frame": f"{WIDTH}x{HEIGHT} I420 at {FPS} frames a second",
        "runs": runs,
    }
    args.output.write_text(json.dumps(result, indent=1) + "\n")
    failed = any(
        sum(run["late_avoidable"]) or run["memory_kib_last_tenth"] > 1.05 * run["memory_kib_first_tenth"]
        for run in runs
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
