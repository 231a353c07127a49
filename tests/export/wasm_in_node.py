"""Runs exported modules in Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

__all__ = ["has_relaxed", "node", "upscaled"]

_SCRIPT = """
import { load } from "./NAME.js";
import { readFileSync, writeFileSync } from "node:fs";
const engine = await load(OPTIONS);
const held = [];
for (const [width, height, strips, times] of JSON.parse(readFileSync("sizes.json"))) {
    const input = readFileSync(`${width}x${height}.in`);
    engine.upscale(input, width, height);
    engine.output.fill(99);
    const bands = engine.bands(height);
    for (let t = 0; t < times; t++)
        for (let i = 0; i < strips; i++)
            engine.run(Math.floor((bands * i) / strips), Math.floor((bands * (i + 1)) / strips));
    writeFileSync(`${width}x${height}.out`, engine.output);
    held.push(engine.bytes);
}
console.log(JSON.stringify(held));
"""


def node() -> str:
    """The path of Node, at least 16 (the first with SIMD), or the test is skipped."""
    found = os.environ.get("POCKETSR_NODE") or shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed: WebAssembly modules weren't run")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < 16:
        pytest.skip(f"Node {version} has no WebAssembly SIMD: 16 or later is needed")
    return found


def upscaled(
    folder: Path, name: str, pictures: list[NDArray[np.uint8]], strips: int = 3, times: int = 1, relaxed: bool = True
) -> tuple[list[NDArray[np.uint8]], list[int]]:
    """Each picture (H, W), enlarged by NAME.js in `folder`, and the bytes that the instance held after it."""
    facts = json.loads((folder / f"{name}.json").read_text())
    sizes: list[list[Any]] = []
    for picture in pictures:
        height, width = picture.shape[-2:]
        sizes.append([width, height, strips, times])
        (folder / f"{width}x{height}.in").write_bytes(picture.tobytes())
    (folder / "sizes.json").write_text(json.dumps(sizes))
    (folder / "package.json").write_text('{"type": "module"}')
    options = json.dumps({"relaxed": relaxed})
    (folder / "run.js").write_text(_SCRIPT.replace("NAME", name).replace("OPTIONS", options))
    done = subprocess.run([node(), "run.js"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results = []
    for picture in pictures:
        *planes, height, width = picture.shape
        raw = np.fromfile(folder / f"{width}x{height}.out", np.uint8)
        results.append(raw.reshape(*planes, height * facts["scale"], width * facts["scale"]))
    return results, json.loads(done.stdout)


def has_relaxed(folder: Path, name: str) -> bool:
    """Whether this Node runs modules with relaxed SIMD."""
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "features.js").write_text(f"import {{ features }} from './{name}.js'; console.log(features().relaxed)")
    done = subprocess.run([node(), "features.js"], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip() == "true"
