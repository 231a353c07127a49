"""benchmarks/predictor.json: milliseconds that `pocketsr design` predicts against those that are measured.

Calibrates this machine and writes the profile that ships, then draws networks from the families of the built-in space,
none of those that the profile was fitted to, in every precision that it was calibrated for. They are exported by
`nets`, their weights drawn anew as normal ones, quantized where their bits are few, read back, compiled and timed.
Takes under 8 minutes on two quiet cores. Options: --busy (other programs run beside), --keep-profile (judge the profile
that is there), --folder DIR (both files in that folder instead, to try).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from pocketsr.atomic_io import replacing
from pocketsr.design.agreement import kendall_tau, share_within
from pocketsr.design.calibrate import SIZE, calibrate, probes
from pocketsr.design.candidate import Candidate
from pocketsr.design.cost import predict_ms, schedule_of_chain
from pocketsr.design.precision import Precision, may_choose
from pocketsr.design.profile import Profile, read_profile
from pocketsr.design.running import compiled, fastest_ms
from pocketsr.design.space import builtin_space
from pocketsr.engine import read_network
from pocketsr.engine.ir.graph import Graph
from pocketsr.nets import build, to_onnx
from pocketsr.quant import Spec, quantize, write_onnx
from pocketsr.reparam import collapse

NETWORKS: dict[Precision, int] = {"fp32": 16, "w8a8": 10, "w2a8": 9, "w2a2": 7, "w4a8": 3, "w4a4": 3, "w2a4": 3}
LONGEST_MS = 40.0  # of a frame: what is slower is nobody's choice
SECONDS = 60.0
LOOKED_AT = 80  # of each family, by chance: to predict all would take a minute
ROOT = Path(__file__).parents[1]


def chosen(floats: Sequence[Candidate], profile: Profile, precision: Precision) -> list[Candidate]:
    """Networks of every family in turn, of those in `floats` with other bits, spread over their times.

    Kernels aren't chosen in 2 bits.
    """
    floats = [candidate for candidate in floats if candidate.chosen == "none" or may_choose(precision)]
    fitted, wanted = set(probes()), NETWORKS[precision]
    draw = random.Random(f"6 {precision}")
    names = list(dict.fromkeys(candidate.family for candidate in floats))
    draw.shuffle(names)
    found: list[Candidate] = []
    for number, name in enumerate(names):
        count = wanted // len(names) + (number < wanted % len(names))
        family: list[tuple[float, Candidate]] = []
        for each in draw.sample([candidate for candidate in floats if candidate.family == name], LOOKED_AT):
            candidate = replace(each, precision=precision)
            chain = candidate.chain()
            ms = predict_ms(schedule_of_chain(chain, profile.vectors.target()), candidate.size, profile)
            if chain not in fitted and ms <= LONGEST_MS:
                family.append((ms, candidate))
        ordered = sorted(family, key=lambda pair: pair[0])
        for part in range(count):  # one from each part of the range
            first, last = len(ordered) * part // count, len(ordered) * (part + 1) // count
            found.append(draw.choice(ordered[first:last])[1])
    return found


def exported(candidates: list[Candidate]) -> list[Graph]:
    """What the engine reads of each: weights normal, of which ternary ones keep about what trained networks do."""
    graphs = []
    torch.manual_seed(0)
    pictures = torch.rand(2, 1, 24, 24)
    with tempfile.TemporaryDirectory() as folder:
        for candidate in tqdm(candidates, "exporting"):
            name, config = candidate.net()
            net = collapse(build(name, **config))
            for weight in net.parameters():
                if weight.ndim == 4:
                    torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
            to_onnx(net, path := Path(folder) / "net.onnx")
            if candidate.precision != "fp32":
                few = Spec.parse(candidate.precision, "twn")  # zeros by the weights alone
                write_onnx(quantize(path, few, pictures, "minmax", bias_correction=False, equalise=False), path)
            graphs.append(read_network(path)[0])
    return graphs


def agreement(predicted: Sequence[float], measured: Sequence[float]) -> dict[str, float]:
    errors = [abs(p / m - 1) for p, m in zip(predicted, measured, strict=True)]
    return {
        "networks": len(predicted),
        "within_5_percent": round(share_within(predicted, measured, 0.05), 4),
        "within_10_percent": round(share_within(predicted, measured, 0.1), 4),
        "median_error": round(statistics.median(errors), 4),
        "largest_error": round(max(errors), 4),
        "kendall_tau": round(kendall_tau(predicted, measured), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--keep-profile", action="store_true")
    parser.add_argument("-j", "--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    kept = args.folder / "profile.json" if args.folder else ROOT / "src/pocketsr/design/default-profile.json"
    results = args.folder / "predictor.json" if args.folder else ROOT / "benchmarks/predictor.json"
    if args.keep_profile:
        profile = read_profile(kept)
    else:
        with tqdm(total=1, bar_format="{desc:26} {percentage:3.0f}% |{bar}| {elapsed}") as bar:

            def tell(what: str, done: int, of: int) -> None:
                bar.total, bar.n = max(of, 1), done
                bar.set_description_str(what)

            profile = calibrate(args.threads, busy=args.busy, tell=tell)
        profile.write(kept)
    floats = [candidate for candidate in builtin_space().candidates() if candidate.precision == "fp32"]
    candidates = [each for precision in profile.precisions for each in chosen(floats, profile, precision)]
    graphs = exported(candidates)
    with compiled(graphs, profile.threads) as made:
        measured = fastest_ms([network for network, _ in made], SIZE, SECONDS, args.busy)
    target = profile.vectors.target()
    predicted = [predict_ms(schedule_of_chain(c.chain(), target), SIZE, profile) for c in candidates]
    of_each = {}
    for precision in profile.precisions:
        own = [i for i, candidate in enumerate(candidates) if candidate.precision == precision]
        of_each[precision] = agreement([predicted[i] for i in own], [measured[i] for i in own])
    record = {
        "machine": profile.machine,
        "threads": profile.threads,
        "size": list(SIZE),
        "command": " ".join(["python tools/record_predictor.py", *sys.argv[1:]]),
        "busy": args.busy,
        "profile": {"name": profile.name, "fit": {k: getattr(profile.fit, k) for k in profile.fit.__struct_fields__}},
        **agreement(predicted, measured),
        "precisions": of_each,
        "rows": [
            {
                "name": c.name,
                "precision": c.precision,
                "params": c.chain().params,
                "gmacs": round(c.chain().gmacs(*SIZE), 4),
                "predicted_ms": round(p, 3),
                "measured_ms": round(m, 3),
            }
            for c, p, m in zip(candidates, predicted, measured, strict=True)
        ],
    }
    with replacing(results) as part:
        part.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps({k: v for k, v in record.items() if k != "rows"}, indent=1), file=sys.stderr)


if __name__ == "__main__":
    main()
