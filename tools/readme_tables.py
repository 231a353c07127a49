"""The README's tables, made from the figures in benchmarks/: `python tools/readme_tables.py` rewrites it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocketsr.bench.table import gmacs_written

__all__ = ["exports_overview", "exports_table", "field_table", "main", "quality_table", "speed_table", "with_tables"]

ROOT = Path(__file__).resolve().parents[1]
_OURS = "pocketsr"
_WRITTEN = {
    "pocketsr": "**pocketsr**",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "mnn": "MNN",
    "torch": "PyTorch",
}


def speed_table(figures: dict[str, Any]) -> str:
    """A row a network and runtime, fastest first, each with how many times as long as pocketsr it takes."""
    width, height = figures["size"]
    peak = f"{figures['fma_peak_gmacs']:.0f} GMAC/s"
    lines = [
        f"{width}x{height} to {2 * width}x{2 * height}, {figures['threads']} threads, {_machine(figures)}; "
        f"the FMA peak of this machine, measured in the same run, is {peak}.",
        "",
        "| network | runtime | precision | median ms | p99 ms | GMAC/s | times as long |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    models = list(dict.fromkeys(row["model"] for row in figures["rows"]))
    for model in models:
        rows = sorted((row for row in figures["rows"] if row["model"] == model), key=lambda row: row["median_ms"])
        ours = next(row["median_ms"] for row in rows if row["runtime"] == _OURS)
        for row in rows:
            name, ratio = row["runtime"], f"{row['median_ms'] / ours:.1f}"
            version = "" if name == _OURS else f" {row['version']}"
            lines.append(
                f"| {model} | {_WRITTEN.get(name, name)}{version} | {row['precision']} "
                f"| {row['median_ms']:.2f} | {row['p99_ms']:.2f} | {row['gmacs_per_s']:.0f} "
                f"| {'' if name == _OURS else ratio} |"
            )
    absent: dict[tuple[str, str], list[str]] = {}  # networks by runtime and reason
    for row in figures.get("absent", []):
        absent.setdefault((row["runtime"], row["reason"]), []).extend([row["model"]] if "model" in row else [])
    missing = [
        f"{runtime} {'on ' if on else ''}{', '.join(on)}".rstrip() + f" ({why})"
        for (runtime, why), on in absent.items()
    ]
    if missing:
        lines += ["", f"Not measured: {'; '.join(missing)}."]
    return "\n".join(lines)


def quality_table(figures: dict[str, Any]) -> str:
    """A row a network, a column a set: PSNR in dB and SSIM."""
    rows = figures["rows"]
    sets = list(dict.fromkeys(row["set"] for row in rows))
    of = {(row.get("scale", 2), row["model"], row["set"]): f"{row['psnr_db']:.2f} / {row['ssim']:.4f}" for row in rows}
    lines = [
        f"| network | {' | '.join(sets)} |",
        f"|---|{'--:|' * len(sets)}",
    ]
    networks = dict.fromkeys((row.get("scale", 2), row["model"]) for row in rows)
    for scale, model in sorted(networks, key=lambda each: each[0]):
        name = f"bicubic, x{scale}" if model == "bicubic" and scale > 2 else model
        lines.append(f"| {name} | {' | '.join(of.get((scale, model, each), '') for each in sets)} |")
    return "\n".join(lines)


_FIELD = (
    *("tiny", "raisr", "small", "sesr-m3", "ecbsr-m4c16", "sesr-m5", "medium", "fsrcnn", "abpn-m4c28", "quality"),
    *("etds-l", "smfanet", "imdn"),
)
_SETS = ("Set5", "Set14", "B100", "Urban100")


def field_table(figures: dict[str, Any]) -> str:
    """A row for each of some networks, as measured here: where it is from, what it costs, PSNR in dB."""
    found = {row["model"]: row for row in figures["rows"] if row["origin"] != "published"}
    rows = [found[model] for model in _FIELD if model in found]
    known = [name for name in _SETS if any(name in row["sets"] for row in rows)]
    lines = [
        f"| network | origin | parameters | GMAC | ms | {' | '.join(known)} |",
        f"|---|---|{'--:|' * (3 + len(known))}",
    ]
    for row in rows:
        model = row["model"]
        name = f"**{model}**" if row["origin"] == "ours" else model
        ms = "" if row["ms"] is None else f"{row['ms']:.3g}" if row["ms"] < 1000 else f"{row['ms']:,.0f}"
        sets = [f"{row['sets'][each]['psnr_db']:.2f}" if each in row["sets"] else "" for each in known]
        cost = f"{row['params']:,} | {gmacs_written(row['gmacs'])} | {ms}"
        lines.append(f"| {name} | {row['origin']} | {cost} | {' | '.join(sets)} |")
    note = f"Luma PSNR in dB. GMAC and ms are for a frame of 1280x720, ms on 2 threads of {_machine(figures)}."
    return "\n".join([*lines, "", note])


def exports_table(figures: dict[str, Any]) -> str:
    """A row a network and target of `pocketsr export`: how near to ours, in how many pieces, how fast, how large."""
    lines = [
        "| network | target | numbers | PSNR to ours, dB | levels | samples that differ | pieces | ms | bytes |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in figures["rows"]:
        share = "?" if row["differing_share"] is None else f"{row['differing_share']:.1e}"
        cells = [_decibels(row), _or(row["max_levels"]), share, _or(row["partitions"]), _ms(row), f"{row['bytes']:,}"]
        lines.append(f"| {row['network']} | {row['target']} | {row['precision']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def exports_overview(figures: dict[str, Any]) -> str:
    """A row a target, a column a network, each cell with the same in short."""
    at = {(row["network"], row["target"]): row for row in figures["rows"]}
    networks = list(dict.fromkeys(row["network"] for row in figures["rows"]))
    lines = [f"| target | {' | '.join(networks)} |", f"|---|{'---|' * len(networks)}"]
    for target in dict.fromkeys(row["target"] for row in figures["rows"]):
        cells = [_cell(at[name, target]) if (name, target) in at else "" for name in networks]
        lines.append(f"| {target} | {' | '.join(cells)} |")
    note = (
        "PSNR to our own result in dB / largest difference in levels of 255 / pieces that the accelerated unit takes "
        f"it in / ms of processor time at 640x360 on one thread of {_machine(figures)} / kB; ?: can't be known here; "
        "~: the machine had other work."
    )
    return "\n".join([*lines, "", note])


def _cell(row: dict[str, Any]) -> str:
    size = f"{row['bytes'] / 1000:.0f}"
    return " / ".join([_decibels(row), _or(row["max_levels"]), _or(row["partitions"]), _ms(row), size])


def _decibels(row: dict[str, Any]) -> str:
    return _or(row["psnr_db"]) if row["psnr_db"] is not None or row["max_levels"] != 0 else "same"


def _ms(row: dict[str, Any]) -> str:
    return "?" if row["ms"] is None else f"{'~' if row.get('busy', True) else ''}{row['ms']:.3g}"


def _or(number: float | None) -> str:
    return "?" if number is None else str(number)


_TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "speed": speed_table,
    "quality": quality_table,
    "field": field_table,
    "exports": exports_overview,
}


def with_tables(readme: str, folder: Path) -> str:
    """`readme` with what stands between `<!-- NAME -->` and `<!-- /NAME -->` made anew from NAME.json."""
    for name, table in _TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, found, rest = readme.partition(start)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"README.md lacks the markers {start.strip()} and {end.strip()}")
        made = table(json.loads((folder / f"{name}.json").read_text()))
        readme = f"{before}{start}{made}\n{end}{after}"
    return readme


def _machine(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    return machine if isinstance(machine, str) else str(machine.get("cpu", machine))


def main() -> int:
    path = ROOT / "README.md"
    path.write_text(with_tables(path.read_text(), ROOT / "benchmarks"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
