"""LiteRT's files in LiteRT: one piece for XNNPACK, and the samples of the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from export_nets import net_of_many_forms, net_with, photograph

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install 'pocketsr[litert]'")

from pocketsr import models
from pocketsr.engine import load, read_network
from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export.litert import Interpreted, content
from pocketsr.export.lowering import lower
from pocketsr.pixels import imresize, psnr

SIZE = (256, 160)


@pytest.mark.parametrize("name", ["bicubic", "tiny", "small"])
def test_a_float_network_is_one_piece_and_gives_our_samples(name: str, tmp_path: Path) -> None:
    report = export("litert", name, tmp_path, size=SIZE)
    assert report.partitions == 1
    assert {each.unit for each in report.operators} == {"XNNPACK"}
    assert report.max_levels is not None
    assert report.max_levels <= 1
    assert report.differing_share is not None
    assert report.differing_share <= 2e-4  # of a drawing with many ties; 1e-5 at 640x360
    assert "MIRROR_PAD" not in {each.name for each in report.operators}


def test_many_forms_of_layers_of_rgb(tmp_path: Path) -> None:
    report = export("litert", net_of_many_forms(tmp_path / "forms.onnx"), tmp_path, size=(50, 41))
    assert report.partitions == 1
    assert report.max_levels is not None
    assert report.max_levels <= 1
    assert report.differing_share is not None
    assert report.differing_share <= 1e-3


def test_float16_weights_stay_in_one_piece_and_halve_them(tmp_path: Path) -> None:
    half = export("litert", "small", tmp_path, size=SIZE, precision="float16")
    whole = export("litert", "small", tmp_path, size=SIZE)
    assert half.files == ("small-float16.tflite",)
    assert half.partitions == 1
    assert half.max_levels is not None
    assert half.max_levels <= 1
    assert whole.bytes - half.bytes > 5000  # 5848 parameters less two bytes each, and an operator for each constant


def test_int8_is_one_piece_of_integers(tmp_path: Path) -> None:
    report = export("litert", "small-w8a8", tmp_path, size=SIZE)
    assert report.precision == "int8"
    assert report.partitions == 1
    assert report.psnr_db is not None
    assert report.psnr_db > 45
    names = [each.name for each in report.operators]
    assert "PRELU" not in names


@pytest.mark.parametrize("name", ["small-w8a8", "medium"])
def test_int8_restores_a_photograph_as_well_as_ours(name: str) -> None:
    """Within 0.1 dB; tools/record_exports.py has the figures on Set5 and B100."""
    large = photograph(200, 240)
    small = imresize(large, 0.5)
    made, _ = content(lower(read_network(models.resolve(name))[0]), small.shape[0], small.shape[1], "int8")
    runtime = Interpreted(made, 1.0)
    ours, theirs = psnr(load(name)(small), large), psnr(runtime(small), large)
    assert theirs > ours - 0.1
    assert theirs > psnr(imresize(small, 2), large) + 1  # the pictures are no mere enlargement


def test_a_pixel_depends_on_its_surroundings_alone() -> None:
    """As it does not where int8 weights meet float activations, which XNNPACK scales by the whole picture."""
    net = lower(read_network(models.resolve("small-w8a8"))[0])
    runtime = Interpreted(content(net, 64, 64, "int8")[0], 1.0)
    picture = photograph(64, 64).copy()
    before = runtime(picture)
    picture[:4, :4] = 255 - picture[:4, :4]
    after = runtime(picture)
    assert np.array_equal(before[40:], after[40:])
    assert not np.array_equal(before[:8, :8], after[:8, :8])


def test_a_layer_without_a_form_is_refused_by_its_node(tmp_path: Path) -> None:
    network = net_with(tmp_path / "odd.onnx", "Softplus")
    with pytest.raises(UserError, match=r"^node 'Softplus_node': litert has no form for softplus"):
        export("litert", network, tmp_path / "out")
    assert not (tmp_path / "out").exists()
