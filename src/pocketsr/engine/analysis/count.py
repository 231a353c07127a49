"""What a network costs, counted from its ONNX file alone; the one counter of the project.

- Parameters: every learned number that the file holds, each array once. Those are the weights and biases of
  convolutions, transposed convolutions, Gemm and MatMul, slopes of PReLU, scales and offsets of normalisations (not
  their running statistics: folded into a convolution they are none), tables that Gather reads, and constants of more
  than one number that Add, Sub, Mul and Div apply. Not learned: taps of Resize, single numbers in arithmetic,
  constants that meet the picture before the first convolution or the result after the last one (a mean colour), and
  what Constant nodes hold in a file that has its weights as initializers: so PyTorch writes what it doesn't train.
  What is calculated from the strength that a network is told counts at each of its knots.
- MACs: multiply-adds of convolutions, transposed convolutions, Gemm and MatMul as their definition has them: zeros in
  a weight and beyond the border are multiplied too. Nothing else counts: no activation, sum, normalisation or Resize.
  Of kernels chosen by classes of structure (`onnx.structure`) each pixel is multiplied by its own, though the
  file has all; parameters are those of all classes. The classes are 33 products a pixel.
- Activation memory: feature maps in 4 bytes a number, run node by node in the file's order, the picture and the result
  included. A map lives until its last reader is done. A pointwise stage writes over an operand of its size that nobody
  else reads later; views and padding cost nothing. `peak_bytes` is the most alive at once, `written_bytes` the sum of
  all maps made.
- Receptive field: `receptive_field`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path

import onnx

from pocketsr.engine.analysis.chosen import CLASS_PRODUCTS, CLASSES, as_run, steep_of
from pocketsr.engine.analysis.receptive_field import receptive_field
from pocketsr.engine.onnx.checked import image_input, read_model
from pocketsr.engine.onnx.folding import attributes_of
from pocketsr.engine.onnx.model_file import ModelFile
from pocketsr.engine.onnx.shapes import POINTWISE, Sized, sized
from pocketsr.engine.onnx.told import STRENGTH, strength_input
from pocketsr.errors import UserError

__all__ = ["OUTPUT_SIZE", "Count", "count"]

OUTPUT_SIZE = (1280, 720)
"""Width and height of the output that published MACs are counted for."""

_PROBE = 48  # pixels of the square picture that finds out the scale
_VIEWS = frozenset({"Cast", "Dropout", "Flatten", "Identity", "Pad", "Reshape", "Squeeze", "Unsqueeze"})
_CONVOLUTIONS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_ARITHMETIC = frozenset({"Add", "Div", "Mul", "Sub"})
_NORMALISATIONS = frozenset({"BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization"})
_UNCOUNTED = frozenset({"Attention", "ConvInteger", "DeformConv", "Einsum", "MatMulInteger", "QLinearConv"})


@dataclass(frozen=True)
class Count:
    """What a network costs for one picture."""

    input_pixels: int
    scale: int
    params: int
    macs: int
    peak_bytes: int
    written_bytes: int
    receptive_field: int | None  # pixels of the input, along the longer axis; None: the whole picture
    halo: int | None  # pixels of the input from an output's own to the farthest that it depends on; None likewise

    @property
    def gmacs(self) -> float:
        return self.macs / 1e9

    @property
    def macs_per_pixel(self) -> int:
        """Of the input."""
        return round(self.macs / self.input_pixels)


def count(source: Path | ModelFile, output_size: tuple[int, int] = OUTPUT_SIZE) -> Count:
    """The costs of the ONNX network in `source` for an output of `output_size` (width, height).

    Where no input gives just that output (the scale doesn't divide it, or the file fixes its own input size), MACs and
    memory are counted at the next smaller input, or the file's, and taken in proportion to the pixels.

    Raises UserError for a file that holds no network of images, and for operators that can't be counted.
    """
    name = str(source.path if isinstance(source, ModelFile) else source)
    model = read_model(source)
    try:
        return _counted(name, model, output_size)
    except (ArithmeticError, AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
        raise UserError(f"{name}: its operators are not as ONNX defines them ({type(error).__name__})") from error


def _counted(name: str, model: onnx.ModelProto, output_size: tuple[int, int]) -> Count:
    luma, channels, fixed = image_input(name, model.graph, STRENGTH if strength_input(name, model) else None)
    probe = sized(name, model, *(fixed or (_PROBE, _PROBE)))
    scale = _scale(name, probe, channels)
    width, height = output_size
    net = probe if fixed else sized(name, model, max(1, height // scale), max(1, width // scale))
    pixels = prod(net.shapes[net.source][2:])
    share = width * height / (pixels * scale**2)
    field = receptive_field(name, net)
    net = as_run(net, model.graph, steep_of(model, luma) if channels == 1 else None)
    peak, written = _memory(net)
    return Count(
        round(pixels * share),
        scale,
        _parameters(net),
        round(_macs(name, net) * share),
        ceil(peak * share),
        ceil(written * share),
        *(field or (None, None)),
    )


def _scale(path: str, net: Sized, channels: int) -> int:
    _, _, height, width = net.shapes[net.source]
    result = net.shapes[net.result]
    scale = result[-1] // width
    if not scale or result != (1, channels, scale * height, scale * width):
        raise UserError(
            f"{path}: {height}x{width} pixels of {channels} channels become {' x '.join(map(str, result))}; "
            "an image larger by an integer factor is expected"
        )
    return scale


def _macs(path: str, net: Sized) -> int:
    total = 0
    for node in net.nodes:
        kind, given = node.op_type, attributes_of(node)
        if kind in _UNCOUNTED:
            raise UserError(f"{path}: {net.label(node)}: its multiply-adds can't be counted")
        if kind == CLASSES:
            total += CLASS_PRODUCTS * prod(net.shapes[node.output[0]])
        if kind not in _CONVOLUTIONS:
            continue
        left, right = (net.shapes.get(name) or net.constants[name].shape for name in node.input[:2])
        output = net.shapes[node.output[0]]
        match kind:
            case "Conv":  # right: CO CI/groups KH KW
                total += prod(output) * prod(right[1:])
            case "ConvTranspose":  # right: CI CO/groups KH KW
                total += prod(left) * prod(right[1:])
            case "Gemm":
                total += prod(output) * left[0 if given.get("transA") else 1]
            case "MatMul":
                total += prod(output) * left[-1]
    return total


def _parameters(net: Sized) -> int:
    before = _reached(net.nodes, {net.source}, forwards=True)
    after = _reached(net.nodes[::-1], {net.result}, forwards=False)
    learned: dict[str, int] = {}
    for node in net.nodes:
        kind = node.op_type
        names = [name for name in node.input if name in net.constants]
        if kind in _NORMALISATIONS:
            names = list(node.input[1:3])
        elif kind == "PRelu":
            names = list(node.input[1:])
        elif kind == "Gather":
            names = [name for name in node.input[:1] if name in net.constants]
        elif kind in _ARITHMETIC:
            shift = node.output[0] in before or node.output[0] in after
            names = [n for n in names if net.constants[n].size > 1 and (not shift or n in net.told)]
        elif kind not in _CONVOLUTIONS:
            names = []
        learned |= {net.origins.get(n, n): net.constants[n].size * (net.knots if n in net.told else 1) for n in names}
    stored = learned.keys() - net.inline
    return sum(learned[name] for name in stored or learned)


def _reached(nodes: tuple[onnx.NodeProto, ...], start: set[str], *, forwards: bool) -> set[str]:
    """Every tensor with no convolution between it and `start` on any way: made of such ones alone, or read by such
    ones alone where not `forwards`."""
    barred: set[str] = set()
    seen = set(start)
    for node in nodes:
        near, far = (node.input, node.output) if forwards else (node.output, node.input)
        seen.update(far)
        if node.op_type in _CONVOLUTIONS or not barred.isdisjoint(near):
            barred.update(far)
    return seen - barred


def _memory(net: Sized) -> tuple[int, int]:
    """The most bytes alive at once, and the bytes of all maps made."""
    last = {net.result: len(net.nodes)}
    for index, node in enumerate(net.nodes):
        for name in node.input:
            last[name] = max(last.get(name, 0), index)
    place = {net.source: 0}  # the number of the block of memory in which a tensor lies
    sizes = [_bytes(net, net.source)]
    until = [last[net.source]]
    peak, written = sizes[0], 0
    for index, node in enumerate(net.nodes):
        moving = [name for name in node.input if name in place]
        for number, name in enumerate(filter(None, node.output)):
            size = _bytes(net, name)
            over = None
            if node.op_type in _VIEWS:
                over = place[moving[0]]
            elif node.op_type in POINTWISE and not number:
                free = [place[x] for x in moving if until[place[x]] <= index and _bytes(net, x) == size]
                over = free[0] if free else None
            if over is None:
                over = len(sizes)
                sizes.append(size)
                until.append(index)
                written += size
            place[name] = over
            until[over] = max(until[over], last.get(name, index))
        made = {place[name] for name in node.output if name in place}
        alive = {block for block in place.values() if until[block] >= index or block in made}
        peak = max(peak, sum(sizes[block] for block in alive))
    return peak, written


def _bytes(net: Sized, name: str) -> int:
    return 4 * prod(net.shapes[name])
