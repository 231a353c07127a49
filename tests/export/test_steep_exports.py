"""Networks whose kernels are chosen pixel by pixel: our own C takes them, other runtimes refuse them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketsr.errors import UserError
from pocketsr.export import TARGETS, export
from pocketsr.export.source import open_source


@pytest.mark.parametrize("name", ["steep-tiny", "steep-small", "steep-small-w8a8"])
def test_no_other_runtime_gets_the_mean_of_the_kernels(name: str) -> None:
    source = open_source(name)
    assert source.precision == ("int8" if name.endswith("w8a8") else "float32")
    with pytest.raises(UserError, match="chosen pixel by pixel, which no other runtime has a form for; choose c, wasm"):
        assert source.layers


@pytest.mark.parametrize("target", ["ncnn", "qnn", "snpe", "neuropilot", "executorch"])
def test_a_refusal_writes_nothing(target: str, tmp_path: Path) -> None:
    assert target in TARGETS
    with pytest.raises(UserError, match="chosen pixel by pixel"):
        export(target, "steep-small-w8a8", tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_the_c_library_takes_them(tmp_path: Path) -> None:
    report = export("c", "steep-tiny", tmp_path, size=(40, 24))
    assert (report.max_levels, report.precision) == (0, "float32")
    assert "| PSNR to pocketsr, dB | no sample differs |" in report.to_markdown()
    assert "Classes" in {each.name for each in report.operators}
