"""Cores of phones by name: what a name means, which are refused, and what their profiles say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from design_profiles import profile

from pocketsr.design.candidate import Candidate
from pocketsr.design.cost import predict_ms, schedule_of_chain
from pocketsr.design.devices import cores, find_device, named_device
from pocketsr.design.profile import Profile, default_profile
from pocketsr.engine.codegen.work import WORK
from pocketsr.errors import UserError

FLOATS, BYTES = Candidate("a", "pocket", 5, 12), Candidate("a", "pocket", 5, 12, precision="w8a8")


def _ms(candidate: Candidate, device: Profile) -> float:
    return predict_ms(schedule_of_chain(candidate.chain(), device.vectors.target()), (640, 360), device)


def test_a_name_is_a_core_its_clock_and_how_many() -> None:
    device = named_device("cortex-a55@1.8x2")
    assert (device.name, device.threads) == ("cortex-a55@1.8x2", 2)
    assert (device.vectors.lanes, device.vectors.registers, device.vectors.dot_cost) == (4, 32, 1)
    assert named_device("cortex-a55@1.8").name == "cortex-a55@1.8x1"
    assert device.costs()[WORK.index("products")] == pytest.approx(cores()["cortex-a55"].cycles["products"] / 1.8)


def test_it_says_that_nothing_was_measured_and_how_far_off_the_method_is() -> None:
    device = named_device("cortex-x1@2.8")
    assert "llvm-mca" in str(device.simulated)
    assert "none measured" in str(device.simulated)
    assert "V1" in str(device.simulated)
    assert device.fit.networks >= 4
    assert device.fit.median_error > 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cortex-a56@1.8", "unknown core 'cortex-a56': did you mean cortex-a.*design --device list"),
        ("\x1b[31m@2", r"unknown core .*--device list"),
        ("cortex-a55", r"'cortex-a55': a core, its GHz .*as in cortex-a55@1\.8x2"),
        ("cortex-a55@", "a core, its GHz"),
        ("cortex-a55@fast", "a core, its GHz"),
        ("cortex-a55@0", r"GHz \(0\.1 to 10\)"),
        ("cortex-a55@99", "a core, its GHz"),
        ("cortex-a55@1.8x0", r"threads \(1 to 64\)"),
        ("cortex-a55@1.8x65", "threads"),
        ("cortex-a55@1.8x2x2", "a core, its GHz"),
        ("cortex-a55@nan", "a core, its GHz"),
        ("cortex-a55@١.٨", "a core, its GHz"),
        ("cortex-a55@1.8\n", "a core, its GHz"),
    ],
)
def test_what_is_no_device_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        find_device(text)
    assert str(caught.value).isprintable()


def test_a_file_is_read_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    profile(products=0.25).write(Path("cortex-a55@1.8"))
    assert find_device("cortex-a55@1.8").name == "a machine"
    with pytest.raises(UserError, match=r"no\.json can't be read"):
        find_device("no.json")


def test_every_core_has_every_kind_of_work_and_says_what_stands_for_it() -> None:
    found = cores()
    assert {"cortex-a53", "cortex-a78", "cortex-x4", "c1-ultra", "oryon", "apple-a12", "apple-a19"} <= found.keys()
    for name, core in found.items():
        assert set(core.cycles) == set(WORK), name
        assert core.cycles["products"] > 0.2, name  # no core has ten vector units
        assert core.says, name
    without = {name for name, core in found.items() if core.dot_cost > 1}
    assert {"cortex-a53", "cortex-a57", "cortex-a72", "cortex-a73", "apple-a12"} <= without
    assert not without & {"cortex-a55", "cortex-a75", "cortex-a76", "apple-a13"}


def test_time_goes_by_the_clock_and_the_number_of_cores() -> None:
    slow, fast, four = (named_device(f"cortex-a76@{text}") for text in ("1", "2", "1x4"))
    assert _ms(FLOATS, slow) == pytest.approx(2 * _ms(FLOATS, fast))
    assert 3 < _ms(FLOATS, slow) / _ms(FLOATS, four) < 4


def test_newer_cores_are_quicker_and_bytes_pay_where_sdot_is() -> None:
    order = [named_device(f"{name}@2") for name in ("cortex-a53", "cortex-a55", "cortex-a76", "cortex-x1", "cortex-x4")]
    times = [_ms(FLOATS, device) for device in order]
    assert times == sorted(times, reverse=True)
    a53, a55 = order[:2]
    assert _ms(BYTES, a53) > _ms(FLOATS, a53)
    assert _ms(BYTES, a55) < _ms(FLOATS, a55)
    assert _ms(FLOATS, order[-1]) > 0.5 * _ms(FLOATS, default_profile())  # no phone's core is a server's two
