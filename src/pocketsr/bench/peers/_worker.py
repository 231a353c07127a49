"""A runtime in a process of its own: `python -m pocketsr.bench.peers._worker JOB`, a line in and a line out.

On start it builds and times every setting of the runtime, checks what it computes, and answers {"settings",
"version", "tried"} or {"failed"}. Then each line that holds a number N is answered with the milliseconds of N
runs, after a warm-up.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.bench.peers._task import Run, Task

# The exact value decides the level; this close to a tie, float32 may fall to either side.
_TIE_LEVELS = 0.02
# A tie between two integers inside a low-bit network may be a level or more in the result: such a network
# is right where all pixels but this share are as close as floats have to be, and none is off by more than that.
_TIES_SHARE, _TIES_LEVELS = 0.01, 6.0
# An exported file may compute in other numbers than its network: 8 bits where that has floats. This far from right, on
# the average over the squares, it is still the same network (42 dB).
_FILE_LEVELS = 2.0
# A process that has slept comes back to cold caches, and Linux may keep its threads on one core for 50 ms.
_WARM_SECONDS = 0.1
_TRIALS = 15


def _milliseconds(run: Run, times: int) -> list[float]:
    end = time.perf_counter() + _WARM_SECONDS
    while time.perf_counter() < end:
        run()
    result = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        result.append((time.perf_counter() - start) * 1e3)
    return result


def _wrong(errors: NDArray[np.float64], floats: bool) -> str | None:
    """What is wrong with a result that is off by `errors` levels."""
    worst, share = float(errors.max()), float((errors > 0.5 + _TIE_LEVELS).mean())
    if share == 0 or (not floats and share <= _TIES_SHARE and worst <= _TIES_LEVELS):
        return None
    return f"wrong by {worst:.2f} levels" + ("" if floats else f", {share:.1%} of the pixels by more than rounding")


def _far(errors: NDArray[np.float64]) -> str | None:
    """What is wrong with the result of an exported file."""
    levels = float(np.sqrt(np.mean(errors**2)))
    return None if levels <= _FILE_LEVELS else f"wrong by {levels:.1f} levels on the average"


def _choose(runtime: str, task: Task, exact: NDArray[np.float64], floats: bool) -> tuple[Run, dict[str, Any]]:
    """The fastest setting that computes what the network says: `exact`, in levels, clipped, unrounded."""
    module = importlib.import_module(f"pocketsr.bench.peers._{runtime}")
    tried: dict[str, float | str] = {}
    best: tuple[float, str, Run] | None = None
    for settings, run in module.candidates(task):
        run()
        errors = np.abs(run() - exact)
        if wrong := _wrong(errors, floats) if task.file is None else _far(errors):
            tried[settings] = wrong
            continue
        tried[settings] = median = round(statistics.median(_milliseconds(run, _TRIALS)), 3)
        if best is None or median < best[0]:
            best = median, settings, run
    if best is None:
        raise ValueError("; ".join(f"{settings}: {result}" for settings, result in tried.items()))
    version = module.VERSION if task.file is None else module.version(task.file)
    return best[2], {"settings": best[1], "version": version, "tried": tried}


def main() -> None:
    job = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the runtimes print to stdout must not mix with the answers

    def answer(value: dict[str, Any]) -> None:
        print(json.dumps(value), file=answers, flush=True)

    file = Path(job["file"]) if "file" in job else None
    task = Task(Path(job["model"]), np.load(job["picture"]), job["threads"], job["max_value"], file)
    try:
        run, chosen = _choose(
            "exported" if file is not None else job["runtime"], task, np.load(job["exact"]), job["precision"] == "fp32"
        )
    except Exception as error:  # whatever a runtime raises is news for the table, not the end of the run
        answer({"failed": f"{type(error).__name__}: {error}"})
        return
    answer(chosen)
    for line in sys.stdin:
        answer({"ms": _milliseconds(run, int(line))})


if __name__ == "__main__":
    main()
