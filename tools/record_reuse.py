"""benchmarks/reuse.json and reuse.png: what parts of frames cost, by the share of changed blocks.

`python tools/record_reuse.py CLIP..`, on a machine that does nothing else meanwhile. `--keep-times` puts the VMAF
of a run on a busy one beside the times of an earlier run; both must have seen the same pictures. `--keep-others` keeps
the rows of models that `-m` doesn't name: a quiet machine is needed for minutes, not for a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from recording import recorded

from pocketsr.adaptive import CHEAP
from pocketsr.atomic_io import replacing

_FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
_CALLS = ("small-call", "medium-call")
_MODELS = ("small", "medium", "quality", *_CALLS, *(f"{model}-w8a8" for model in _CALLS))
_RUN = ("clip", "codec", "kbit_per_s", "model", "mode")


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Milliseconds of parts against their share of blocks, and the line of an engine that wastes nothing."""
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(row["model"] for row in rows))
    figure = Figure(figsize=(4.2 * len(models), 3.8), layout="constrained")
    for axes, model in zip(figure.subplots(1, len(models), squeeze=False)[0], models, strict=True):
        own = [row for row in rows if row["model"] == model]
        full = sum(row["ms"] for row in own if row["mode"] == "full") / sum(row["mode"] == "full" for row in own)
        axes.plot([0, 100], [0, full], color="#999999", linewidth=1, label="a perfect engine")
        for mode, look in (("full", "x"), ("reuse", "o")):
            of_mode = [row for row in own if row["mode"] == mode]
            shares = [100 * row["computed_share"] for row in of_mode]
            axes.plot(shares, [row["ms"] for row in of_mode], look, label=mode, markersize=5)
        axes.set(title=model, xlabel="% of the blocks computed", xlim=(0, 103), ylim=(0, None))
        axes.legend(loc="upper left")
    figure.supylabel("milliseconds a frame")
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=110)


def with_vmaf(kept: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """`kept` with the VMAF of `seen`'s rows. SystemExit where networks, pictures or what was computed differ."""
    if any(kept["networks"].get(name) != digest for name, digest in seen["networks"].items()):
        raise SystemExit("a network is another one now: times need a run of their own")
    by_run = {tuple(row[key] for key in _RUN): row for row in seen["rows"]}
    rows = []
    for row in kept["rows"]:
        other = by_run.get(tuple(row[key] for key in _RUN))
        if other and (other["psnr_db"], other["computed_share"]) != (row["psnr_db"], row["computed_share"]):
            raise SystemExit(f"{row['clip']}, {row['model']}, {row['mode']}: other pictures than those that were timed")
        rows.append(row | {"vmaf": other["vmaf"]} if other else row)
    return kept | {"command": f"{kept['command']}; VMAF: {seen['command']}", "rows": rows}


def with_others(kept: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """`now` with the rows that `kept` has of other models, and its VMAF where a network showed the same pictures.
    SystemExit where it is of another kind of machine."""
    if any(kept["machine"][what] != now["machine"][what] for what in ("cpu", "features", "cores")):
        raise SystemExit("the other models were timed on another kind of machine: record all of them")
    same = {name for name, digest in now["networks"].items() if kept["networks"].get(name) == digest}
    before = {(*(row[key] for key in _RUN), row["psnr_db"]): row["vmaf"] for row in kept["rows"]}
    for row in now["rows"]:
        if row["vmaf"] is None and row["model"] in same:
            row["vmaf"] = before.get((*(row[key] for key in _RUN), row["psnr_db"]))
    new = {row["model"] for row in now["rows"]}
    others = [row for row in kept["rows"] if row["model"] not in new]
    return now | {
        "command": f"{now['command']}; other models, by an earlier run: {kept['command']}",
        "networks": kept["networks"] | now["networks"],
        "rows": [*now["rows"], *others],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", metavar="CLIP")
    parser.add_argument("--codec", default="h264,vp9")
    parser.add_argument("--no-vmaf", action="store_true")
    parser.add_argument("--keep-times", action="store_true")
    parser.add_argument("--keep-others", action="store_true")
    parser.add_argument("-o", "--output", type=Path, default=_FOLDER)
    parser.add_argument("-m", "--model", action="append")
    args = parser.parse_args()
    models = args.model or _MODELS
    named = [part for model in models for part in ("-m", model)]
    names = " ".join(Path(clip).name for clip in args.clips)
    options = ["--codec", args.codec, *(["--no-vmaf"] if args.no_vmaf else [])]
    own = [f"-m {model}" for model in args.model or ()]
    own += [f"--keep-{what}" for what in ("times", "others") if getattr(args, f"keep_{what}")]
    command = f"python tools/record_reuse.py {' '.join([names, *options, *own])}"
    record = recorded(["reuse", *args.clips, *named, *options], (*models, CHEAP), command)
    if args.keep_times or args.keep_others:
        kept = json.loads((args.output / "reuse.json").read_text(encoding="utf-8"))
        record = (with_vmaf if args.keep_times else with_others)(kept, record)
    draw(record["rows"], args.output / "reuse.png")
    with replacing(args.output / "reuse.json") as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
