"""ncnn's files, as text without it and in it where it is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from export_nets import net_of_many_forms, net_with

from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export.ncnn import texts
from pocketsr.export.source import open_source

SIZE = (256, 160)
NEEDS = "needs ncnn: pip install 'pocketsr[ncnn]'"


def test_every_blob_is_made_once_and_read_once() -> None:
    text, _ = texts(open_source("tiny").layers, "float32")
    magic, counts, *lines = text.splitlines()
    assert magic == "7767517"
    made: list[str] = []
    read: list[str] = []
    for line in lines:
        _, _, inputs, outputs, *names = line.split()
        read += names[: int(inputs)]
        made += names[int(inputs) : int(inputs) + int(outputs)]
    assert counts == f"{len(lines)} {len(made)}"
    assert len(set(made)) == len(made)
    assert sorted(read) == sorted(set(made) - {"enlarged"})


def test_int8_weights_are_those_of_the_network() -> None:
    source = open_source("small-w8a8")
    text, weights = texts(source.layers, "int8")
    floats, _ = texts(source.layers, "float32")
    assert text.count(" 8=2") == 5  # all but the first, whose input is the picture
    assert " 8=2" not in floats
    whole = next(op.integers.weight for op in source.graph.ops[2:] if getattr(op, "integers", None) is not None)
    assert whole.astype(np.int8).tobytes() in weights


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_a_float_network_gives_our_samples_in_ncnn(name: str, tmp_path: Path) -> None:
    pytest.importorskip("ncnn", reason=NEEDS)
    report = export("ncnn", name, tmp_path, size=SIZE)
    assert report.files == (f"{name}.param", f"{name}.bin")
    assert report.max_levels is not None
    assert report.max_levels <= 1
    assert report.differing_share is not None
    assert report.differing_share <= 3e-4


def test_many_forms_of_layers_in_ncnn(tmp_path: Path) -> None:
    pytest.importorskip("ncnn", reason=NEEDS)
    report = export("ncnn", net_of_many_forms(tmp_path / "forms.onnx"), tmp_path, size=(50, 41))
    assert report.max_levels is not None
    assert report.max_levels <= 1
    assert report.differing_share is not None
    assert report.differing_share <= 2e-3


def test_int8_is_close_to_ours_in_ncnn(tmp_path: Path) -> None:
    pytest.importorskip("ncnn", reason=NEEDS)
    report = export("ncnn", "small-w8a8", tmp_path, size=SIZE)
    assert report.precision == "int8"
    assert report.psnr_db is not None
    assert report.psnr_db > 48
    assert "use_winograd_convolution" in (tmp_path / "small-w8a8-ncnn.md").read_text()


def test_a_layer_without_a_form_is_refused_by_its_node(tmp_path: Path) -> None:
    network = net_with(tmp_path / "odd.onnx", "Softsign")
    with pytest.raises(UserError, match=r"^node 'Softsign_node': ncnn has no form for softsign"):
        export("ncnn", network, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_ncnn_the_report_says_how_to_have_it_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ncnn", None)
    made = export("ncnn", "tiny", tmp_path)
    assert (made.checked_by, made.psnr_db) == (None, None)
    assert "pip install 'pocketsr[ncnn]'" in made.notes[-1]
