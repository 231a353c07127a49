"""Profiles: written and read, refused, and changed to devices that don't exist."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from design_profiles import profile
from msgspec.structs import replace

from pocketsr.design import calibrate as calibrating
from pocketsr.design import running
from pocketsr.design.candidate import Candidate
from pocketsr.design.chain import Chain
from pocketsr.design.cost import predict_ms, schedule_of_chain, work_of_strips
from pocketsr.design.graphs import graph_of
from pocketsr.design.precision import PRECISIONS
from pocketsr.design.profile import default_profile, read_profile, simulate
from pocketsr.engine.codegen.work import WORK
from pocketsr.errors import UserError

SIZE = (640, 360)


def _ms(candidate: Candidate, device: object) -> float:
    target = device.vectors.target()  # type: ignore[attr-defined]
    return predict_ms(schedule_of_chain(candidate.chain(), target), SIZE, device)  # type: ignore[arg-type]


def test_a_profile_reads_as_it_was_written(tmp_path: Path) -> None:
    device = profile(products=0.25, frame=1e5)
    device.write(tmp_path / "p.json")
    assert read_profile(tmp_path / "p.json") == device
    assert device.costs()[WORK.index("products")] == 0.25


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("{", "is no profile"), ('{"name": "x"}', "is no profile .*missing"), (None, "can't be read")],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str | None, complaint: str) -> None:
    if text is not None:
        (tmp_path / "p.json").write_text(text)
    with pytest.raises(UserError, match=complaint):
        read_profile(tmp_path / "p.json")


def test_a_profile_of_another_cost_model_is_refused(tmp_path: Path) -> None:
    profile().write(tmp_path / "p.json")
    text = (tmp_path / "p.json").read_text()
    (tmp_path / "p.json").write_text(text.replace('"products"', '"production"'))
    with pytest.raises(UserError, match=r"another version .*pocketsr calibrate"):
        read_profile(tmp_path / "p.json")


def test_the_profile_that_ships_is_measured_and_orders_networks() -> None:
    device = default_profile()
    assert device.simulated is None
    assert device.fit.networks >= 40
    assert set(device.precisions) == set(PRECISIONS)
    times = [_ms(Candidate("a", "pocket", 6, width), device) for width in (4, 8, 12, 24, 48)]
    assert times == sorted(times)
    assert 0.1 < times[0] < times[-1] < 1000


def test_costs_that_were_not_measured_are_named(tmp_path: Path) -> None:
    device = default_profile()
    assert set(device.derived) == {"chosen", "classes"}
    assert all(device.costs_ns[kind] > 0 for kind in device.derived)
    device.write(tmp_path / "p.json")
    assert read_profile(tmp_path / "p.json").derived == device.derived
    from pocketsr.design.report import make_report

    assert "not measured but derived: the costs of chosen, classes." in make_report([], device, []).lower()


def test_without_dot_products_whole_numbers_take_longer_and_floats_do_not() -> None:
    device = profile(precisions=("fp32", "w8a8", "w2a8"), products=0.2, dots=0.2, added=0.2, taken=0.2)
    none = simulate(device, "no-dot-product")
    assert none.name == "simulated no-dot-product of a machine"
    assert "4 instructions for a dot product of bytes in place of 1" in str(none.simulated)
    floats, integers = Candidate("a", "pocket", 6, 20), Candidate("a", "pocket", 6, 20, precision="w8a8")
    few = Candidate("a", "pocket", 6, 20, precision="w2a8")
    assert _ms(floats, none) == _ms(floats, device)
    assert _ms(integers, none) > 2.5 * _ms(integers, device)
    # additions take the place of dot products where those are many instructions each
    assert _ms(few, device) == pytest.approx(_ms(integers, device), rel=0.05)
    assert _ms(few, none) < 0.6 * _ms(integers, none)


def test_simulated_devices_say_so_and_are_slower() -> None:
    device = profile(products=0.2, far=0.1, tiles=0.1)
    candidate = Candidate("a", "pocket", 8, 32)
    single, slow = simulate(device, "one-core"), simulate(device, "slow-memory")
    assert single.name == "simulated one-core of a machine"
    assert "one thread in place of 2" in str(single.simulated)
    assert 1.8 < _ms(candidate, single) / _ms(candidate, device) < 2.1
    assert _ms(candidate, slow) > 1.1 * _ms(candidate, device)
    assert simulate(slow, "one-core").name == "simulated one-core of simulated slow-memory of a machine"


def test_this_device_can_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    integers = next(chain for chain in calibrating.probes() if chain.precision == "w8a8")
    few = (*calibrating.probes()[:1], calibrating.probes()[4], integers)
    monkeypatch.setattr(calibrating, "probes", lambda: few)
    monkeypatch.setattr(calibrating, "_PEAKS", 1)
    monkeypatch.setattr(calibrating, "_COPIED", 1 << 20)
    told: list[str] = []
    device = calibrating.calibrate(1, "here", seconds=0.1, busy=True, tell=lambda what, *_: told.append(what))
    assert device.name == "here"
    assert device.threads == 1
    assert device.fit.networks == 3
    assert device.fma_peak_gmacs > 0
    assert device.bandwidth_gb_per_s > 0
    assert sum(device.costs()) > 0
    assert device.precisions == ("fp32", "w8a8")
    assert list(dict.fromkeys(told)) == ["multiply-adds and memory", "compiling", "timing"]


@pytest.mark.parametrize("made", [1, 7, 24])
def test_a_busy_device_is_measured_by_what_is_compiled_in_time(monkeypatch: pytest.MonkeyPatch, made: int) -> None:
    """So many networks are all that there is time for: costs come out as they went in, twice those of the profile
    that ships, and those of work that no timed network has in that proportion."""
    known = default_profile()
    monkeypatch.setattr(calibrating, "_PEAKS", 1)
    monkeypatch.setattr(calibrating, "_COPIED", 1 << 20)
    monkeypatch.setattr(calibrating, "host_target", known.vectors.target)
    monkeypatch.setattr(calibrating, "_second_cache", lambda: known.l2_bytes)
    twice = replace(known, threads=1, costs_ns={kind: 2 * cost for kind, cost in known.costs_ns.items()})

    @contextmanager
    def compiled(chains: list[Chain], *asked: Any) -> Iterator[list[Any]]:
        assert asked[-1] == 1  # the fewest that are waited for when time is up
        yield [(chain, None) for chain in chains[:made]]

    def timed(chains: list[Chain], *_: Any) -> list[float]:
        return [predict_ms(schedule_of_chain(chain, known.vectors.target()), SIZE, twice) for chain in chains]

    monkeypatch.setattr(calibrating, "graph_of", lambda chain, seed: (chain, seed)[0])
    monkeypatch.setattr(calibrating, "compiled", compiled)
    monkeypatch.setattr(calibrating, "fastest_ms", timed)
    device = calibrating.calibrate(1, busy=True)
    assert device.fit.networks == made < len(calibrating.probes())
    assert device.precisions == (PRECISIONS if made >= len(PRECISIONS) else ("fp32",))
    assert device.fit.median_error < 0.01
    candidate = Candidate("a", "pocket", 4, 12, size=SIZE)
    assert _ms(candidate, device) == pytest.approx(_ms(candidate, twice), rel=0.15)
    if made == 24:  # fewer only scale the profile that ships; what else is taken from there is said
        target = known.vectors.target()
        first = [chain for _, chain in calibrating._in_order()[:made]]
        work = [work_of_strips(schedule_of_chain(chain, target), SIZE, 1, known.l2_bytes)[-1] for chain in first]
        total = np.sum(work, axis=0).tolist()
        assert set(device.derived) == {kind for kind, amount in zip(WORK, total, strict=True) if not amount}
    else:
        assert device.derived == {}


def test_the_first_of_a_spread_order_lie_all_over_the_list() -> None:
    assert calibrating.spread(range(6)) == [0, 4, 2, 1, 5, 3]
    assert sorted(calibrating.spread(range(97))) == list(range(97))
    first = sorted(calibrating.spread(range(97))[:16])
    assert max(b - a for a, b in pairwise(first)) <= 16
    assert calibrating.spread(()) == []


def test_compiling_and_timing_end_when_they_should() -> None:
    """What isn't done when time is up is left out, but for the fewest that are asked for."""
    graphs = [graph_of(chain) for chain in calibrating.probes()[:3]]
    with running.compiled(graphs, 1, until=-math.inf, fewest=2) as made:
        assert len(made) == 2
        found = running.fastest_ms([network for network, _ in made], (32, 16), seconds=1e9, until=-math.inf)
    assert len(found) == 2
    assert min(found) > 0


def test_the_networks_that_are_timed_have_every_kind_of_work() -> None:
    target = default_profile().vectors.target()
    total = sum(
        work_of_strips(schedule_of_chain(chain, target), SIZE, 2, 1 << 20)[-1] for chain in calibrating.probes()
    )
    assert [kind for kind, amount in zip(WORK, total, strict=True) if not amount] == []  # type: ignore[arg-type]
    assert len(calibrating.probes()) >= 50
