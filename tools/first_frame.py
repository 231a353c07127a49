"""How soon `upscale CLIP -o -` gives its first frame, into benchmarks/first_frame.json: `python tools/first_frame.py`.

The clock starts before the process does, and stops when the first frame has come through the pipe, whole: for y4m all
its bytes, for Matroska as many as a decoder needs to show it. Networks are in the cache (a warm start). The clip is the
demo's, 640x360. Beside the wall clock stands the processor time that the process had used by then, all threads
together, which other programs disturb less; and, in turns with it, a Python that does nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import av
from sample_clip import make_clip
from tqdm import trange

from pocketsr.bench.machine import describe_machine

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "first_frame.json"
ROUNDS = 9
GOAL_MS = 500
WIDTH, HEIGHT = 1280, 720
FORMS = ("y4m", "raw", "mkv", "ts", "nut")


def whole_frame(data: bytes) -> bool:
    """Whether a beginning of bare frames holds the first one; y4m's head and marks are less than 200 bytes."""
    return len(data) >= WIDTH * HEIGHT * 3 // 2 + 200


def shown(data: bytes) -> bool:
    """Whether a decoder gives a frame of this beginning of a stream."""
    with contextlib.suppress(av.FFmpegError, IndexError, ValueError), av.open(io.BytesIO(data), "r") as container:
        return next(container.decode(video=0), None) is not None
    return False


def first_frame(command: list[str], there: Callable[[bytes], bool]) -> tuple[float, float]:
    """Seconds until a command's output has its first frame: on the clock, of the processor."""
    began = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        data, came = b"", 0.0
        while piece := os.read(run.stdout.fileno(), 2**20):
            came, used = perf_counter() - began, _processor_seconds(run.pid)
            data += piece
            if there(data):
                run.stdout.close()
                run.kill()
                return came, used
    raise SystemExit(f"{' '.join(command)} ended without a frame")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"turns of all forms (default: {ROUNDS})")
    rounds = parser.parse_args().rounds
    wall: dict[str, list[float]] = {form: [] for form in FORMS}
    used: dict[str, list[float]] = {form: [] for form in FORMS}
    nothing: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        clip = Path(scratch) / "clip.mp4"
        make_clip(clip)
        for index in trange(1 + rounds, disable=None, file=sys.stderr):
            for form in FORMS:
                command = [sys.executable, "-m", "pocketsr", "upscale", str(clip), "-o", "-", "--format", form]
                came, cpu = first_frame(command, whole_frame if form in ("y4m", "raw") else shown)
                if index:  # the first one fills caches
                    wall[form].append(came)
                    used[form].append(cpu)
            began = perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            nothing.append(perf_counter() - began)
    rows: dict[str, Any] = {
        form: {
            "median_ms": round(1000 * statistics.median(wall[form])),
            "least_ms": round(1000 * min(wall[form])),
            "processor_ms": round(1000 * statistics.median(used[form])),
        }
        for form in FORMS
    }
    result = {
        "machine": describe_machine(),
        "load_average": round(os.getloadavg()[0], 1),
        "command": "python tools/first_frame.py",
        "rounds": rounds,
        "goal_ms": GOAL_MS,
        "python_that_does_nothing_ms": round(1000 * statistics.median(nothing)),
        "first_frame": rows,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(rows, indent=1), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
