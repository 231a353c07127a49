"""ExecuTorch: a .pte file for pictures of one size, in float32 or int8, in one piece for XNNPACK.

The graph that accelerators get, with edges by slices: of PyTorch's own padding XNNPACK takes nothing, and the graph
falls into six pieces. In int8 it is PT2E's graph with our ranges in it, and nothing is calibrated. PyTorch is read in
another process alone (`_pte`).
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pocketsr.atomic_io import delivered
from pocketsr.errors import UserError
from pocketsr.export._vendor import OPTIONS, PRECISIONS, content
from pocketsr.export.checking import compare, pictures, to_levels
from pocketsr.export.report import Operator, Report, write_report
from pocketsr.export.source import open_source, precision_of, size_of
from pocketsr.names import harmless

__all__ = ["OPTIONS", "export"]

_SOURCES = Path(__file__).parents[2]
_PATIENCE_S = 1800
_OTHERS = (
    "For XNNPACK alone. Of the other backends none was tried: QNN's and MediaTek's partitioners "
    "take the vendors' SDKs (see export qnn, neuropilot), Core ML's a Mac (see export coreml), and Vulkan's files want "
    "a phone's GPU."
)


def export(
    model: str | Path, folder: Path, *, precision: str | None = None, size: tuple[int, int] | None = None,
    strength: float | None = None,
) -> Report:  # fmt: skip
    """Write NAME.pte (or NAME-PRECISION.pte) and its report into `folder`.

    precision: float32 or int8; default: int8 for a quantized network.
    size: width and height of the picture; default: 640x360.
    strength: of a network that is told one, 0..1; default: its own.
    """
    source, (width, height) = open_source(model, strength), size_of(size)
    kind, stem = precision_of(source, precision, PRECISIONS, "executorch")
    graph = content(source, height, width, kind, slices=True)
    if importlib.util.find_spec("executorch") is None:
        raise ModuleNotFoundError("executorch isn't installed", name="executorch")
    tried = pictures(height, width, source.graph.channels)
    max_value = source.layers.max_value
    with delivered(folder) as scratch:
        paths = {name: scratch / f"job.{name}" for name in ("onnx", "pictures", "made", "said")}
        made = scratch / f"{stem}.pte"
        paths["onnx"].write_bytes(graph.SerializeToString())
        planes = [each[None] if each.ndim == 2 else each.transpose(2, 0, 1) for each in tried]
        with paths["pictures"].open("wb") as file:
            np.save(file, np.stack(planes))
        _convert({name: str(path) for name, path in paths.items()} | {"pte": str(made)}, max_value)
        said = json.loads(paths["said"].read_text())
        results = {
            picture.tobytes(): to_levels(result[0] if len(result) == 1 else result.transpose(1, 2, 0), max_value)
            for picture, result in zip(tried, np.load(paths["made"]), strict=True)
        }
        for path in paths.values():
            path.unlink()
        report = Report(
            target="executorch",
            model=source.name,
            files=(made.name,),
            bytes=made.stat().st_size,
            partitions=said["partitions"],
            **asdict(compare(lambda picture: results[picture.tobytes()], source.reference(), tried)),
            ms=said["ms"],
            operators=tuple(Operator(name, unit) for name, unit in said["operators"]),
            precision=kind,
            size=(width, height),
            checked_by=f"executorch {said['version']}",
            notes=(
                *source.notes,
                f"Input and output: float32, N C H W, samples times {max_value:g}/255; the output isn't clipped.",
                f"For pictures of {width}x{height} only: the edges' places are written into the file.",
                _OTHERS,
            ),
        )
        write_report(report, scratch, stem)
    return report


def _convert(paths: dict[str, str], max_value: float) -> None:
    """Write the .pte file, and run it, in a process of its own: PyTorch's messages and memory end with it."""
    command = [sys.executable, "-m", "pocketsr.export._pte", json.dumps({**paths, "max_value": max_value})]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(_SOURCES), os.environ.get("PYTHONPATH", "")]),
    }
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE_S, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"ExecuTorch's converter didn't end within {_PATIENCE_S} s") from error
    if done.returncode or not Path(paths["said"]).exists():
        last = (done.stderr.strip() or f"it ended with {done.returncode}").splitlines()[-1]
        raise UserError(f"ExecuTorch's converter failed: {harmless(last, 300)}")
