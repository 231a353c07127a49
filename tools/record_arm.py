"""src/pocketsr/design/arm-cores.json and benchmarks/predicted_arm.json: cores of phones, from counted instructions.

llvm-mca (Debian's llvm-22, as root: apt-get install llvm-22) simulates the engine's inner loops on each core that LLVM
has a model of (`inner_loops`). From these cycles come those of each kind of work; what can't be simulated is taken from
the profile that ships, in proportion. How far off that is, is found on this machine: the same for its own
processor, against measured times. Options: --mca COMMAND, --cpu NAME (this machine's, as LLVM calls it), --ghz,
--only check|cores, --core NAME .. (these alone, the others stay; each is kept as soon as it is known). Twenty minutes
on a busy core, of compiling.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inner_loops import Model, costs, cycles
from msgspec.structs import replace

from pocketsr.atomic_io import replacing
from pocketsr.bench.machine import describe_machine
from pocketsr.design.cost import predict_ms
from pocketsr.design.profile import default_profile
from pocketsr.design.running import compiled, fastest_ms
from pocketsr.engine import read_network
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target, host_target
from pocketsr.engine.codegen.work import WORK, schedule_of
from pocketsr.models import resolve

ROOT = Path(__file__).parents[1]
SHIPPED_GHZ = 3.7  # of the machine whose profile ships
CHECKED = ("tiny", "small", "small-w8a8", "medium")
SIZE = (640, 360)
SECONDS, ROUNDS = 6.0, 6  # of timing, the quickest of which counts: other programs run beside
_WAITING = ("tiles", "far", "interleaved")  # kinds of work that wait for memory
_NOTHING = ("table", "border")  # too little to be measured

_BY_CLOCK = ("calls", "frame")


class Core(NamedTuple):
    """What stands for a core: LLVM's model, the compiler's name for what it is compiled for, and what was assumed.

    matrices: whether it multiplies matrices of bytes (i8mm). memory: how much longer than the measured server's core it
    waits for memory, in cycles. scale: of simulated cycles.
    """

    mca: str
    cpu: str
    dot_cost: int
    l2_bytes: int
    memory: float
    says: str
    scale: float = 1.0
    matrices: bool = False


_K, _M = 1 << 10, 1 << 20
_PLAIN, _DOT = 8, 1
_OWN = "LLVM's own model"
_A57 = "LLVM takes its model of the A57"
_N1 = "LLVM's model of the Neoverse N1, made from the A76 (for {} LLVM itself takes the older A57)"
_CYCLONE = "LLVM's model of Cyclone (2013), which it takes for every Apple core; three units for vectors, as here"
_FOUR = "LLVM's model of Cyclone (2013) with three units for vectors; this core has four: 3/4 of the cycles"
_ORYON = _OWN + " of the first generation; instructions that it lacks cost nothing"
_APPLE_LITTLE = "LLVM has no model of Apple's small cores: that of the Neoverse N1, three wide with two vector units"

CORES: dict[str, Core] = {
    "cortex-a53": Core("cortex-a53", "cortex_a53", _PLAIN, 128 * _K, 4, _OWN),
    "cortex-a55": Core("cortex-a55", "cortex_a55", _DOT, 128 * _K, 3, _OWN),
    "cortex-a57": Core("cortex-a57", "cortex_a57", _PLAIN, 512 * _K, 2, _OWN),
    "cortex-a72": Core("cortex-a57", "cortex_a57", _PLAIN, 512 * _K, 2, _A57),
    "cortex-a73": Core("cortex-a57", "cortex_a57", _PLAIN, 512 * _K, 2, _A57),
    "cortex-a75": Core("cortex-a75", "cortex_a75", _DOT, 256 * _K, 2, _A57),
    "cortex-a76": Core("neoverse-n1", "cortex_a76", _DOT, 256 * _K, 2, _N1.format("the A76")),
    "cortex-a77": Core("neoverse-n1", "cortex_a76", _DOT, 256 * _K, 2, _N1.format("the A77")),
    "cortex-a78": Core("neoverse-n1", "cortex_a76", _DOT, 512 * _K, 2, _N1.format("the A78")),
    "cortex-a510": Core("cortex-a510", "cortex_a510", _DOT, 128 * _K, 3, _OWN),
    "cortex-a520": Core("cortex-a510", "cortex_a510", _DOT, 128 * _K, 3, "LLVM takes its model of the A510"),
    "cortex-a710": Core("cortex-a710", "cortex_a710", _DOT, 512 * _K, 2, "LLVM takes its model of the Neoverse N2"),
    "cortex-a715": Core("cortex-a710", "cortex_a710", _DOT, 512 * _K, 2, "LLVM takes its model of the Neoverse N2"),
    "cortex-a720": Core("cortex-a710", "cortex_a710", _DOT, 512 * _K, 2, "LLVM takes its model of the Neoverse N2"),
    "cortex-a725": Core("cortex-a725", "cortex_a725", _DOT, 512 * _K, 2, "LLVM takes its model of the Neoverse N3"),
    "cortex-x1": Core("cortex-x1", "cortex_x1", _DOT, _M, 1.5, "LLVM takes its model of the Neoverse V1"),
    "cortex-x2": Core("cortex-x3", "cortex_x3", _DOT, _M, 1.5, "LLVM takes its model of the Neoverse V2"),
    "cortex-x3": Core("cortex-x3", "cortex_x3", _DOT, _M, 1.5, "LLVM takes its model of the Neoverse V2"),
    "cortex-x4": Core("cortex-x4", "cortex_x4", _DOT, 2 * _M, 1.5, "LLVM takes its model of the Neoverse V3"),
    "cortex-x925": Core("cortex-x4", "cortex_x4", _DOT, 2 * _M, 1.5, "LLVM takes its model of the Neoverse V3"),
    "c1-nano": Core("cortex-a510", "cortex_a510", _DOT, 128 * _K, 3, "LLVM takes its model of the A510"),
    "c1-pro": Core("cortex-a725", "cortex_a725", _DOT, 512 * _K, 2, "LLVM takes its model of the Neoverse N3"),
    "c1-premium": Core("cortex-x4", "cortex_x4", _DOT, _M, 1.5, "LLVM takes its model of the Neoverse V3"),
    "c1-ultra": Core("cortex-x4", "cortex_x4", _DOT, 2 * _M, 1.5, "LLVM takes its model of the Neoverse V3"),
    "kryo": Core("kryo", "kryo", _PLAIN, 512 * _K, 2, _OWN + " (Snapdragon 820; later Kryos are Arm's cores)"),
    "oryon": Core("oryon-1", "cortex_a76", _DOT, 4 * _M, 1.5, _ORYON),
    "exynos-m1": Core("exynos-m3", "cortex_a57", _PLAIN, 512 * _K, 2, "LLVM's model of the wider M3"),
    "exynos-m3": Core("exynos-m3", "cortex_a57", _PLAIN, 512 * _K, 2, _OWN),
    "exynos-m4": Core("exynos-m4", "cortex_a76", _DOT, 512 * _K, 2, _OWN),
    "exynos-m5": Core("exynos-m5", "cortex_a76", _DOT, 512 * _K, 2, _OWN),
    **{
        f"apple-a{number}": Core("apple-a12", "cortex_a57", _PLAIN, 2 * _M, 1.5, _CYCLONE)
        for number in (8, 9, 10, 11, 12)
    },
    "apple-a13": Core("apple-a13", "cortex_a76", _DOT, 4 * _M, 1.5, _CYCLONE),
    **{f"apple-a{number}": Core("apple-a13", "cortex_a76", _DOT, 4 * _M, 1.5, _FOUR, 0.75) for number in range(14, 20)},
    "apple-little": Core("neoverse-n1", "cortex_a76", _DOT, _M, 2, _APPLE_LITTLE),
    "apple-little-plain": Core(
        "neoverse-n1", "cortex_a57", _PLAIN, _M, 2, _APPLE_LITTLE + "; before A13, without sdot"
    ),
}
_I8MM = ("cortex_a510", "cortex_a710", "cortex_a725", "cortex_x3", "cortex_x4")
CORES |= {name: core._replace(matrices=True) for name, core in CORES.items() if core.cpu in _I8MM}
ASSUMED = {
    "cycles": "for one of each kind of `work.WORK`; nanoseconds are cycles by GHz",
    "simulated": "products, dots, sums, transforms, result, point, words and samples, by llvm-mca: loads hit the "
    "first cache, branches are foreseen, stores never wait; dots are products of matrices where the compiler's core "
    "has i8mm",
    "in proportion": "all other kinds that calculate: those of the profile that ships, by how many more cycles this "
    "core takes for products, dots and transforms",
    "memory": f"{', '.join(_WAITING)}: those of the profile that ships, by clock and by `memory`, a guess: "
    "4 and 3 for small cores, 2 for big ones, 1.5 for the largest",
    "by clock": "calls (ends of loops that weren't foreseen) and frame (threads woken): as many cycles as in the "
    "profile that ships; without that of calls, the check came out farther off",
    "nothing": f"{', '.join(_NOTHING)}: too little to be measured",
}


def cycles_of(simulated: Mapping[str, float], memory: float, scale: float = 1.0) -> dict[str, float]:
    """Cycles for one of each kind of work, from those that were simulated."""
    shipped = {kind: cost * SHIPPED_GHZ for kind, cost in default_profile().costs_ns.items()}
    both = ("products", "dots", "into_both", "into_rows", "from_rows")
    ratio = statistics.geometric_mean([scale * simulated[kind] / shipped[kind] for kind in both])
    found = {}
    for kind in WORK:
        if kind in simulated:
            value = scale * simulated[kind]
        elif kind in _WAITING:
            value = shipped[kind] * memory
        elif kind in _NOTHING:
            value = 0.0
        else:
            value = shipped[kind] * (1 if kind in _BY_CLOCK else ratio)
        found[kind] = float(f"{value:.4g}")
    return found


def check(mca: str, cpu: str, ghz: float) -> dict[str, Any]:
    """The method on this machine's own processor: predicted against measured, on one thread."""
    host = host_target()
    target = Target("x86_64-linux-gnu", cpu, host.lanes, host.registers, host.l1_bytes, host.dot_cost)
    found = cycles_of(costs(cycles(Model(cpu, target), mca), host.dot_cost), 1.0)
    base = default_profile()
    profile = replace(
        base, threads=1, l2_bytes=512 * _K, costs_ns={kind: each / ghz for kind, each in found.items()},
    )  # fmt: skip
    graphs = [read_network(resolve(name))[0] for name in CHECKED]
    with compiled(graphs, 1) as made:
        networks = [network for network, _ in made]
        rounds = [fastest_ms(networks, SIZE, SECONDS, busy=True) for _ in range(ROUNDS)]
        measured = [min(each) for each in zip(*rounds, strict=True)]
    rows = []
    for name, graph, ms in zip(CHECKED, graphs, measured, strict=True):
        predicted = predict_ms(schedule_of(make_plan(graph, target)), SIZE, profile)
        rows.append(
            {"network": name, "predicted_ms": round(predicted, 3), "measured_ms": round(ms, 3),
             "ratio": round(predicted / ms, 3)}
        )  # fmt: skip
    ratios = [row["ratio"] for row in rows]
    return {
        "machine": describe_machine(),
        "model": cpu,
        "ghz": ghz,
        "threads": 1,
        "size": list(SIZE),
        "busy": True,
        "rounds": ROUNDS,
        "seconds": SECONDS,
        "cycles": found,
        "rows": rows,
        "median_error": round(statistics.median(abs(ratio - 1) for ratio in ratios), 3),
        "largest_error": round(max(abs(ratio - 1) for ratio in ratios), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mca", default="llvm-mca-22")
    parser.add_argument("--cpu", default="znver3")
    parser.add_argument("--ghz", type=float, default=3.0)
    parser.add_argument("--only", choices=("check", "cores"), help="the other half stays as it was recorded")
    parser.add_argument("--core", nargs="+", choices=CORES, metavar="NAME", help="others stay as they were recorded")
    args = parser.parse_args()
    checks, kept = ROOT / "benchmarks" / "predicted_arm.json", ROOT / "src/pocketsr/design/arm-cores.json"
    version = subprocess.run([args.mca, "--version"], capture_output=True, text=True, check=True).stdout
    llvm = next(line.strip() for line in version.splitlines() if "LLVM version" in line)
    if args.only == "cores" or args.core:
        record = json.loads(checks.read_text())
    else:
        record = {"command": "python tools/record_arm.py", "llvm": llvm, "check": check(args.mca, args.cpu, args.ghz)}
        _write(checks, record)
    rows = record["check"]["rows"]
    checked = {
        "networks": len(rows),
        "median_error": record["check"]["median_error"],
        "within_tenth": sum(abs(row["ratio"] - 1) <= 0.1 for row in rows) / len(rows),
    }
    about = {"made_by": record["command"], "llvm": llvm, "assumed": ASSUMED, "checked": checked}
    found = json.loads(kept.read_text())["cores"]
    _write(kept, about | {"cores": found})
    if args.only == "check":
        return
    for name, core in _simulated(args.mca, args.core or CORES):
        found[name] = core
        _write(kept, about | {"cores": {each: found[each] for each in CORES if each in found}})


def _simulated(mca: str, names: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each of `names` with what is kept of it; cores that are compiled for alike come one after the other."""
    simulated: dict[tuple[str, str], dict[str, float]] = {}
    for name in sorted(names, key=lambda each: CORES[each].cpu):
        core = CORES[name]
        key = core.mca, core.cpu
        if key not in simulated:
            target = Target("aarch64-linux-gnu", core.cpu, 4, 32, dot_cost=core.dot_cost, matrices=core.matrices)
            simulated[key] = costs(cycles(Model(core.mca, target), mca), core.dot_cost)
        print(name, {kind: round(value, 2) for kind, value in simulated[key].items()}, flush=True)
        yield (
            name,
            {
                "says": core.says,
                "model": core.mca,
                "compiled_for": core.cpu,
                "dot_cost": core.dot_cost,
                "l2_bytes": core.l2_bytes,
                "memory": core.memory,
                "scale": core.scale,
                "cycles": cycles_of(simulated[key], core.memory, core.scale),
            },
        )


def _write(path: Path, content: dict[str, Any]) -> None:
    if "check" in content:
        print(json.dumps(content["check"], indent=1), flush=True)
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
