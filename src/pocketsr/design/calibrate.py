"""This device measured: small networks that exercise each kernel of the engine, and the costs that explain them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pocketsr.bench._peak import FmaPeak
from pocketsr.bench.machine import describe_machine
from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.design.cost import schedule_of_chain, work_of_strips
from pocketsr.design.fitting import costs_of
from pocketsr.design.graphs import graph_of
from pocketsr.design.precision import PRECISIONS
from pocketsr.design.profile import Fit, Profile, Vectors, default_profile
from pocketsr.design.running import compiled, fastest_ms
from pocketsr.engine.codegen.work import WORK, host_target
from pocketsr.engine.ir.graph import Pad

__all__ = ["SIZE", "Tell", "calibrate", "probes", "spread"]

T = TypeVar("T")

SIZE = (640, 360)
"""Of the frames that are timed."""

Tell = Callable[[str, int, int], None]
"""What is going on, how much of it is done, and of how much."""

_SECONDS = 60.0  # of timing
_COMPILING_S, _ALL_S = 110.0, 165.0  # from the beginning: on a busy machine compiling alone would take a quarter hour
_FEWEST = 24  # networks that costs are fitted to; fewer say how fast this device is, not what at
_IN_PROPORTION = "no network that was timed has it: that of the profile that ships, in the proportion of the others"
_COPIED = 1 << 26  # bytes, more than caches hold
_PEAKS = 5


def probes() -> tuple[Chain, ...]:
    """The networks whose times decide: one kernel stands out in each, or they are mixed as networks mix them."""
    return tuple(dict.fromkeys(_probes()))


def _chain(*widths: int, kernel: tuple[int, int] = (3, 3), ends: int = 3, groups: int = 1, **more: object) -> Chain:
    """A first layer and inner ones of `widths`, and a last one that makes the four pixels."""
    act = more.pop("act", Act.PRELU)
    add = more.pop("add", ())
    inner = [
        Layer(width, kernel if i else (ends, ends), groups if i else 1, act=act)  # type: ignore[arg-type]
        for i, width in enumerate(widths)
    ]
    last = Layer(4, (ends, ends), act=Act.NONE, add=add)  # type: ignore[arg-type]
    return Chain((*inner, last), **more)  # type: ignore[arg-type]


def _chosen(chain: Chain, classes: int = 16, everywhere: bool = False) -> Chain:
    """`chain` whose first and last layers' kernels are chosen, or all."""
    ends = (0, len(chain.layers) - 1)
    layers = enumerate(chain.layers)
    return replace(
        chain,
        layers=tuple(replace(layer, classes=classes) if everywhere or i in ends else layer for i, layer in layers),
    )


def _probes() -> Iterator[Chain]:
    """First what is short and plain, then what grows out of the caches."""
    yield _chain()
    yield _chain(ends=1)
    yield _chain(ends=5)
    yield _chain(8, 8, 8, ends=1, kernel=(1, 1))
    for width in (4, 8, 12, 16, 24, 32, 48):
        yield _chain(width)
    for width in (4, 6, 8, 10, 12, 16, 20, 24, 32):
        yield _chain(width, width)
    for width in (8, 16, 32):
        yield _chain(width, ends=5)
    for width in (8, 14, 24):
        yield _chain(width, width, kernel=(5, 5))
    for width in (8, 20):
        for kernel in ((3, 1), (1, 3), (1, 1)):
            yield _chain(width, width, kernel=kernel)
    for width, groups in ((8, 4), (8, 2), (6, 2), (16, 4), (16, 8), (20, 2), (32, 4), (40, 4)):
        yield _chain(width, width, width, groups=groups)
    for width, groups in ((8, 2), (12, 4), (20, 4)):
        yield _chain(width, width, width, groups=groups, kernel=(5, 5), ends=5)
    for anchor in (Anchor.NONE, Anchor.BICUBIC, Anchor.LEARNED):
        yield _chain(12, anchor=anchor)
    for act in (Act.RELU, Act.TANH):
        yield _chain(12, act=act)
        yield _chain(24, 24, act=act)
    for width, deep in ((4, 6), (8, 7), (12, 8), (16, 6), (24, 5), (28, 7)):
        yield _chain(*[width] * deep, ends=5 if deep % 2 else 3, add=(0,))
    for width, deep, groups in ((12, 8, 2), (16, 8, 4), (24, 6, 2), (6, 5, 2)):
        yield _chain(*[width] * deep, groups=groups, act=Act.RELU)
    for width in (8, 16, 32):
        layers = (Layer(width, act=Act.RELU), Layer(width, act=Act.RELU), Layer(12, act=Act.NONE))
        yield Chain(layers, channels=3, pad=Pad.ZERO)
    yield Chain((Layer(12, act=Act.RELU),), channels=3, pad=Pad.ZERO)
    yield Chain((Layer(8), Layer(9, act=Act.NONE)), scale=3)
    yield _chosen(_chain(8))
    yield _chosen(_chain(*[8] * 4, groups=4, add=(0,)), everywhere=True)
    yield _chosen(_chain(12, 12, 12))
    yield _chosen(_chain(16, 16, ends=5), classes=32, everywhere=True)
    yield from _of_low_precision()


def _of_low_precision() -> Iterator[Chain]:
    """Dot products, additions in bytes and in halves, and what lies between layers that differ in it."""
    for width, deep in ((8, 2), (12, 4), (16, 6), (20, 3), (28, 5), (32, 3), (48, 2)):
        yield _chain(*[width] * deep, precision="w8a8")
    yield _chain(16, ends=5, precision="w8a8")
    yield _chain(24, 24, kernel=(5, 5), precision="w4a4")
    yield _chain(16, 16, 16, kernel=(1, 1), precision="w8a8", act=Act.RELU)
    yield _chain(*[20] * 5, kernel=(3, 1), precision="w4a8", add=(0,), anchor=Anchor.BICUBIC)
    yield _chain(12, 12, act=Act.TANH, precision="w8a8")
    for width, groups in ((8, 4), (16, 4), (20, 2), (32, 4)):
        yield _chain(*[width] * 4, groups=groups, precision="w8a8", anchor=Anchor.LEARNED)
    for width, deep in ((8, 4), (16, 2), (16, 6), (24, 3), (32, 3)):
        yield _chain(*[width] * deep, precision="w2a8")
    yield _chain(*[24] * 5, groups=2, precision="w2a8", add=(0,))
    for width, deep in ((12, 4), (24, 3)):
        yield _chain(*[width] * deep, precision="w2a4")
    for width, deep in ((8, 6), (16, 3), (16, 8), (28, 4), (40, 3)):
        yield _chain(*[width] * deep, precision="w2a2")
    yield _chain(16, 16, 16, kernel=(5, 5), precision="w2a2", add=(0,), anchor=Anchor.BICUBIC)
    yield _chain(*[32] * 4, groups=4, precision="w2a2", act=Act.RELU)
    yield Chain((*[Layer(16, act=Act.RELU)] * 3, Layer(12, act=Act.NONE)), 3, pad=Pad.ZERO, precision="w8a8")
    yield _chosen(_chain(*[12] * 3, groups=2, precision="w8a8"), everywhere=True)


def calibrate(
    threads: int, name: str = "", seconds: float = _SECONDS, busy: bool = False, tell: Tell = lambda *_: None
) -> Profile:
    """The profile of this device for `threads` threads at once, named `name` (default: after the processor).

    seconds: how long networks are timed; compiling them takes about as long again. busy: see `fastest_ms`.
    After three minutes what is compiled and timed by then must do: `Profile.fit` says how many networks that were.
    """
    began = time.perf_counter()
    target = host_target()
    machine = describe_machine()
    tell("multiply-adds and memory", 0, _PEAKS)
    peak = FmaPeak(threads)
    peaks, copies = [], []
    for number in range(_PEAKS):
        peaks.append(peak.gmacs())
        copies.append(_copy_gb_per_s(threads))
        tell("multiply-adds and memory", number + 1, _PEAKS)
    ordered = _in_order()
    graphs = [graph_of(chain, seed=number) for number, chain in ordered]
    tell_compiled = partial(_tell_compiled, tell, len(graphs))
    with compiled(graphs, threads, tell_compiled, began + _COMPILING_S, 1) as made:
        networks = [network for network, _ in made]
        tell_time = partial(tell, "timing")
        measured = np.array(fastest_ms(networks, SIZE, seconds, busy, tell_time, began + _ALL_S))
    chains = [chain for _, chain in ordered[: len(networks)]]
    l2_bytes = _second_cache()
    strips = [work_of_strips(schedule_of_chain(chain, target), SIZE, threads, l2_bytes) for chain in chains]
    fit = costs_of if len(chains) >= _FEWEST else _scaled
    costs = fit(np.array([each[-1] for each in strips]), measured)
    for _ in range(3):  # the slowest thread counts, and which that is depends on the costs
        slowest = [max(each, key=lambda work: float(work @ costs)) for each in strips]
        costs = fit(np.array(slowest), measured)
    errors = np.abs(np.array(slowest) @ costs / measured - 1)
    derived: dict[str, str] = {}
    if _FEWEST <= len(chains) < len(ordered):
        seen = np.array(slowest).sum(axis=0) > 0
        costs = _completed(costs, seen)
        derived = {kind: _IN_PROPORTION for kind, timed in zip(WORK, seen, strict=True) if not timed}
    return Profile(
        name=name or str(machine["cpu"]),
        machine=machine,
        threads=threads,
        vectors=Vectors(
            lanes=target.lanes, registers=target.registers, l1_bytes=target.l1_bytes, dot_cost=target.dot_cost
        ),
        l2_bytes=l2_bytes,
        fma_peak_gmacs=round(statistics.median(peaks), 2),
        bandwidth_gb_per_s=round(statistics.median(copies), 2),
        precisions=tuple(each for each in PRECISIONS if any(chain.precision == each for chain in chains)),
        costs_ns={kind: float(f"{1e6 * cost:.5g}") for kind, cost in zip(WORK, costs, strict=True)},
        derived=derived,
        fit=Fit(
            networks=len(chains),
            median_error=round(float(np.median(errors)), 4),
            within_tenth=round(float(np.mean(errors <= 0.1)), 4),
        ),
    )


def spread(items: Sequence[T]) -> list[T]:
    """`items` in an order whose first ones lie all over the list, however many they are: by the bits of their place
    read backwards, as van der Corput has it."""
    bits = max(1, (len(items) - 1).bit_length())
    places = (int(f"{place:0{bits}b}"[::-1], 2) for place in range(1 << bits))
    return [items[place] for place in places if place < len(items)]


def _in_order() -> list[tuple[int, Chain]]:
    """The probes with their numbers: one of each precision first, and then so that any first ones are of all kinds."""
    found = spread(tuple(enumerate(probes())))
    firsts = {chain.precision: number for number, chain in reversed(found)}
    return sorted(found, key=lambda each: each[0] not in firsts.values())


def _tell_compiled(tell: Tell, of: int, done: int) -> None:
    tell("compiling", done, of)


def _scaled(work: NDArray[np.float64], measured: NDArray[np.float64]) -> NDArray[np.float64]:
    """Costs from a few networks: those of the device whose profile ships, all by the same factor."""
    known = np.array(default_profile().costs())
    return known * float(np.median(measured / (work @ known)))


def _completed(costs: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Costs of work that no network of a shortened calibration had: those of the device whose profile ships, in the
    proportion of the others."""
    known = np.array(default_profile().costs())
    both = seen & (costs > 0) & (known > 0)
    ratio = float(np.median(costs[both] / known[both])) if both.any() else 1.0
    return np.where(seen, costs, known * ratio)


def _copy_gb_per_s(threads: int) -> float:
    """Bytes read and written a second while every thread copies more than caches hold."""
    pairs = [(np.ones(_COPIED, np.uint8), np.zeros(_COPIED, np.uint8)) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))
        start = time.perf_counter()
        list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))
        took = time.perf_counter() - start
    return 2 * threads * _COPIED / took / 1e9


def _second_cache() -> int:
    """Bytes of a core's second cache; a million where the system doesn't say."""
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, size = (folder / "level").read_text().strip(), (folder / "size").read_text().strip()
            if level == "2":
                return int(size.rstrip("KM")) * (1 << 20 if size.endswith("M") else 1 << 10)
        except (OSError, ValueError):
            continue
    return 1 << 20
