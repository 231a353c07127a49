"""`export.wasm`: the modules' bits are the native library's, whatever the size, the strips and the frames before."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from wasm_in_node import has_relaxed, upscaled

from pocketsr import UserError
from pocketsr.engine import load, read_network
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import cross_target
from pocketsr.export.wasm import TRIPLE, export

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from quantized_nets import save_whole

SIZES = [(1, 1), (5, 3), (67, 31), (64, 48), (130, 9)]  # (width, height)
PMIN, MADD = b"\xfd\xea\x01", b"\xfd\x85\x02"
"""f32x4.pmin and f32x4.relaxed_madd, as they are encoded."""


def pictures(sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    smooth = [np.add.outer(np.arange(h) * 3, np.arange(w) * 2) % 256 for w, h in sizes]
    return [((s + random.integers(0, 64, s.shape)) % 256).astype(np.uint8) for s in smooth]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    export("tiny", folder)
    return folder


def test_files_of_a_network_of_floats(tiny: Path) -> None:
    facts = json.loads((tiny / "tiny.json").read_text())
    assert facts["modules"] == {"plain": "tiny.wasm", "relaxed": "tiny-relaxed.wasm"}
    assert (facts["scale"], facts["channels"], facts["exact"]) == (2, 1, False)
    plain, relaxed = ((tiny / file).read_bytes() for file in facts["modules"].values())
    assert facts["bytes"]["tiny.wasm"]["bytes"] == len(plain)
    assert plain.count(PMIN) > 20  # in place of four calls each
    assert MADD not in plain
    assert relaxed.count(MADD) > 100
    for content in (plain, relaxed):
        assert len(content) < 45_000
        assert b"u16" not in content  # 8 bits alone are asked for
        assert b"fmax" not in content
        assert b"name" not in content[-200:]  # stripped


@pytest.mark.parametrize("relaxed", [False, True])
def test_floats_differ_by_a_level_in_few_pixels(tiny: Path, relaxed: bool) -> None:
    given = pictures([*SIZES, (320, 180)])
    results, _ = upscaled(tiny, "tiny", given, relaxed=relaxed)
    network = load("tiny", threads=1)
    off = [np.abs(got.astype(int) - network(one)) for got, one in zip(results, given, strict=True)]
    assert max(each.max() for each in off) <= 1
    assert sum((each > 0).sum() for each in off) <= sum(each.size for each in off) / 10_000 + 1


def test_8_bits_are_the_native_ones(tmp_path: Path) -> None:
    report = export("small-w8a8", tmp_path)
    assert list(report.files) == ["small-w8a8.js", "small-w8a8.json", "small-w8a8.wasm"]
    given = pictures(SIZES)
    results, _ = upscaled(tmp_path, "small-w8a8", given)
    network = load("small-w8a8", threads=1)
    for got, one in zip(results, given, strict=True):
        assert (got == network(one)).all()


@pytest.mark.parametrize("name", ["whole_wide", "whole_zeros", "whole_w4a4", "whole_narrow"])
def test_exact_winograd(name: str, tmp_path: Path) -> None:
    """Any number of channels, zeros that aren't 0, borders of both kinds: 6 products for 4 rows make the same bits."""
    path = save_whole(name, tmp_path)
    plan = make_plan(read_network(path)[0], cross_target(TRIPLE))
    assert any(step.method.apart and step.method.rows for step in plan.steps)
    export(path, tmp_path)
    given = [*pictures([(5, 3), (67, 31)]), np.full((4, 9), 255, np.uint8)]
    results, _ = upscaled(tmp_path, name, given)
    network = load(path, threads=1)
    for got, one in zip(results, given, strict=True):
        assert (got == network(one)).all()


@pytest.mark.parametrize("name", ["whole_skips", "whole_w2a2", "whole_zeros"])
def test_other_integers_too_even_with_relaxed_simd(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who compiles the C with -mrelaxed-simd gets the same bits: nothing is contracted."""
    from pocketsr.engine.codegen.target import Target
    from pocketsr.export import wasm

    path = save_whole(name, tmp_path)
    plain = wasm.cross_target
    monkeypatch.setattr(wasm, "cross_target", lambda triple: plain(triple).relaxed)
    assert isinstance(wasm.cross_target(wasm.TRIPLE), Target)
    assert "relaxed_simd" in (wasm.cross_target(wasm.TRIPLE).cpu or "")
    export(path, tmp_path)
    assert MADD not in (tmp_path / f"{name}.wasm").read_bytes()
    given = pictures([(5, 3), (67, 31)])
    network = load(path, threads=1)
    if has_relaxed(tmp_path, name):
        results, _ = upscaled(tmp_path, name, given)
        for got, one in zip(results, given, strict=True):
            assert (got == network(one)).all()


def test_memory_is_two_frames_and_the_rings_and_does_not_grow(tiny: Path) -> None:
    small, large = pictures([(16, 16), (96, 64)])
    _, held = upscaled(tiny, "tiny", [small, large], strips=1, times=10_000 // 2)
    network = load("tiny", threads=1)
    needed = 5 * large.size + network.scratch_bytes(96)
    assert held[1] <= needed + 8 * 65536  # weights, stack, whole pages
    _, once = upscaled(tiny, "tiny", [small, large], strips=1, times=1)
    assert held == once


def test_f32_is_there_if_asked_for(tmp_path: Path) -> None:
    report = export("bicubic", tmp_path, f32=True)
    assert b"f32" in (tmp_path / "bicubic.wasm").read_bytes()
    assert report.bytes == sum((tmp_path / file).stat().st_size for file in report.files if not file.endswith(".json"))


def test_names_of_files_that_are_no_addresses(tmp_path: Path) -> None:
    path = save_whole("whole_one", tmp_path)
    odd = path.rename(tmp_path / "..a#b 'c%2f?.onnx")
    export(odd, tmp_path / "out")
    made = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert made == sorted(f"a_b__c_2f_{end}" for end in (".js", ".json", ".wasm", "-wasm.json", "-wasm.md"))
    (given,) = pictures([(5, 3)])
    results, _ = upscaled(tmp_path / "out", "a_b__c_2f_", [given])
    assert results[0].shape == (6, 10)


def test_what_fails_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown model"):
        export("huge", tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="choose another folder"):
        export("tiny", tmp_path / "file" / "x")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
