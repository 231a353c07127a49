"""LiteRT (TensorFlow Lite): a .tflite file for pictures of one size, in float32, float16 or int8.

Written by hand: every converter that was tried splits the edges' repetition, and with it the graph, into pieces that
XNNPACK doesn't take, or writes 16-bit pictures that LiteRT refuses.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pocketsr.atomic_io import delivered
from pocketsr.export._tflite import File
from pocketsr.export._tflite_floats import FloatWriter
from pocketsr.export._tflite_int8 import write_int8
from pocketsr.export.checking import Picture, compare, milliseconds, pictures, to_levels
from pocketsr.export.layers import Concat, Network, without_rounding
from pocketsr.export.report import Operator, Report, write_report
from pocketsr.export.source import open_source, precision_of, size_of

__all__ = ["OPTIONS", "Interpreted", "content", "export"]

OPTIONS = frozenset({"precision", "size", "strength"})
PRECISIONS = ("float32", "float16", "int8")
_NOTES = {
    "float32": "Input and output: float32, N H W C, samples times {max_value}/255; the output isn't clipped.",
    "float16": "Input and output: float32, N H W C, samples times {max_value}/255; the output isn't clipped. "
    "Weights are float16: GPUs compute with them, XNNPACK widens them once.",
    "int8": "Input and output: int8, N H W C, each a sample less 128: exact for 8-bit pictures.",
}


def export(
    model: str | Path, folder: Path, *, precision: str | None = None, size: tuple[int, int] | None = None,
    strength: float | None = None,
) -> Report:  # fmt: skip
    """Write NAME.tflite (or NAME-PRECISION.tflite) and its report into `folder`.

    precision: one of PRECISIONS; default: int8 for a quantized network, else float32.
    size: width and height of the picture; default: 640x360.
    strength: of a network that is told one, 0..1; default: its own.
    """
    source, (width, height) = open_source(model, strength), size_of(size)
    kind, stem = precision_of(source, precision, PRECISIONS, "litert")
    made, operators = content(source.layers, height, width, kind)
    with delivered(folder) as scratch:
        (scratch / f"{stem}.tflite").write_bytes(made)
        runtime = Interpreted(made, source.layers.max_value)
        tried = pictures(height, width, source.graph.channels)
        exactness = compare(runtime, source.reference(), tried)
        taken, partitions = runtime.delegated(len(operators))
        report = Report(
            target="litert",
            model=source.name,
            files=(f"{stem}.tflite",),
            bytes=len(made),
            partitions=partitions,
            **asdict(exactness),
            ms=milliseconds(runtime, tried[0]),
            operators=tuple(
                Operator(name, "XNNPACK" if place in taken else "CPU") for place, name in enumerate(operators)
            ),
            precision=kind,
            size=(width, height),
            checked_by=f"ai-edge-litert {version('ai-edge-litert')}",
            notes=(
                *source.notes,
                f"For pictures of {width}x{height} only: the edges' places are written into the file.",
                _NOTES[kind].format(max_value=f"{source.layers.max_value:g}"),
            ),
        )
        write_report(report, scratch, stem)
    return report


def content(net: Network, height: int, width: int, precision: str) -> tuple[bytes, list[str]]:
    """The file's bytes, and its operators. Raises UserError for a layer that LiteRT has no form for."""
    if precision == "int8":
        file, picture, result = write_int8(net, height, width)
    else:
        file, picture, result = _write_floats(without_rounding(net), height, width, precision == "float16")
    return file.content(picture, result, f"pocketsr {net.name} {precision}"), file.operators


def _write_floats(net: Network, height: int, width: int, half: bool) -> tuple[File, int, int]:
    file = File()
    writer = FloatWriter(file, half)
    picture = file.tensor(net.picture.name, (1, height, width, net.picture.channels))
    made = {net.picture.name: picture}
    for layer in net.layers:
        given = [made[tensor.name] for tensor in layer.inputs]
        made[layer.output.name] = (
            writer.joined(layer, given) if isinstance(layer, Concat) else writer.layer(layer, *given)
        )
    return file, picture, made[net.output.name]


class Interpreted:
    """A .tflite file in LiteRT, on one thread: 8-bit samples in and out."""

    def __init__(self, made: bytes, max_value: float) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._max_value = max_value
        self._interpreter = Interpreter(model_content=made, num_threads=1)
        self._interpreter.allocate_tensors()
        self._source = self._interpreter.get_input_details()[0]
        self._sink = self._interpreter.get_output_details()[0]

    def __call__(self, picture: Picture) -> Picture:
        planes = picture.reshape(self._source["shape"])
        given: Any
        if self._source["dtype"] is np.int8:
            given = (planes ^ 128).view(np.int8)
        else:
            given = planes * np.float32(self._max_value / 255)
        self._interpreter.set_tensor(self._source["index"], given)
        self._interpreter.invoke()
        result = self._interpreter.get_tensor(self._sink["index"])[0]
        result = result[..., 0] if result.shape[-1] == 1 else result
        return result.view(np.uint8) ^ 128 if result.dtype == np.int8 else to_levels(result, self._max_value)

    def delegated(self, operators: int) -> tuple[set[int], int]:
        """Which of the file's operators XNNPACK takes, by their places, and in how many pieces.

        The interpreter lists the file's operators first, then the delegate's nodes, whose tensors are those that the
        pieces exchange: an operator whose result is none of these is inside of a piece.
        """
        every = self._interpreter._get_ops_details()
        pieces = [each for each in every if each["op_name"] == "DELEGATE"]
        exchanged = [{int(i) for i in piece["inputs"]} for piece in pieces]
        made = [{int(i) for i in piece["outputs"]} for piece in pieces]
        taken: set[int] = set()
        for given, result in zip(exchanged, made, strict=True):
            taken |= _within(every[:operators], given, result)
        return taken, len(pieces)


def _within(operators: list[dict[str, Any]], given: set[int], results: set[int]) -> set[int]:
    """The places of the operators between the tensors `given` and `results`."""
    makers = {int(out): place for place, each in enumerate(operators) for out in each["outputs"]}
    inside: set[int] = set()
    wanted = [makers[name] for name in results if name in makers]
    while wanted:
        place = wanted.pop()
        if place in inside:
            continue
        inside.add(place)
        wanted += [
            makers[int(name)] for name in operators[place]["inputs"] if int(name) in makers and int(name) not in given
        ]
    return inside
