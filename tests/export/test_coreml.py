"""Core ML's packages, interpreted by NumPy: no Mac runs here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_nets import net_of_many_forms, net_with

from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export._mil import OPERATORS

ct = pytest.importorskip("coremltools", reason="needs coremltools: pip install 'pocketsr[coreml]'")

SIZE = (96, 64)


def _spec(path: Path) -> Any:
    return ct.models.MLModel(str(path), skip_model_load=True).get_spec()


def test_a_network_is_an_image_in_and_an_image_out(tmp_path: Path) -> None:
    report = export("coreml", "small", tmp_path, size=SIZE)
    assert report.max_levels is not None
    assert report.max_levels <= 1  # float16
    assert report.differing_share is not None
    assert report.differing_share < 0.05
    assert report.ms is None
    assert {each.unit for each in report.operators} == {None}
    assert any("Not run on any Mac" in note for note in report.notes)
    description = _spec(tmp_path / "small.mlpackage").description
    picture, enlarged = description.input[0].type.imageType, description.output[0].type.imageType
    assert (picture.width, picture.height) == SIZE
    sizes = [(each.width, each.height) for each in picture.enumeratedSizes.sizes]
    assert SIZE in sizes
    assert (640, 360) in sizes
    assert (360, 640) in sizes
    assert picture.colorSpace == enlarged.colorSpace
    assert description.output[0].name == "enlarged"


def test_in_float32_it_gives_our_samples(tmp_path: Path) -> None:
    report = export("coreml", "tiny", tmp_path, size=SIZE, precision="float32")
    assert report.files == ("tiny-float32.mlpackage",)
    assert report.max_levels is not None
    assert report.max_levels <= 1
    assert report.differing_share is not None
    assert report.differing_share < 1e-3


def test_many_forms_of_layers_of_rgb(tmp_path: Path) -> None:
    network = net_of_many_forms(tmp_path / "forms.onnx")
    report = export("coreml", network, tmp_path, size=(50, 41), precision="float32")
    assert report.max_levels is not None
    assert report.max_levels <= 1
    assert report.differing_share is not None
    assert report.differing_share < 5e-3


def test_what_is_interpreted_is_what_apple_documents() -> None:
    """By hand: replicate repeats the edge, pixel_shuffle takes the row's offset before the column's, round goes to
    even, a slope is of the negative part alone."""
    x = np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1)
    assert OPERATORS["pixel_shuffle"]({"x": x, "upscale_factor": 2}).tolist() == [[[[0, 1], [2, 3]]]]
    row = np.array([[[[1, 2]]]], np.float32)
    padded = OPERATORS["pad"]({"x": row, "pad": [0, 1, 2, 0], "mode": "replicate"})
    assert padded[0, 0].tolist() == [[1, 1, 1, 2]] * 2
    assert OPERATORS["round"]({"x": np.array([0.5, 1.5, 2.5])}).tolist() == [0, 2, 2]
    signs = np.array([-2.0, 2.0], np.float32).reshape(1, 2, 1, 1)
    assert OPERATORS["prelu"]({"x": signs, "alpha": np.array([0.5, 0.5])}).ravel().tolist() == [-1, 2]


def test_a_layer_without_a_form_is_refused_by_its_node(tmp_path: Path) -> None:
    network = net_with(tmp_path / "odd.onnx", "Mish")
    with pytest.raises(UserError, match=r"^node 'Mish_node': coreml has no form for mish"):
        export("coreml", network, tmp_path / "out")
    assert not (tmp_path / "out").exists()
