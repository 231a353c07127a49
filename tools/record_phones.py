"""benchmarks/phones.json, docs/notes/phones.md and docs/phones.png: what phones would show, predicted and not measured.

For each system on a chip in docs/phones.csv the governor runs some seconds of a call in simulated time, 640x360 at 30
frames a second: on half of the biggest core, on all cores of the smallest cluster, and on all of the biggest one. Its
costs are those of `design.devices`. Takes half a minute.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from live_simulation import Weather, costs_from, simulate
from phones_page import CLASSES, UNKNOWN, USES, draw, page

from pocketsr.atomic_io import replacing
from pocketsr.design.cost import predict_ms
from pocketsr.design.devices import cores, named_device
from pocketsr.engine import read_network
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work import Schedule, schedule_of
from pocketsr.engine.ir.graph import Graph
from pocketsr.engine.resample import chroma_graph
from pocketsr.live import Governor, Level
from pocketsr.models import resolve

__all__ = ["Phone", "read_phones", "record", "shares", "taken"]

ROOT = Path(__file__).parents[1]
SIZES = ((320, 180), (640, 360))
SECONDS = 20  # twice as long as the governor waits before it climbs
IDLE, SHARED = 1000, 2000  # thousandths of an idle core's time that work takes: on all of it, on half
SOURCES = {
    "Qualcomm": "Wikipedia, List of Qualcomm Snapdragon systems on chips",
    "MediaTek": "Wikipedia, List of MediaTek systems on chips",
    "Samsung": "Wikipedia, Samsung Exynos; Samsung's announcement of the Exynos 2600",
    "HiSilicon": "Wikipedia, HiSilicon; WikiChip",
    "Apple": "Wikipedia, Apple silicon",
    "Google": "Wikipedia, Google Tensor",
    "Unisoc": "Wikipedia, UNISOC; NanoReview",
}

CHECKED = {
    "W": "Wikipedia's list of Snapdragons, as pages/snapdragon.md of github.com/bGZo/vault quotes it (2025)",
    "X": "the Chinese Wikipedia's article on Exynos of 2019, in github.com/chinapedia/wikipedia.zh.mediawiki",
    "S": "a table of models and clocks of about 2020, LuaScripts/Util/SocModelSpec.lua of github.com/rutby/document",
    "N": "Notebookcheck's pages on the Tensor, T610 and T616",
    "R": "NanoReview, Unisoc T606 vs MediaTek Helio A22",
    "B": "cpu-boss.com, Kirin 820 vs Tiger T612",
    "D": "XDA Developers on the Helio G70, and on the Dimensity 1300, which is the 1200 again",
    "G": "Beebom's guide to the Tensor G5 (before its release)",
    "K": "usr/jakubc/study/Phones/SoC_2025_Overview.md of github.com/Kari-Tori/eww",
    "Q": "docs/Hardware/CPU/Qualcomm.md of github.com/greatofdream/webteach",
    "L": "mainline Linux's device tree of the MT6735; other lists have 1.5 GHz",
    "U": "the page that the row's `source` names: comparisons by NanoReview, Notebookcheck and others, or what the "
    "press wrote when the chip was announced",
}
"""What rows of phones.csv were compared with on 2026-11-29: `all` cores and clocks, or the `biggest` core's clock."""


class Phone(NamedTuple):
    """clusters: (core, GHz, how many), the biggest core first. checked: all or biggest, a colon, a key of CHECKED.

    source: the page itself where that key is U.
    """

    name: str
    vendor: str
    year: int
    clusters: tuple[tuple[str, float, int], ...]
    checked: str
    source: str

    @property
    def cores(self) -> str:
        return " + ".join(f"{count}x {core} {ghz:g}" for core, ghz, count in self.clusters)


def read_phones(path: Path = ROOT / "docs" / "phones.csv") -> list[Phone]:
    with path.open(newline="") as file:
        return [
            Phone(
                name=row["name"],
                vendor=row["vendor"],
                year=int(row["year"]),
                clusters=tuple(map(_cluster, row["cores"].split())),
                checked=row["checked"],
                source=row["source"],
            )
            for row in csv.DictReader(file)
        ]


def _cluster(text: str) -> tuple[str, float, int]:
    core, _, rest = text.partition("@")
    ghz, _, count = rest.partition("x")
    return core, float(ghz), int(count)


@cache
def taken(core: str, ghz: float, threads: int, slow: int, longer: float = 1.0) -> tuple[str, str, dict[str, float]]:
    """The level of most frames in the second half of the time, why no better one, and each level's milliseconds.

    slow: thousandths of an idle core's time that work takes. longer: how much longer than predicted.
    """
    if core not in cores():
        return UNKNOWN, "a core of 32 bits, of which LLVM has no model that llvm-mca can use", {}
    at_one = _at_one_ghz(core, threads)
    times = {size: [round(longer * us / ghz) for us in each] for size, each in at_one.items()}
    costs, probed = costs_from(times)
    (run,) = simulate([Governor(probed)], costs, Weather(slow=((0, slow),)), SECONDS)
    last = Counter(frame.decision for frame in run.made[len(run.made) // 2 :]).most_common(1)[0][0]
    ms = {level.name.lower(): round(us / 1000, 2) for level, us in zip(Level, times["640x360"], strict=True)}
    return last.level.name.lower(), last.reason.value, ms


@cache
def _at_one_ghz(core: str, threads: int) -> dict[str, list[float]]:
    """By "WIDTHxHEIGHT": microseconds of an I420 frame at each `Level` at 1 GHz. All else follows by the clock."""
    profile = named_device(f"{core}@1x{threads}")
    target = profile.vectors.target()
    found = {}
    for width, height in SIZES:
        chroma = 2000 * predict_ms(_schedule(None, target), (width // 2, height // 2), profile)
        names = [level.name.lower() for level in Level if level]
        luma = [1000 * predict_ms(_schedule(name, target), (width, height), profile) for name in names]
        repeated = (luma[0] + chroma) / 4  # samples are copied, none is multiplied
        found[f"{width}x{height}"] = [repeated, *(each + chroma for each in luma)]
    return found


@cache
def _schedule(network: str | None, target: Target) -> Schedule:
    return schedule_of(make_plan(_graph(network), target))


@cache
def _graph(network: str | None) -> Graph:
    return chroma_graph(2, "left") if network is None else read_network(resolve(network))[0]


def record(phones: Sequence[Phone], longest: float) -> dict[str, Any]:
    """longest: the most that the check on a measured processor was too short by, as a factor."""
    rows = []
    for phone in phones:
        big, little = phone.clusters[0], phone.clusters[-1]
        uses = {
            "half_big_core": (*big[:2], 1, SHARED),
            "little_cluster": (*little, IDLE),
            "big_cluster": (*big, IDLE),
        }
        row: dict[str, Any] = {"name": phone.name, "vendor": phone.vendor, "year": phone.year, "cores": phone.cores}
        for use, asked in uses.items():
            level, reason, ms = taken(*asked)
            worse = level if level in (UNKNOWN, CLASSES[0]) else taken(*asked, longest)[0]
            row[use] = {"level": level, "reason": reason, "ms": ms, "if_longer": worse}
        rows.append(row)
    return {
        "command": "python tools/record_phones.py",
        "measured": False,
        "power": "not measured, and not predicted",
        "size": "640x360",
        "fps": 30,
        "longer": longest,
        "phones": len(rows),
        "shares": {use: shares([row[use]["level"] for row in rows]) for use in USES},
        "shares_if_longer": {use: shares([row[use]["if_longer"] for row in rows]) for use in USES},
        "sources": SOURCES,
        "checked": {how: sum(phone.checked.startswith(f"{how}:") for phone in phones) for how in ("all", "biggest")},
        "checked_by": CHECKED,
        "rows": rows,
    }


def shares(levels: Sequence[str]) -> dict[str, float]:
    """Of each class, among `levels`."""
    counted = Counter(levels)
    return {name: round(counted[name] / len(levels), 4) for name in CLASSES}


def main() -> None:
    check = json.loads((ROOT / "benchmarks" / "predicted_arm.json").read_text())["check"]
    longest = round(max(1.0, 1 / min(row["ratio"] for row in check["rows"])), 2)
    found = record(read_phones(), longest)
    with replacing(ROOT / "benchmarks" / "phones.json") as part:
        part.write_text(json.dumps(found, indent=1) + "\n")
    with replacing(ROOT / "docs" / "notes" / "phones.md") as part:
        part.write_text(page(found, check))
    draw(found["rows"])
    print(json.dumps({key: found[key] for key in ("phones", "longer", "shares")}, indent=1))


if __name__ == "__main__":
    main()
