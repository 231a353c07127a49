"""Core ML: NAME.mlpackage, an image in and an image out, for enumerated sizes, by coremltools' MIL builder.

In int8 (W8A8) every convolution that reads integers in our engine reads them there: its weights are int8 with a step
for each channel, what it reads goes through `quantize` and `dequantize` in the range that the network was quantized
with, and between a convolution and that `quantize` numbers are float16, so PReLU and skips are rounded once, as ours.

No Mac has run it: Core ML predicts on macOS alone. What coremltools stores is interpreted here, operator by operator in
NumPy (`_mil`), with a rounding to the operator's type after each.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.atomic_io import delivered
from pocketsr.engine.ir.graph import Binary, Pad, Unary
from pocketsr.errors import UserError
from pocketsr.export._mil import interpret, operators_of
from pocketsr.export.checking import Picture, compare, pictures
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
    without_rounding,
)
from pocketsr.export.report import Operator, Report, write_report
from pocketsr.export.source import no_form, open_source, precision_of, size_of
from pocketsr.names import harmless

__all__ = ["OPTIONS", "SIZES", "export", "program"]

OPTIONS = frozenset({"precision", "size", "strength"})
PRECISIONS = ("float16", "float32", "int8")
_LANDSCAPE = ((320, 180), (480, 270), (640, 360), (640, 480), (854, 480), (960, 540), (1280, 720))
SIZES = (*_LANDSCAPE, *((height, width) for width, height in _LANDSCAPE))
"""Widths and heights that a package takes, beside the one that is asked for."""
_MERGES = {
    Binary.ADD: "add",
    Binary.SUB: "sub",
    Binary.MUL: "mul",
    Binary.DIV: "real_div",
    Binary.MAX: "maximum",
    Binary.MIN: "minimum",
}
_CURVES = {Unary.SIGMOID, Unary.TANH, Unary.ERF, Unary.ABS, Unary.SQRT, Unary.SOFTPLUS, Unary.SOFTSIGN}
_NOTES = (
    "Not run on any Mac or iPhone: Core ML runs on Apple's systems alone. The figures are of a NumPy interpreter of "
    "the stored operators; which unit takes them, and how fast, isn't known.",
    "Input `picture` and output `enlarged` are 8-bit images; the result is scaled to 255, rounded and clipped in the "
    "graph, since Core ML writes the numbers of an image as they are.",
)
_NOTES_OF = {
    "float16": ("Needs iOS 16 or macOS 13.",),
    "float32": ("Needs iOS 16 or macOS 13.",),
    "int8": (
        "Needs iOS 17 or macOS 14.",
        "Weights are int8 with a step for each channel, and what they multiply is stored in 8 bits; between, and in "
        "skips, numbers are float16. Which units multiply bytes (Apple names the A17 Pro and the M4) isn't known here.",
    ),
}
_TOP = 255  # the largest integer of 8 bits
_LEAST_STEP = 2.0**-10  # a convolution's largest: far above float16's least normal number, 2**-14


def export(
    model: str | Path, folder: Path, *, precision: str | None = None, size: tuple[int, int] | None = None,
    strength: float | None = None,
) -> Report:  # fmt: skip
    """Write NAME.mlpackage (or NAME-PRECISION.mlpackage) and its report into `folder`.

    precision: one of PRECISIONS; default: int8 for a quantized network, else float16. In floats a quantized network's
        integers become real numbers, and nothing is rounded.
    size: the usual width and height; default: 640x360. SIZES are taken as well.
    strength: of a network that is told one, 0..1; default: its own.
    """
    logging.getLogger("coremltools").setLevel(logging.ERROR)  # as it is loaded it says what it lacks off a Mac
    import coremltools as ct

    source, (width, height) = open_source(model, strength), size_of(size)
    kind, stem = precision_of(source, precision, PRECISIONS, "coreml")
    net = source.layers
    sizes = [(width, height), *(each for each in SIZES if each != (width, height))]
    made = _converted(net, sizes, kind)
    with delivered(folder) as scratch:
        package = scratch / f"{stem}.mlpackage"
        made.save(str(package))
        stored = ct.models.MLModel(str(package), skip_model_load=True)

        def run(picture: Picture) -> Picture:
            planes = picture[None, None] if picture.ndim == 2 else picture.transpose(2, 0, 1)[None]
            try:
                result = interpret(made._mil_program, planes.astype(np.float32))[0].astype(np.uint8)
            except OverflowError as error:
                raise UserError(
                    f"{harmless(source.name)} has numbers that Core ML's {kind} doesn't hold: choose --precision "
                    "float32, or another target"
                ) from error
            planar: Picture = result[0] if len(result) == 1 else result.transpose(1, 2, 0)
            return planar

        exactness = compare(run, source.reference(), pictures(height, width, source.graph.channels))
        report = Report(
            target="coreml",
            model=source.name,
            files=(package.name,),
            bytes=sum(each.stat().st_size for each in package.rglob("*") if each.is_file()),
            **asdict(exactness),
            operators=tuple(Operator(name, None) for name in operators_of(made._mil_program)),
            precision=kind,
            size=(width, height),
            checked_by=f"a NumPy interpreter of MIL; coremltools {version('coremltools')}, specification "
            f"{stored.get_spec().specificationVersion}",
            notes=(*source.notes, *_NOTES, *_NOTES_OF[kind], f"Sizes: {', '.join(f'{w}x{h}' for w, h in sizes)}."),
        )
        write_report(report, scratch, stem)
    return report


def _converted(net: Network, sizes: Sequence[tuple[int, int]], precision: str) -> Any:
    """The model as coremltools has it. Raises UserError for a layer without a form."""
    import coremltools as ct
    from coremltools.converters.mil.mil import get_new_symbol

    made = program(net, get_new_symbol(), get_new_symbol(), precision == "int8")
    channels = net.picture.channels
    layout = ct.colorlayout.GRAYSCALE if channels == 1 else ct.colorlayout.RGB
    shapes = ct.EnumeratedShapes([(1, channels, height, width) for width, height in sizes])
    picture = ct.ImageType(name="picture", shape=shapes, color_layout=layout, scale=net.max_value / 255)
    # `outputs` of convert() are for other front ends: of a MIL program they would go unheard, and the output be an
    # array of floats (coremltools 9.0).
    made.functions["main"].set_output_types([ct.ImageType(name="enlarged", color_layout=layout)])
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
        return ct.convert(
            made,
            convert_to="mlprogram",
            inputs=[picture],
            compute_precision=ct.precision.FLOAT32 if precision == "float32" else ct.precision.FLOAT16,
            minimum_deployment_target=ct.target.iOS17 if precision == "int8" else ct.target.iOS16,
            skip_model_load=True,
        )


def program(net: Network, height: Any, width: Any, whole: bool = False) -> Any:
    """`net` as a MIL program. whole: in W8A8, with what it stores as integers rounded to 8 bits.

    Raises UserError for a layer that MIL has no form for.
    """
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813 (its usual name)

    written = net if whole else without_rounding(net)
    spec = mb.TensorSpec(shape=(1, net.picture.channels, height, width))

    def write(picture: Any) -> Any:
        writer = _Writer(mb, net, picture)
        for layer in written.layers:
            writer.layer(layer)
        levels = mb.mul(x=writer.real[written.output.name], y=np.float32(255 / net.max_value))
        return mb.clip(x=mb.round(x=levels), alpha=np.float32(0), beta=np.float32(255), name="enlarged")

    return mb.program(input_specs=[spec], opset_version=ct.target.iOS17 if whole else ct.target.iOS16)(write)


class _Writer:
    """`real`: what each tensor is, by its name. `stored`: those that were rounded, as convolutions read them."""

    def __init__(self, mb: Any, net: Network, picture: Any) -> None:
        self._mb, self._net = mb, net
        self.real = {net.picture.name: picture}
        self._stored: dict[str, Any] = {}

    def layer(self, layer: Layer) -> None:
        """Write `layer`, whose inputs are written."""
        name, source = layer.output.name, layer.inputs[0].name
        if isinstance(layer, Rounded):
            x = self.real[source]
            of_picture = layer.inputs[0] is self._net.picture and layer.top > _TOP  # an 8-bit sample is exact in both
            step = self._net.max_value / _TOP if of_picture else layer.step * layer.top / _TOP
            zero = 0 if of_picture else round(layer.zero * _TOP / layer.top)
            self._stored[name] = self._rounded(x, step, zero)
            self.real[name] = x if of_picture else self._stored[name]
        elif isinstance(layer, Conv) and layer.steps is not None and source in self._stored:
            self.real[name] = self._whole(layer, layer.steps, self._stored[source])
        else:
            self.real[name] = _layer(self._mb, layer, [self.real[tensor.name] for tensor in layer.inputs])

    def _rounded(self, x: Any, step: float, zero: int) -> Any:
        """`x` in int8 and back: for `step` times a whole number, where `zero` of 0..255 stands for 0."""
        way = {"scale": np.float32(step), "zero_point": np.int8(zero - 128)}
        return self._mb.dequantize(input=self._mb.quantize(input=x, output_dtype="int8", **way), **way)

    def _whole(self, layer: Conv, steps: NDArray[np.float32], x: Any) -> Any:
        """`layer` with its weights in int8. Where steps are so small that float16 would lose their digits, they are a
        power of two larger, and what comes out is divided by it."""
        mb, most = self._mb, float(steps.max())
        lift = 2.0 ** max(0, int(np.ceil(np.log2(_LEAST_STEP / most)))) if most > 0 else 1.0
        weight = mb.constexpr_affine_dequantize(
            quantized_data=layer.whole(steps).astype(np.int8),
            zero_point=np.int8(0),
            scale=(np.where(steps > 0, steps, 1) * lift).astype(np.float32),
            axis=0,
        )
        made = _convolved(mb, layer, x, weight, (layer.bias * lift).astype(np.float32))
        return made if lift == 1 else mb.mul(x=made, y=np.float32(1 / lift))


def _convolved(mb: Any, layer: Conv, x: Any, weight: Any, bias: NDArray[np.float32]) -> Any:
    rows, columns = layer.halo
    border: dict[str, Any] = {"pad_type": "valid"}
    if layer.pad is Pad.ZERO:
        border = {"pad_type": "custom", "pad": [rows, rows, columns, columns]}
    elif rows or columns:
        x = mb.pad(x=x, pad=[rows, rows, columns, columns], mode="replicate")
    return mb.conv(x=x, weight=weight, bias=bias, **border)


def _layer(mb: Any, layer: Layer, given: list[Any]) -> Any:
    x = given[0]
    match layer:
        case Conv():
            return _convolved(mb, layer, x, layer.weight, layer.bias)
        case Prelu() if not layer.slope.any():
            return mb.relu(x=x)
        case Prelu():
            return mb.prelu(x=x, alpha=layer.slope)
        case Affine():
            scaled = mb.mul(x=x, y=layer.scale[None, :, None, None])
            return mb.add(x=scaled, y=layer.offset[None, :, None, None]) if layer.offset.any() else scaled
        case Clip():
            most = float(np.finfo(np.float16).max)
            return mb.clip(x=x, alpha=np.float32(max(layer.low, -most)), beta=np.float32(min(layer.high, most)))
        case Merge():
            return getattr(mb, _MERGES[layer.kind])(x=x, y=given[1])
        case Concat():
            return mb.concat(values=given, axis=1)
        case Shuffle():
            return mb.pixel_shuffle(x=x, upscale_factor=layer.factor)
        case Curve(kind=Unary.ELU):
            return mb.elu(x=x, alpha=np.float32(1))
        case Curve() if layer.kind in _CURVES:
            return getattr(mb, layer.kind.value)(x=x)
        case Curve():
            raise no_form(layer.name, layer.kind.value, "coreml")
    raise no_form(layer.name, type(layer).__name__, "coreml")
