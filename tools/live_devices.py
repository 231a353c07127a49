"""What each level takes on devices that don't exist: `design`'s costs by other clocks, vectors and memory.

They span what there is, from an old phone's small core to a server; none was measured. `cycles` says how many cycles a
core needs for what the measured one does in one, `memory` how much longer what waits for memory takes beyond that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import msgspec

from pocketsr.design.cost import predict_ms
from pocketsr.design.profile import Profile, Vectors, default_profile
from pocketsr.engine import read_network
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work import schedule_of
from pocketsr.engine.ir.graph import Graph
from pocketsr.engine.resample import chroma_graph
from pocketsr.live import Level
from pocketsr.models import resolve

__all__ = ["DEVICES", "SIZES", "Device", "level_times_us"]

_MEASURED_GHZ = 3.7
_WAITING = ("tiles", "far", "interleaved", "samples")  # kinds of work that wait for memory
SIZES = ((320, 180), (480, 270), (640, 360), (960, 540), (1280, 720))
NEON = Vectors(lanes=4, registers=32, l1_bytes=32768, dot_cost=8)
AVX2 = Vectors(lanes=8, registers=16, l1_bytes=32768, dot_cost=4)
AVX512 = Vectors(lanes=16, registers=32, l1_bytes=49152, dot_cost=2)


@dataclass(frozen=True)
class Device:
    """A machine by what tells it from the one that `design`'s profile was measured on."""

    name: str
    ghz: float
    threads: int
    vectors: Vectors
    cycles: float
    memory: float = 1.0

    def __str__(self) -> str:
        return f"{self.name}@{self.ghz:g}x{self.threads}"

    def profile(self) -> Profile:
        """A vector of fewer lanes is half a vector's work, a quarter's: never less than half, since the measured
        machine takes 512 bits in two halves."""
        known = default_profile()
        share = max(0.5, self.vectors.lanes / 16)
        slower = self.cycles * share * _MEASURED_GHZ / self.ghz
        costs = {
            kind: cost * slower * (self.memory if kind in _WAITING else 1) for kind, cost in known.costs_ns.items()
        }
        return msgspec.structs.replace(
            known, name=str(self), simulated="clock, cycles, vectors and memory", threads=self.threads,
            vectors=self.vectors, l2_bytes=max(1, round(known.l2_bytes / self.memory)), costs_ns=costs,
        )  # fmt: skip


DEVICES = (
    Device("old phone, small core", 1.4, 1, NEON, 2.0, 4),
    Device("phone, small cores", 1.8, 2, NEON, 1.8, 3),
    Device("phone, big core", 2.4, 1, NEON, 1.2, 2),
    Device("new phone, big cores", 3.2, 2, NEON, 0.8, 1.5),
    Device("old laptop", 2.4, 2, AVX2, 1.2, 1.5),
    Device("laptop", 3.2, 4, AVX2, 1.0),
    Device("desktop", 4.4, 8, AVX2, 1.0),
    Device("server", 3.7, 16, AVX512, 1.0),
)


def level_times_us(device: Device) -> dict[str, list[int]]:
    """By "WIDTHxHEIGHT": microseconds of an I420 frame at each `Level`, in their order, when the device is idle."""
    profile = device.profile()
    target = device.vectors.target()

    def us(graph: Graph, width: int, height: int) -> float:
        return 1000 * predict_ms(schedule_of(_plan(graph, target)), (width, height), profile)

    found = {}
    for width, height in SIZES:
        chroma = 2 * us(_chroma(), width // 2, height // 2)
        luma = [us(_graph(level), width, height) for level in Level if level]
        repeated = (luma[0] + chroma) / 4  # samples are copied, none is multiplied
        found[f"{width}x{height}"] = [round(repeated), *(round(each + chroma) for each in luma)]
    return found


_plans: dict[tuple[str, Target], object] = {}


def _plan(graph: Graph, target: Target):  # type: ignore[no-untyped-def]
    key = (graph.name, target)
    if key not in _plans:
        _plans[key] = make_plan(graph, target)
    return _plans[key]


@cache
def _chroma() -> Graph:
    return chroma_graph(2, "left")


@cache
def _graph(level: Level) -> Graph:
    return read_network(resolve(level.name.lower()))[0]
