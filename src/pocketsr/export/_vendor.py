"""What exports to accelerators have in common: an ONNX file in 8 bits (or floats), tried in ONNX Runtime, compared with
the vendor's public list of operators, and beside it the commands for the vendor's own tools.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pocketsr.atomic_io import delivered
from pocketsr.export._onnx import fixed_model
from pocketsr.export._operators import LISTINGS, covered
from pocketsr.export._qdq import qdq_model
from pocketsr.export.checking import Picture, Run, compare, milliseconds, pictures
from pocketsr.export.report import Operator, Report, write_report
from pocketsr.export.source import Source, open_source, precision_of, size_of

__all__ = ["OPTIONS", "PRECISIONS", "Vendor", "content", "export_for", "in_onnxruntime"]

OPTIONS = frozenset({"precision", "size", "strength"})
PRECISIONS = ("float32", "int8")
_NO_RUNTIME = "Not tried here: pip install 'pocketsr[npu]' brings ONNX Runtime, which runs the file."
_IO = "Input `picture`, output `enlarged`: uint8, N C H W, the samples themselves."
_INT8 = (
    "8 bits throughout: uint8 activations, int8 weights with a step for each channel, int32 biases.",
    "In ONNX Runtime on x86-64 without VNNI set session.x64quantprecision to 1: products saturate otherwise.",
)


@dataclass(frozen=True)
class Vendor:
    """commands: for the file of a stem, as a text. tried: what the vendor's own runtime says of the network, where one
    is installed: in how many pieces it takes it, and a sentence."""

    target: str
    slices: bool
    commands: Callable[[str], str]
    notes: tuple[str, ...]
    tried: Callable[[Source, str], tuple[int | None, str] | None] | None = None


def export_for(
    vendor: Vendor, model: str | Path, folder: Path, precision: str | None, size: tuple[int, int] | None,
    strength: float | None,
) -> Report:  # fmt: skip
    """Write NAME-TARGET.onnx (or NAME-PRECISION-TARGET.onnx), its commands and its report into `folder`."""
    source, (width, height) = open_source(model, strength), size_of(size)
    kind, stem = precision_of(source, precision, PRECISIONS, vendor.target)
    made = content(source, height, width, kind, vendor.slices)
    operators = [node.op_type for node in made.graph.node]
    coverage = covered(LISTINGS[vendor.target], operators)
    files = f"{stem}-{vendor.target}.onnx", f"{stem}-{vendor.target}-commands.txt"
    data = made.SerializeToString()
    measured: dict[str, Any] = {}
    notes = [*source.notes, _IO, *(_INT8 if kind == "int8" else ()), *vendor.notes]
    if importlib.util.find_spec("onnxruntime") is None:
        notes.append(_NO_RUNTIME)
    else:
        run, tried = in_onnxruntime(data), pictures(height, width, source.graph.channels)
        measured = {
            **asdict(compare(run, source.reference(), tried)),
            "ms": milliseconds(run, tried[0]),
            "checked_by": f"onnxruntime {version('onnxruntime')} on the CPU",
        }
    if vendor.tried is not None and (found := vendor.tried(source, kind)) is not None:
        measured["partitions"], said = found
        notes.append(said)
    with delivered(folder) as scratch:
        (scratch / files[0]).write_bytes(data)
        (scratch / files[1]).write_text(vendor.commands(f"{stem}-{vendor.target}"))
        unit = LISTINGS[vendor.target].unit
        report = Report(
            target=vendor.target,
            model=source.name,
            files=files,
            bytes=len(data),
            operators=tuple(Operator(name, unit if name in coverage.listed else None) for name in operators),
            precision=kind,
            size=(width, height),
            notes=tuple(notes),
            coverage=coverage,
            **measured,
        )
        write_report(report, scratch, stem)
    return report


def content(source: Source, height: int, width: int, precision: str, slices: bool) -> Any:
    """The model, for pictures of one size."""
    write = qdq_model if precision == "int8" else fixed_model
    return write(source.layers, height, width, slices)


def in_onnxruntime(data: bytes) -> Run:
    """The file in ONNX Runtime, on one thread: 8-bit samples in and out.

    Version 1.32 adds products of uint8 and int8 in pairs of 16 bits where a processor has no VNNI, which saturate: up
    to 38 levels with `medium`. Its option for precision widens the weights to uint8 instead.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def run(picture: Picture) -> Picture:
        planes = picture[None, None] if picture.ndim == 2 else picture.transpose(2, 0, 1)[None]
        (made,) = session.run(None, {"picture": planes})
        result: Picture = made[0, 0] if made.shape[1] == 1 else made[0].transpose(1, 2, 0)
        return result

    return run
