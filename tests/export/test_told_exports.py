"""A network that is told a strength, elsewhere: at one strength in other runtimes, at any in WebAssembly and C."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from wasm_in_node import node

from pocketsr import UserError
from pocketsr.engine import load
from pocketsr.export import export
from pocketsr.export.meaning import evaluate as evaluate_layers
from pocketsr.export.source import open_source

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from engine_nets import chain
from quantized_nets import whole_chain
from told_nets import told_model

_SCRIPT = """
import { load } from "./told.js";
import { readFileSync, writeFileSync } from "node:fs";
const engine = await load();
const input = readFileSync("in");
for (const s of [0, 0.3, 1]) writeFileSync(`out${s}`, engine.upscale(input, 21, 13, s));
writeFileSync("out", engine.upscale(input, 21, 13));
let said = "";
try { engine.upscale(input, 21, 13, 1.5); } catch (error) { said = String(error); }
console.log(said);
"""


@pytest.fixture(params=["floats", "integers"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "told.onnx"
    model = chain((3, 3, 3), 16) if request.param == "floats" else whole_chain(8, depth=2)
    onnx.save(told_model(model, default="0.25"), path)
    return path


def test_webassembly_takes_any(network: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export("wasm", network, folder)
    facts = json.loads((folder / "told.json").read_text())
    assert (facts["strengths"], facts["default_strength"]) == (5, 0.25)
    y = np.random.default_rng(3).integers(0, 256, (13, 21)).astype(np.uint8)
    (folder / "in").write_bytes(y.tobytes())
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "run.js").write_text(_SCRIPT)
    done = subprocess.run([node(), "run.js"], cwd=folder, capture_output=True, text=True, check=True)
    assert "strength 1.5: 0 to 1 is expected" in done.stdout
    native = load(network, 1)
    for strength, file in ((0.0, "out0"), (0.3, "out0.3"), (1.0, "out1"), (None, "out")):
        made = np.frombuffer((folder / file).read_bytes(), np.uint8).reshape(26, 42).astype(int)
        assert np.abs(made - native(y, strength=strength)).max() <= (0 if facts["exact"] else 1)


def test_layers_are_those_of_one_strength(network: Path) -> None:
    levels = np.random.default_rng(3).integers(0, 256, (1, 13, 21))
    for strength in (None, 0.0, 0.7):
        source = open_source(network, strength)
        planes = (levels * (source.graph.max_value / 255)).astype(np.float32)
        made = evaluate_layers(source.layers, planes)[0] * (255 / source.graph.max_value)
        expected = source.reference()(levels[0].astype(np.uint8))
        assert np.abs(np.clip(np.rint(made), 0, 255) - expected).max() <= 1
        assert source.strength == (0.25 if strength is None else strength)
        assert f"at strength {source.strength:g}." in source.notes[0]
    with pytest.raises(UserError, match="takes no strength"):
        open_source("tiny", 0.5)


def test_a_report_says_at_which(network: Path, tmp_path: Path) -> None:
    pytest.importorskip("ncnn", reason="ncnn is not installed: pip install 'pocketsr[ncnn]'")
    report = export("ncnn", network, tmp_path / "out", size=(32, 24), strength=0.75)
    assert any("at strength 0.75" in note for note in report.notes)
    with pytest.raises(UserError, match="--strength says nothing to wasm"):
        export("wasm", network, tmp_path / "other", strength=0.75)
