"""The receptive field of a network: how much of the picture its result depends on, node by node.

Each axis of a tensor is plain (channels, or sums over them), or rows or columns (`Lines` says which of the picture's),
or rows and columns merged into one axis, as attention has them. An axis that a node sums up as a whole, or rearranges
beyond that, makes its result depend on the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import onnx

from pocketsr.engine.analysis.footprint import (
    PICTURE,
    Lines,
    Taps,
    coarse,
    fine,
    merged,
    resized,
    shifted,
    spread,
    window,
)
from pocketsr.engine.onnx.folding import attributes_of
from pocketsr.engine.onnx.shapes import POINTWISE, Shape, Sized
from pocketsr.errors import UserError

__all__ = ["receptive_field"]

Part = tuple[int, Lines, int]  # 0 rows or 1 columns, which ones, how many
Axis = tuple[Part, ...]  # none: plain; two: merged, the first one outermost
Axes = tuple[Axis, ...]

_WHOLE = frozenset(
    {"GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization"}
)
_WINDOWS = frozenset({"AveragePool", "Conv", "LpPool", "MaxPool"})
_RESHAPES = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})
_ALONG = frozenset({"ArgMax", "ArgMin", "CumSum", "Hardmax", "LogSoftmax", "Softmax", "TopK"})


class _Mixed(Exception):  # noqa: N818 (no error: a finding)
    """The result depends on the whole picture."""


def receptive_field(path: str, net: Sized) -> tuple[int, int] | None:
    """Pixels of the picture that the results lying in one of its pixels depend on, along the longer axis; and how far
    the farthest of them is away. None: the whole picture. What lies beyond the edges doesn't count.

    Raises UserError, naming `path`, for an operator of which this isn't known.
    """
    shape = net.shapes[net.source]
    plain: Axes = ((), (), ((0, PICTURE, shape[2]),), ((1, PICTURE, shape[3]),))
    axes = {net.source: plain}
    try:
        for node in net.nodes:
            axes.update(dict.fromkeys(node.output, _axes(path, net, node, axes)))
    except _Mixed:  # and the result needs every node
        return None
    found = axes[net.result]
    if [len(axis) for axis in found] != [0, 0, 1, 1] or (found[2][0][0], found[3][0][0]) != (0, 1):
        raise UserError(f"{path}: the output has the shape {net.shapes[net.result]}; one image is expected")
    return max(found[2][0][1].field(), found[3][0][1].field())


def _axes(path: str, net: Sized, node: onnx.NodeProto, axes: dict[str, Axes]) -> Axes:
    """The axes of the outputs of `node`; _Mixed where they depend on the whole picture."""
    kind, given, output = node.op_type, attributes_of(node), net.shapes[node.output[0]]
    name = next(name for name in node.input if name in axes)
    first, shape = axes[name], net.shapes[name]

    def constant(index: int, attribute: str, other: Any = None) -> Any:
        """What is an input in later opsets and was an attribute in earlier ones."""
        if len(node.input) > index and node.input[index]:
            return np.ravel(net.constants[node.input[index]]).tolist()
        return given.get(attribute, other)

    if kind in _WHOLE:
        raise _Mixed
    if kind in POINTWISE or kind == "Expand":
        return _broadcast([axes[name] for name in node.input if name in axes], len(output))
    if kind in _WINDOWS:
        weight = net.constants.get(node.input[1]) if kind == "Conv" else None
        kernel = weight.shape[2:] if weight is not None else given["kernel_shape"]
        return _each(first, output, lambda i: window(given, i, kernel[i], shape[2 + i]))
    if kind == "ConvTranspose":
        kernel = net.constants[node.input[1]].shape[2:]
        return _each(first, output, lambda i: spread(given, i, kernel[i]))
    if kind in ("DepthToSpace", "SpaceToDepth"):
        block = int(given["blocksize"])
        return _each(first, output, lambda _: fine(block) if kind == "DepthToSpace" else coarse(block))
    if kind in ("Resize", "Upsample"):
        return _each(first, output, lambda i: resized(node, given, shape[2 + i], output[2 + i]))
    if kind == "Pad":
        before = _by_axis(constant(1, "pads"), constant(3, "axes"), len(shape))
        return tuple(_moved(axis, Fraction(1), shifted(-before[i]), output[i]) for i, axis in enumerate(first))
    if kind == "Slice":
        ranges = [constant(i, name) for i, name in enumerate(("starts", "ends", "axes", "steps"), 1)]
        return _sliced(first, shape, output, ranges)
    if kind == "Tile":
        _need_plain(axis for axis, times in zip(first, constant(1, "repeats"), strict=True) if times > 1)
        return first
    if kind == "Transpose":
        return tuple(first[i] for i in given.get("perm", range(len(first))[::-1]))
    if kind in _RESHAPES:
        return _reshaped(first, shape, output)
    if kind in ("Concat", "Split", *_ALONG) or kind.startswith("Reduce"):
        return _along(kind, given, constant, [axes[name] for name in node.input if name in axes], output)
    if kind == "LayerNormalization":
        _need_plain(first[given.get("axis", -1) % len(first) :])
        return first
    if kind in ("Gemm", "MatMul"):
        return _product(net, node, given, axes, len(output))
    if kind == "Gather":
        return _gathered(net, node, given, axes)
    raise UserError(
        f"{path}: {net.label(node)}: what it depends on isn't known; known are convolutions, pooling and the like"
    )


def _need_plain(axes: Iterable[Axis]) -> None:
    if any(axes):
        raise _Mixed


def _broadcast(operands: Sequence[Axes], rank: int) -> Axes:
    """Axes of numbers made of those at the same place in each of `operands`."""
    found: list[Axis] = []
    for i in range(rank):
        here = [axes[i - rank + len(axes)] for axes in operands if i - rank + len(axes) >= 0]
        tagged = [axis for axis in here if axis]
        joined = tagged[0] if tagged else ()
        for axis in tagged[1:]:
            if [(part[0], part[2]) for part in axis] != [(part[0], part[2]) for part in joined]:
                raise _Mixed
            both = [merged(one[1], other[1]) for one, other in zip(joined, axis, strict=True)]
            if None in both:
                raise _Mixed
            joined = tuple((p[0], lines, p[2]) for p, lines in zip(joined, both, strict=True) if lines)
        found.append(joined)
    return tuple(found)


def _moved(axis: Axis, rate: Fraction, taps: Taps, size: int) -> Axis:
    """`axis` after a step along it: sample j is made of samples taps(j), which move on by `rate` for each j."""
    if len(axis) > 1 and (rate != 1 or list(taps(0)) != [0]):
        raise _Mixed
    return tuple((number, lines.read(rate, taps), size if len(axis) == 1 else own) for number, lines, own in axis)


def _each(axes: Axes, output: Shape, step: Callable[[int], tuple[Fraction, Taps]]) -> Axes:
    """N C H W after a step along rows (0) and columns (1)."""
    _need_plain(axes[:2])
    return ((), (), *(_moved(axes[2 + i], *step(i), output[2 + i]) for i in range(len(axes) - 2)))


def _by_axis(values: list[int], axes: list[int] | None, rank: int) -> list[int]:
    """The first half of `values` (what is added before), an entry an axis."""
    found = [0] * rank
    for i, axis in enumerate(range(rank) if axes is None else axes):
        found[axis % rank] = int(values[i])
    return found


def _sliced(axes: Axes, shape: Shape, output: Shape, ranges: list[list[int]]) -> Axes:
    starts, _, which, steps = ranges
    found = list(axes)
    for i, number in enumerate(which or range(len(starts))):
        step = steps[i] if steps else 1
        if not axes[number] or (output[number] == shape[number] and step == 1):
            continue
        if step < 0:
            raise _Mixed
        start = min(max(starts[i] + shape[number] * (starts[i] < 0), 0), shape[number])

        def taps(j: int, start: int = start, step: int = step) -> list[int]:
            return [start + j * step]

        found[number] = _moved(axes[number], Fraction(step), taps, output[number])
    return tuple(found)


def _reshaped(axes: Axes, shape: Shape, output: Shape) -> Axes:
    """Axes split and merged: atoms of the old shape, outermost first, are dealt out to the new axes."""
    atoms: list[tuple[int, Part | None]] = []
    for size, axis in zip(shape, axes, strict=True):
        if size > 1:
            atoms += [(part[2], part) for part in axis] or [(size, None)]
    found: list[Axis] = []
    for size in output:
        taken: list[tuple[int, Part | None]] = []
        while (rest := size // prod(count for count, _ in taken)) > 1:
            count, part = atoms.pop(0)
            if count > rest:
                if count % rest:
                    raise _Mixed
                atoms.insert(0, (count // rest, None))
                part = part and (part[0], part[1].read(*coarse(count // rest)), rest)
                count = rest
            elif rest % count:
                raise _Mixed
            taken.append((count, part))
        found.append(_joined(taken))
    return tuple(found)


def _joined(atoms: list[tuple[int, Part | None]]) -> Axis:
    """One axis of several: what follows rows or columns makes them finer."""
    parts: list[Part] = []
    if not any(part for _, part in atoms):
        return ()
    for count, part in atoms:
        if part:
            parts.append(part)
        elif not parts:
            raise _Mixed
        else:
            number, lines, size = parts.pop()
            parts.append((number, lines.read(*fine(count)), size * count))
    return tuple(parts)


def _along(kind: str, given: dict[str, Any], constant: Any, operands: list[Axes], output: Shape) -> Axes:
    """Operators with an axis, or several, along which they work."""
    first = operands[0]
    reduces = kind.startswith(("Reduce", "Arg"))
    if kind.startswith("Reduce"):
        chosen = constant(1, "axes") or ([] if given.get("noop_with_empty_axes") else list(range(len(first))))
    elif kind == "CumSum":
        chosen = constant(1, "axis")
    else:
        chosen = [given.get("axis", {"Split": 0, "ArgMax": 0, "ArgMin": 0}.get(kind, -1))]
    numbers = {int(axis) % len(first) for axis in chosen}
    _need_plain(axes[number] for axes in operands for number in numbers)
    if reduces and not given.get("keepdims", 1):
        return tuple(axis for number, axis in enumerate(first) if number not in numbers)
    return _broadcast(operands, len(output))


def _product(net: Sized, node: onnx.NodeProto, given: dict[str, Any], axes: dict[str, Axes], rank: int) -> Axes:
    left, right = (axes.get(name) or ((),) * np.ndim(net.constants[name]) for name in node.input[:2])
    if len(left) < 2 or len(right) < 2:
        raise _Mixed  # vectors: none is made of a picture
    left = (*left[:-2], *left[-2:][:: -1 if given.get("transA") else 1])
    right = (*right[:-2], *right[-2:][:: -1 if given.get("transB") else 1])
    _need_plain((left[-1], right[-2]))
    return (*_broadcast([left[:-2], right[:-2]], rank - 2), left[-2], right[-1])


def _gathered(net: Sized, node: onnx.NodeProto, given: dict[str, Any], axes: dict[str, Axes]) -> Axes:
    """Places of a constant table, or channels of a feature map."""
    table, index = (axes.get(name) or ((),) * np.ndim(net.constants[name]) for name in node.input[:2])
    axis = given.get("axis", 0) % len(table)
    _need_plain(table[axis : axis + 1])
    return (*table[:axis], *index, *table[axis + 1 :])
