"""How long pocketsr takes to begin, into benchmarks/startup.json: `python tools/record_startup.py`.

Each is a process of its own and is given as how many times as long as a Python that does nothing, in turns with it, so
that the figure holds on other machines and on busy ones: no test asserts seconds, one asserts these ratios.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from tqdm import trange

from pocketsr.bench.machine import describe_machine

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "startup.json"
ROUNDS = 5
_VERB = "import sys; from pocketsr.cli import main; sys.exit(main({!r}))"
_LOAD = "import numpy as np, pocketsr; pocketsr.load('small')(np.zeros((9, 9), np.uint8))"
NOTHING = "python that does nothing"
STARTS = {
    NOTHING: "pass",
    "pocketsr --help": _VERB.format(["--help"]),
    "pocketsr models, with an empty cache": _VERB.format(["models"]),
    "pocketsr design, all of the built-in space": _VERB.format(["design", "--top", "1"]),
    "load small, compiled now": _LOAD,
    "load small, from the cache": _LOAD,
}


def main() -> int:
    seconds: dict[str, list[float]] = {name: [] for name in STARTS}
    for _ in trange(ROUNDS, disable=None, file=sys.stderr):
        with tempfile.TemporaryDirectory() as cache:  # empty at first; the last one finds what the one before left
            environment = os.environ | {"POCKETSR_CACHE": cache}
            for name, code in STARTS.items():
                began = perf_counter()
                subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL, check=True)
                seconds[name].append(perf_counter() - began)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    result = {
        "machine": describe_machine(),
        "command": "python tools/record_startup.py",
        "rounds": ROUNDS,
        "milliseconds": {name: round(1000 * median, 1) for name, median in medians.items()},
        "times_as_long": {name: round(median / medians[NOTHING], 2) for name, median in medians.items()},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
