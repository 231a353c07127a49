"""MNN's files, by its own converter, in MNN."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from export_nets import net_of_many_forms
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from pocketsr.engine import read_network
from pocketsr.engine.ir.reference import evaluate
from pocketsr.export import export
from pocketsr.export._onnx import plain_model
from pocketsr.export.source import open_source

SIZE = (256, 160)
NEEDS = "needs MNN: pip install 'pocketsr[mnn]'"


def test_the_file_for_converters_says_the_same_with_slopes_of_four_axes(tmp_path: Path) -> None:
    for name in ("tiny", str(net_of_many_forms(tmp_path / "forms.onnx"))):
        source = open_source(name)
        plain = plain_model(source.layers)
        picture = np.random.default_rng(3).random((source.graph.channels, 13, 17)).astype(np.float32)
        (found,) = ReferenceEvaluator(plain).run(None, {"picture": picture[None]})
        np.testing.assert_allclose(found[0], evaluate(source.graph, picture), atol=2e-6)
        onnx.save(plain, tmp_path / "plain.onnx")
        assert read_network(tmp_path / "plain.onnx")[0].channels == source.graph.channels
        constants = {each.name: numpy_helper.to_array(each) for each in plain.graph.initializer}
        slopes = [constants[node.input[1]] for node in plain.graph.node if node.op_type == "PRelu"]
        assert slopes
        assert all(slope.ndim == 4 for slope in slopes)


@pytest.mark.parametrize(("name", "levels"), [("small", 1), ("medium", 6)])
def test_a_network_gives_our_samples_in_mnn(name: str, levels: int, tmp_path: Path) -> None:
    """A quantized one without its rounding: as floats it is a few levels off where it is trained to round."""
    pytest.importorskip("MNN", reason=NEEDS)
    report = export("mnn", name, tmp_path, size=SIZE)
    assert report.files == (f"{name}.mnn",)
    assert report.max_levels is not None
    assert report.max_levels <= levels
    assert report.psnr_db is not None
    assert report.psnr_db > 50
    assert not [each for each in tmp_path.iterdir() if each.suffix == ".onnx"]


def test_what_mnn_prints_stays_out_of_the_json(tmp_path: Path) -> None:
    pytest.importorskip("MNN", reason=NEEDS)
    command = [sys.executable, "-m", "pocketsr", "export", "mnn", "-m", "bicubic", "-o", str(tmp_path), "--json"]
    done = subprocess.run([*command, "--size", "64x48"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["files"] == ["bicubic.mnn"]
