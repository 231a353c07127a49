"""MNN: NAME.mnn, for pictures of any size, by MNN's own converter from a plain ONNX file.

Floats alone: of a quantized network MNN 3.6.1 drops what is rounded where sizes are open, and gives nothing at all
where they are fixed. So the integers become real numbers first.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import MNN
import numpy as np

from pocketsr.atomic_io import delivered
from pocketsr.errors import UserError
from pocketsr.export._onnx import plain_model
from pocketsr.export.checking import Picture, compare, milliseconds, pictures, to_levels
from pocketsr.export.report import Operator, Report, write_report
from pocketsr.export.source import Source, open_source, precision_of, size_of
from pocketsr.names import harmless

__all__ = ["OPTIONS", "export"]

OPTIONS = frozenset({"precision", "size", "strength"})
PRECISIONS = ("float32", "float16")
_PATIENCE_S = 300
_CONVERT = "import json, sys, MNN, _tools; _tools.mnnconvert(json.loads(sys.argv[1]))"


def export(
    model: str | Path, folder: Path, *, precision: str | None = None, size: tuple[int, int] | None = None,
    strength: float | None = None,
) -> Report:  # fmt: skip
    """Write NAME.mnn (or NAME-float16.mnn) and its report into `folder`.

    precision: one of PRECISIONS: what weights are stored as. size: width and height of the pictures that it is tried
    with.
    strength: of a network that is told one, 0..1; default: its own.
    """
    source, (width, height) = open_source(model, strength), size_of(size)
    kind, stem = precision_of(source, precision, PRECISIONS, "mnn")
    plain = plain_model(source.layers)
    with delivered(folder) as scratch:
        made = scratch / f"{stem}.mnn"
        given = scratch / "plain.onnx"
        given.write_bytes(plain.SerializeToString())
        _convert(given, made, half=kind == "float16")
        given.unlink()
        tried = pictures(height, width, source.graph.channels)
        runtime = _Runtime(made, source, tried[0])
        exactness = compare(runtime, source.reference(), tried)
        report = Report(
            target="mnn",
            model=source.name,
            files=(made.name,),
            bytes=made.stat().st_size,
            **asdict(exactness),
            ms=milliseconds(runtime, tried[0]),
            operators=tuple(Operator(node.op_type, None) for node in plain.graph.node),
            precision=kind,
            size=(width, height),
            checked_by=f"MNN {version('MNN')}",
            notes=(
                *source.notes,
                f"Input `picture`, output `enlarged`: float32, N C H W, samples times {source.layers.max_value:g}/255; "
                "the output isn't clipped.",
                "For pictures of any size. The operators are those of the ONNX file that the converter was given.",
            ),
        )
        write_report(report, scratch, stem)
    return report


def _convert(given: Path, made: Path, half: bool) -> None:
    """In a process of its own: the converter writes to standard output, and says its failures there alone.

    Its `mnnconvert` command would do more: it pip-installs a logging package, and reports to a server.
    """
    words = ["mnnconvert", "-f", "ONNX", "--modelFile", str(given), "--MNNModel", str(made), "--bizCode", "pocketsr"]
    command = [sys.executable, "-c", _CONVERT, json.dumps([*words, "--fp16"] if half else words)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"MNN's converter didn't end within {_PATIENCE_S} s") from error
    if done.returncode or not made.exists():
        last = (done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}").splitlines()[-1]
        raise UserError(f"MNN's converter failed: {harmless(last, 200)}")


class _Runtime:
    """The file in MNN, on one thread, in full precision: 8-bit samples in and out, for pictures of one size."""

    def __init__(self, path: Path, source: Source, picture: Picture) -> None:
        self._max_value = source.layers.max_value
        self._shape = (1, source.graph.channels, *picture.shape[:2])
        self._net = MNN.Interpreter(str(path))
        self._session = self._net.createSession({"backend": "CPU", "precision": "high", "numThread": 1})
        self._source = self._net.getSessionInput(self._session, "picture")
        self._net.resizeTensor(self._source, self._shape)
        self._net.resizeSession(self._session)
        self._sink = self._net.getSessionOutput(self._session, "enlarged")

    def __call__(self, picture: Picture) -> Picture:
        planes = picture[None, None] if picture.ndim == 2 else picture.transpose(2, 0, 1)[None]
        given = np.ascontiguousarray(planes * np.float32(self._max_value / 255))
        self._source.copyFrom(self._tensor(given))
        self._net.runSession(self._session)
        held = self._tensor(np.empty(self._sink.getShape(), np.float32))
        self._sink.copyToHostTensor(held)
        made = to_levels(np.array(held.getNumpyData())[0], self._max_value)
        return made[0] if len(made) == 1 else made.transpose(1, 2, 0)

    @staticmethod
    def _tensor(numbers: Any) -> Any:
        return MNN.Tensor(numbers.shape, MNN.Halide_Type_Float, numbers, MNN.Tensor_DimensionType_Caffe)
