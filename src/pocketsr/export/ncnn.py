"""ncnn: NAME.param (text) and NAME.bin (weights), for pictures of any size, in float32 or int8.

Written by hand: a converter would store weights as float16 unless told otherwise, and knows no integers of ours. In
int8 ncnn rounds each convolution's input symmetrically, in steps of its largest value / 127, and gives floats: PReLU
and skips stay exact, and so does the last convolution's result.
"""

from __future__ import annotations

import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.atomic_io import delivered
from pocketsr.engine.ir.graph import Binary, Pad, Unary
from pocketsr.export.checking import Picture, compare, milliseconds, pictures, to_levels
from pocketsr.export.layers import (
    Affine,
    Clip,
    Concat,
    Conv,
    Curve,
    Layer,
    Merge,
    Network,
    Prelu,
    Rounded,
    Shuffle,
    Tensor,
    without_rounding,
)
from pocketsr.export.report import Operator, Report, write_report
from pocketsr.export.source import no_form, open_source, precision_of, size_of

__all__ = ["OPTIONS", "export", "texts"]

OPTIONS = frozenset({"precision", "size", "strength"})
PRECISIONS = ("float32", "int8")
_MAGIC = 7767517
_MOST_INT8 = 127
_FLOATS, _BYTES = 0, 0x000D4B38  # what begins a convolution's weights in the .bin
_MERGES = {Binary.ADD: 0, Binary.SUB: 1, Binary.MUL: 2, Binary.DIV: 3, Binary.MAX: 4, Binary.MIN: 5}
_CURVES = {
    Unary.SIGMOID: ("Sigmoid", ""),
    Unary.TANH: ("TanH", ""),
    Unary.ELU: ("ELU", "0=1.0"),
    Unary.MISH: ("Mish", ""),
    Unary.ABS: ("UnaryOp", "0=0"),
    Unary.SQRT: ("UnaryOp", "0=5"),
}
_NOTES = (
    "Input `picture`, output `enlarged`: float32 planes, samples times {max_value}/255; the output isn't clipped.",
    "For pictures of any size.",
)
_NO_RUNTIME = "Not tried here: pip install 'pocketsr[ncnn]' brings ncnn."
_INT8_NOTE = (
    "Load it with opt.use_winograd_convolution = false: on x86-64 int8 then takes two thirds of the time. Phones were "
    "not measured."
)


def export(
    model: str | Path, folder: Path, *, precision: str | None = None, size: tuple[int, int] | None = None,
    strength: float | None = None,
) -> Report:  # fmt: skip
    """Write NAME.param, NAME.bin (or NAME-PRECISION) and their report into `folder`.

    precision: one of PRECISIONS; default: int8 for a quantized network, else float32.
    size: width and height of the pictures that it is tried with, where ncnn is installed.
    strength: of a network that is told one, 0..1; default: its own.
    """
    source, (width, height) = open_source(model, strength), size_of(size)
    kind, stem = precision_of(source, precision, PRECISIONS, "ncnn")
    net = source.layers
    text, weights = texts(net, kind)
    operators = [line.split()[0] for line in text.splitlines()[2:]]
    measured: dict[str, Any] = {}
    with delivered(folder) as scratch:
        (scratch / f"{stem}.param").write_text(text)
        (scratch / f"{stem}.bin").write_bytes(weights)
        if (runtime := _runtime(scratch, stem, net, kind)) is not None:
            tried = pictures(height, width, source.graph.channels)
            exactness = compare(runtime, source.reference(), tried)
            measured = {
                **asdict(exactness),
                "ms": milliseconds(runtime, tried[0]),
                "checked_by": runtime.version,
            }
        said = [*source.notes, *(note.format(max_value=f"{net.max_value:g}") for note in _NOTES)]
        said += [_INT8_NOTE] * (kind == "int8") + [_NO_RUNTIME] * (not measured)
        report = Report(
            target="ncnn",
            model=source.name,
            files=(f"{stem}.param", f"{stem}.bin"),
            bytes=len(text) + len(weights),
            operators=tuple(Operator(name, "CPU" if measured else None) for name in operators),
            precision=kind,
            size=(width, height),
            notes=tuple(said),
            **measured,
        )
        write_report(report, scratch, stem)
    return report


def texts(net: Network, precision: str) -> tuple[str, bytes]:
    """What .param and .bin hold. Raises UserError for a layer that ncnn has no form for."""
    return _Writer(net, precision == "int8").content()


class _Writer:
    def __init__(self, net: Network, int8: bool) -> None:
        self._net = without_rounding(net)
        self._most = _largest_inputs(net) if int8 else {}  # of what convolutions with integer weights read
        self._uses: dict[str, int] = {self._net.output.name: 1}
        for layer in self._net.layers:
            for tensor in layer.inputs:
                self._uses[tensor.name] = self._uses.get(tensor.name, 0) + 1
        self._lines: list[str] = []
        self._blobs = 0
        self._names: dict[str, list[str]] = {}  # of each tensor, what is left to be read
        self._weights: list[bytes] = []

    def content(self) -> tuple[str, bytes]:
        net = self._net
        self._line("Input", "picture", (), self._fresh("picture"))
        self._made(net.picture, self._last)
        for layer in net.layers:
            self._made(layer.output, self._layer(layer))
        self._line("Noop", "enlarged", (self._read(net.output),), "enlarged")
        head = f"{_MAGIC}\n{len(self._lines)} {self._blobs}\n"
        return head + "\n".join(self._lines) + "\n", b"".join(self._weights)

    def _fresh(self, name: str) -> str:
        self._last = name
        return name

    def _line(self, kind: str, name: str, inputs: tuple[str, ...], *outputs: str, options: str = "") -> str:
        self._blobs += len(outputs)
        words = [f"{kind:18} {name:14} {len(inputs)} {len(outputs)}", *inputs, *outputs, options]
        self._lines.append(" ".join(word for word in words if word))
        return outputs[0]

    def _made(self, tensor: Tensor, blob: str) -> None:
        """ncnn wants each blob read once: a Split gives as many names as there are readers."""
        readers = self._uses.get(tensor.name, 0)
        if readers <= 1:
            self._names[tensor.name] = [blob]
            return
        names = [f"{blob}_{i}" for i in range(readers)]
        self._line("Split", f"split_{blob}", (blob,), *names)
        self._names[tensor.name] = names

    def _read(self, tensor: Tensor) -> str:
        return self._names[tensor.name].pop(0)

    def _layer(self, layer: Layer) -> str:
        """The blob that `layer` makes."""
        given = tuple(self._read(tensor) for tensor in layer.inputs)
        name, channels = layer.output.name, layer.output.channels
        match layer:
            case Conv():
                return self._convolved(layer, given[0])
            case Prelu() if not layer.slope.any():
                return self._line("ReLU", name, given, name)
            case Prelu():
                self._weights.append(_packed(layer.slope))
                return self._line("PReLU", name, given, name, options=f"0={channels}")
            case Affine():
                self._weights += [_packed(layer.scale), _packed(layer.offset)]
                return self._line("Scale", name, given, name, options=f"0={channels} 1=1")
            case Clip():
                bounds = f"0={_number(layer.low)} 1={_number(layer.high)}"
                return self._line("Clip", name, given, name, options=bounds)
            case Merge():
                return self._line("BinaryOp", name, given, name, options=f"0={_MERGES[layer.kind]}")
            case Concat():
                return self._line("Concat", name, given, name, options="0=0")
            case Shuffle():
                return self._line("PixelShuffle", name, given, name, options=f"0={layer.factor}")
            case Curve() if layer.kind in _CURVES:
                kind, options = _CURVES[layer.kind]
                return self._line(kind, name, given, name, options=options)
            case Curve():
                raise no_form(layer.name, layer.kind.value, "ncnn")
        raise no_form(layer.name, type(layer).__name__, "ncnn")

    def _convolved(self, layer: Conv, x: str) -> str:
        rows, columns = layer.halo
        zeros = layer.pad is Pad.ZERO
        if not zeros and (rows or columns):
            border = f"0={rows} 1={rows} 2={columns} 3={columns} 4=1"  # 4=1: edges repeated
            x = self._line("Padding", f"pad_{layer.output.name}", (x,), f"{layer.output.name}_wide", options=border)
        count, _, height, width = layer.weight.shape
        options = {0: count, 1: width, 11: height, 5: 1, 6: layer.weight.size}
        if zeros:
            options |= {4: columns, 14: rows}
        most = self._most.get(layer.inputs[0].name) if layer.steps is not None else None
        if most is None or layer.steps is None:
            self._weights += [struct.pack("<I", _FLOATS), _packed(layer.weight), _packed(layer.bias)]
        else:
            options[8] = 2  # weights in int8, an input scale for all channels and a weight scale for each output
            whole = layer.whole(layer.steps).astype(np.int8).tobytes()
            self._weights += [struct.pack("<I", _BYTES), whole + bytes(-len(whole) % 4), _packed(layer.bias)]
            self._weights += [_packed(1 / layer.steps), struct.pack("<f", _MOST_INT8 / most)]
        written = " ".join(f"{key}={value}" for key, value in options.items())
        return self._line("Convolution", layer.output.name, (x,), layer.output.name, options=written)


def _largest_inputs(net: Network) -> dict[str, float]:
    """The largest magnitude of each stored value, by the name of its tensor; ncnn's zero is in the middle. The picture
    isn't there: it stays in floats."""
    return {
        layer.output.name: max(layer.zero, layer.top - layer.zero) * layer.step
        for layer in net.layers
        if isinstance(layer, Rounded) and layer.inputs[0] is not net.picture
    }


def _packed(numbers: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(numbers, "<f4").tobytes()


def _number(value: float) -> str:
    """ncnn knows a float by its point; infinity is its largest."""
    return f"{min(max(value, -3e38), 3e38):e}"


class _Runtime:
    """The files in ncnn, on one thread: 8-bit samples in and out."""

    def __init__(self, ncnn: Any, folder: Path, stem: str, net: Network, int8: bool) -> None:
        self.version = f"ncnn {ncnn.__version__}"
        self._ncnn, self._max_value = ncnn, net.max_value
        self._net = ncnn.Net()
        self._net.opt.num_threads = 1
        self._net.opt.use_fp16_arithmetic = self._net.opt.use_fp16_storage = self._net.opt.use_fp16_packed = False
        self._net.opt.use_bf16_storage = False
        self._net.opt.use_winograd_convolution = not int8
        if self._net.load_param(str(folder / f"{stem}.param")) or self._net.load_model(str(folder / f"{stem}.bin")):
            raise RuntimeError("ncnn refuses what was written for it")

    def __call__(self, picture: Picture) -> Picture:
        planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
        given = np.ascontiguousarray(planes * np.float32(self._max_value / 255))
        extractor = self._net.create_extractor()
        # Cloned: a Mat of a NumPy array holds its address alone; what is read later is anything (ncnn 1.0.20261020).
        extractor.input("picture", self._ncnn.Mat(given).clone())
        failed, result = extractor.extract("enlarged")
        if failed:
            raise RuntimeError(f"ncnn gives {failed}")
        made = to_levels(np.array(result), self._max_value)
        return made[0] if len(made) == 1 else made.transpose(1, 2, 0)


def _runtime(folder: Path, stem: str, net: Network, precision: str) -> _Runtime | None:
    """None where ncnn isn't installed: its files are written without it."""
    try:
        import ncnn
    except ModuleNotFoundError as error:
        if error.name != "ncnn":
            raise
        return None
    return _Runtime(ncnn, folder, stem, net, precision == "int8")
