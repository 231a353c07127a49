"""benchmarks/predictor.json: milliseconds that `pocketsr design` predicts against those that are measured.

Calibrates this machine and writes the profile that ships, then draws networks from the built-in space (none of those
that the profile was fitted to), exports them by `nets`, compiles and times them. Takes under 8 minutes on two quiet
cores. Options: --busy (other programs run beside), --keep-profile (judge the profile that ships as it is).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from pocketsr.beside import replacing
from pocketsr.design.agreement import kendall_tau, share_within
from pocketsr.design.calibrate import SIZE, calibrate, probes
from pocketsr.design.candidate import Candidate
from pocketsr.design.cost import predict_ms
from pocketsr.design.profile import Profile, default_profile
from pocketsr.design.running import compiled, fastest_ms
from pocketsr.design.schedule import of_chain
from pocketsr.design.space import builtin_space
from pocketsr.engine import read_network
from pocketsr.engine.ir import Graph
from pocketsr.nets import build, to_onnx

NETWORKS = 48
LONGEST_MS = 40.0  # of a frame: what is slower is nobody's choice
SECONDS = 75.0
ROOT = Path(__file__).parents[1]


def chosen(profile: Profile) -> list[Candidate]:
    """Networks of every family in turn, spread over their times."""
    fitted = set(probes())
    draw = random.Random(6)
    families: dict[str, list[tuple[float, Candidate]]] = {}
    for candidate in builtin_space().candidates():
        chain = candidate.chain()
        ms = predict_ms(of_chain(chain, profile.vectors.target()), candidate.size, profile)
        if chain not in fitted and ms <= LONGEST_MS:
            families.setdefault(candidate.family, []).append((ms, candidate))
    found: list[Candidate] = []
    for number, family in enumerate(families.values()):
        count = NETWORKS // len(families) + (number < NETWORKS % len(families))
        ordered = sorted(family, key=lambda pair: pair[0])
        for part in range(count):  # one from each part of the range
            first, last = len(ordered) * part // count, len(ordered) * (part + 1) // count
            found.append(draw.choice(ordered[first:last])[1])
    return found


def exported(candidates: list[Candidate]) -> list[Graph]:
    graphs = []
    with tempfile.TemporaryDirectory() as folder:
        for candidate in tqdm(candidates, "exporting"):
            name, config = candidate.net()
            to_onnx(build(name, **config), path := Path(folder) / "net.onnx")
            graphs.append(read_network(path)[0])
    return graphs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--keep-profile", action="store_true")
    parser.add_argument("-j", "--threads", type=int, default=2)
    args = parser.parse_args()
    if args.keep_profile:
        profile = default_profile()
    else:
        with tqdm(total=1, bar_format="{desc:26} {percentage:3.0f}% |{bar}| {elapsed}") as bar:

            def tell(what: str, done: int, of: int) -> None:
                bar.total, bar.n = max(of, 1), done
                bar.set_description_str(what)

            profile = calibrate(args.threads, busy=args.busy, tell=tell)
        profile.write(ROOT / "src/pocketsr/design/default-profile.json")
    candidates = chosen(profile)
    graphs = exported(candidates)
    with compiled(graphs, profile.threads) as made:
        measured = fastest_ms([network for network, _ in made], SIZE, SECONDS, args.busy)
    target = profile.vectors.target()
    predicted = [predict_ms(of_chain(c.chain(), target), SIZE, profile) for c in candidates]
    errors = [abs(p / m - 1) for p, m in zip(predicted, measured, strict=True)]
    record = {
        "machine": profile.machine,
        "threads": profile.threads,
        "size": list(SIZE),
        "command": " ".join(["python tools/record_predictor.py", *sys.argv[1:]]),
        "busy": args.busy,
        "profile": {"name": profile.name, "fit": {k: getattr(profile.fit, k) for k in profile.fit.__struct_fields__}},
        "networks": len(candidates),
        "within_5_percent": round(share_within(predicted, measured, 0.05), 4),
        "within_10_percent": round(share_within(predicted, measured, 0.1), 4),
        "median_error": round(statistics.median(errors), 4),
        "largest_error": round(max(errors), 4),
        "kendall_tau": round(kendall_tau(predicted, measured), 4),
        "rows": [
            {
                "name": c.name,
                "params": c.chain().params,
                "gmacs": round(c.chain().gmacs(*SIZE), 4),
                "predicted_ms": round(p, 3),
                "measured_ms": round(m, 3),
            }
            for c, p, m in zip(candidates, predicted, measured, strict=True)
        ],
    }
    with replacing(ROOT / "benchmarks/predictor.json") as part:
        part.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps({k: v for k, v in record.items() if k != "rows"}, indent=1), file=sys.stderr)


if __name__ == "__main__":
    main()
