"""Upscales damaged videos and counts what comes of it: `python tools/fuzz_media.py SECONDS [FIRST_SEED]`.

Clips of eleven containers are spoiled by seed (tests/video/mutations.py) and upscaled to .mp4 or .mkv in child
processes of 4 GB and 300 s of processor time, each until it has done a hundred or dies. Good is: done, or refused in
one line. A traceback, a death by signal or by memory, and more than 20 s for one file are defects; their seeds are
printed, and `python tools/fuzz_media.py --one SEED` runs one again.
"""

from __future__ import annotations

import collections
import importlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BATCH, SLOW_S = 100, 20
MEMORY, PROCESSOR_S = 4 * 2**30, 300


def _test(name: str) -> Any:
    """A helper of the tests, which are no package."""
    return importlib.import_module(name)


def run_one(folder: Path, seed: int) -> str:
    """What comes of the file of a seed, in a word."""
    from pocketsr.errors import UserError

    upscale, kinds, spoiled = _test("clipmaker").upscale, _test("mutations").KINDS, _test("mutations").spoiled
    suffix = kinds[seed % len(kinds)]
    source = folder / f"in{suffix}"
    source.write_bytes(spoiled((folder / f"clip{suffix}").read_bytes(), seed))
    target = folder / ("out.mp4" if seed // len(kinds) % 2 else "out.mkv")
    try:
        upscale(source, target, overwrite=True, preset="ultrafast", codec="h264")
    except UserError as error:
        return "more than one line" if "\n" in str(error) else f"refused {error}"
    return "done"


def run_batch(folder: Path, first: int) -> None:
    """A child's work: a line before each file, and one after."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    for seed in range(first, first + BATCH):
        print("begin", seed, flush=True)
        try:
            word = run_one(folder, seed)
        except Exception as error:
            import traceback

            at = traceback.extract_tb(error.__traceback__)[-1]
            word = f"traceback {type(error).__name__} {error} at {Path(at.filename).name}:{at.lineno}"
        print("end", word.replace("\n", " "), flush=True)


def watch(folder: Path, first: int, counts: collections.Counter[str]) -> int:
    """Runs one child; returns the seed to go on with."""
    paths = os.pathsep.join([str(ROOT / "tests" / "video"), str(ROOT / "src")])
    command = [sys.executable, __file__, "--batch", str(folder), str(first)]
    log = folder / "log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": paths}, stdout=out, stderr=subprocess.DEVNULL
        )
    size, since = -1, time.monotonic()
    while child.poll() is None:
        time.sleep(0.05)
        if log.stat().st_size != size:
            size, since = log.stat().st_size, time.monotonic()
        elif time.monotonic() - since > SLOW_S:
            child.kill()
            child.wait()
    lines = log.read_text(errors="replace").splitlines()
    seed = first
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "begin":
            seed = int(rest)
        elif kind == "end":
            word = rest.split()[0]
            counts[word] += 1
            if word not in ("done", "refused"):
                print(f"seed {seed}: {rest}", flush=True)
    if lines and lines[-1].startswith("begin"):
        word = "slow" if child.returncode == -9 else f"died {child.returncode}"
        counts[word] += 1
        print(f"seed {seed}: {word}", flush=True)
    return seed + 1


def main() -> None:
    if sys.argv[1] == "--batch":
        run_batch(Path(sys.argv[2]), int(sys.argv[3]))
        return
    sys.path[:0] = [str(ROOT / "tests" / "video"), str(ROOT / "src")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _test("mutations").make_clips(folder)
        if sys.argv[1] == "--one":
            print(run_one(folder, int(sys.argv[2])))
            return
        end = time.monotonic() + float(sys.argv[1])
        seed = first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
        counts: collections.Counter[str] = collections.Counter()
        while time.monotonic() < end:
            seed = watch(folder, seed, counts)
        print(f"seeds {first} to {seed - 1}: " + ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
