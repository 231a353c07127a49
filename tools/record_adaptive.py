"""benchmarks/adaptive.json: two networks by block on the test sets, `python tools/record_adaptive.py TEST`.

On a machine that does nothing else meanwhile; `--rounds 1` for the figures of quality alone.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recording import digests

from pocketsr.adaptive import CHEAP, GAIN, GOOD, GRADIENT, open_adaptive
from pocketsr.atomic_io import replacing
from pocketsr.bench.choice import Row, measure_set
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import find_sets

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "adaptive.json"
SETS = ("Set5", "Set14", "B100", "Urban100")
_DIGITS = 4


def _rounded(row: Row) -> dict[str, Any]:
    return {name: round(each, _DIGITS) if isinstance(each, float) else each for name, each in asdict(row).items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--cheap", default=CHEAP)
    parser.add_argument("--good", default=GOOD)
    parser.add_argument("--least-db", type=float)
    parser.add_argument("--every", type=int, default=1, help="of the images of a set, one of so many: for a look")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-j", "--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    args = parser.parse_args()
    rows = []
    with open_adaptive(args.cheap, args.good, threads=args.threads, least_db=args.least_db) as adaptive:
        for name, files in find_sets(args.data, args.sets).items():
            rows.append(_rounded(measure_set(name, files[:: args.every], adaptive, args.rounds)))
            print(rows[-1], flush=True)
        least_db = adaptive.budget.least_db
    record = {
        "machine": describe_machine(),
        "command": f"python tools/record_adaptive.py TEST --rounds {args.rounds} -j {args.threads}",
        "networks": digests((args.cheap, args.good, str(GAIN), str(GRADIENT))),
        "least_db": least_db,
        "rows": rows,
    }
    with replacing(args.output) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
