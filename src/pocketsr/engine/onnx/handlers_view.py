"""ONNX operators that view planes in another shape: channels split, merged, repeated and put in another order.

None of them costs anything when the network runs: planes are only listed anew. A pixel shuffle that is spelled out as
reshape, transpose, reshape ends as one depth-to-space.
"""

from __future__ import annotations

from itertools import combinations
from math import prod

import numpy as np
import onnx

from pocketsr.engine.ir.graph import Shuffle
from pocketsr.engine.onnx.state import Importer, handles
from pocketsr.engine.onnx.tensors import (
    Attributes,
    Inputs,
    NotSupportedError,
    Planes,
    Tensor,
    View,
    check_planes,
    constant,
    view_of,
    viewed,
)

__all__: list[str] = []

Dims = tuple[int | str, ...]
MOST_DIMS = 8


@handles("Shape")
def _shape(state: Importer, _: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """The sizes for the one image that the importer imagines; it sees to it that they only serve as sizes."""
    start, end = attributes.get("start", 0), attributes.get("end", None)
    return [np.array(state.sizes_of(view_of(inputs[0]))[start:end], np.int64)]


def _axes(inputs: Inputs, attributes: Attributes, rank: int) -> list[int] | None:
    """Axes are an input since opset 13 and were an attribute before."""
    given = inputs[1] if len(inputs) > 1 else attributes.get("axes")
    return None if given is None else [int(axis) % rank for axis in np.ravel(constant(given, "its axes"))]


@handles("Unsqueeze")
def _unsqueeze(_: Importer, __: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    view = view_of(inputs[0])
    count = np.size(constant(inputs[1] if len(inputs) > 1 else attributes.get("axes"), "its axes"))
    dims: list[int | str] = list(view.dims)
    if len(dims) + count > MOST_DIMS:
        raise NotSupportedError(f"{len(dims) + count} dimensions; up to {MOST_DIMS} are supported")
    for axis in sorted(_axes(inputs, attributes, len(dims) + count) or []):
        dims.insert(axis, 1)
    return [viewed(view.refs, tuple(dims))]


@handles("Squeeze")
def _squeeze(_: Importer, __: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    view = view_of(inputs[0])
    axes = _axes(inputs, attributes, len(view.dims))
    dropped = [i for i, size in enumerate(view.dims) if (size == 1 if axes is None else i in axes)]
    if any(view.dims[i] != 1 for i in dropped):
        raise NotSupportedError("it drops an axis that is larger than 1")
    return [viewed(view.refs, tuple(size for i, size in enumerate(view.dims) if i not in dropped))]


@handles("Transpose")
def _transpose(_: Importer, __: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    view = view_of(inputs[0])
    order = attributes.get("perm") or list(range(len(view.dims)))[::-1]
    numbered = view.numbered()
    refs = tuple(view.refs[i] for i in numbered.transpose(order).ravel())
    return [viewed(refs, tuple(view.dims[axis] for axis in order))]


@handles("Tile", "Expand")
def _repeat(state: Importer, node: onnx.NodeProto, inputs: Inputs, __: Attributes) -> list[Tensor]:
    view, counts = view_of(inputs[0]), [int(n) for n in constant(inputs[1], "its counts")]
    if len(counts) < len(view.dims):
        counts = [1] * (len(view.dims) - len(counts)) + counts
    dims: Dims = (1,) * (len(counts) - len(view.dims)) + view.dims
    if node.op_type == "Expand":  # states the sizes, not how often
        sizes = state.sizes_of(View(view.refs, dims))
        counts = [1 if count == size else count for count, size in zip(counts, sizes, strict=True)]
        fits = all(count == 1 or size == 1 for count, size in zip(counts, sizes, strict=True))
    else:
        fits = True
    if not fits or any(count != 1 and isinstance(size, str) for count, size in zip(counts, dims, strict=True)):
        raise NotSupportedError(f"{counts}: only channels can be repeated")
    check_counts(counts, len(view.refs))
    numbers = np.tile(View(view.refs, dims).numbered(), counts)
    refs = tuple(view.refs[i] for i in numbers.ravel())
    wide = tuple(size if isinstance(size, str) else size * n for size, n in zip(dims, counts, strict=True))
    return [viewed(refs, wide)]


def check_counts(counts: list[int], planes: int) -> None:
    """Before `planes` are repeated so often."""
    if len(counts) > MOST_DIMS or min(counts, default=1) < 1:
        raise NotSupportedError(f"{counts[:16]}: how often is expected, 1 or more for each of up to {MOST_DIMS} axes")
    check_planes(planes * prod(counts))


@handles("Reshape", "Flatten")
def _reshape(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    view = view_of(inputs[0])
    if node.op_type == "Flatten":
        raise NotSupportedError("it lays the rows of the image side by side; the engine keeps images as planes")
    target = [int(n) for n in constant(inputs[1] if len(inputs) > 1 else attributes.get("shape"), "its shape")]
    if len(target) > MOST_DIMS or min(target, default=1) < -1:
        raise NotSupportedError(
            f"a shape of {len(target)} dimensions; up to {MOST_DIMS} are supported, -1 or more each"
        )
    sizes = state.sizes_of(view)
    target = [sizes[i] if n == 0 and i < len(sizes) else n for i, n in enumerate(target)]
    if target.count(-1) == 1 and (known := -prod(target)):
        target[target.index(-1)] = prod(sizes) // known
    dims = view.dims
    tall, wide = dims.index("H"), dims.index("W")
    if prod(target) == prod(sizes) and tall < wide:
        parts = (prod(sizes[:tall]), prod(sizes[tall + 1 : wide]), prod(sizes[wide + 1 :]))
        for i, j in combinations(range(len(target)), 2):  # where height and width stand in the new shape
            if (target[i], target[j]) == (sizes[tall], sizes[wide]) and parts == (
                prod(target[:i]),
                prod(target[i + 1 : j]),
                prod(target[j + 1 :]),
            ):
                new: list[int | str] = list(target)
                new[i], new[j] = "H", "W"
                return [viewed(view.refs, tuple(new))]
        channels, factor, after = parts
        merged = [channels, factor * sizes[tall], factor * sizes[wide]]
        if factor == after and factor in (2, 3, 4) and [prod(target[:-2]), *target[-2:]] == merged:
            scale = state.scale_of(Planes(view.refs)) * factor
            name = node.name or node.output[0]
            planes = state.add(Shuffle(name, state.new_value(scale), view.refs, factor), scale)
            return [viewed(planes.refs, (*target[:-2], "H", "W"))]
    shape = " x ".join(str(size) for size in dims)
    raise NotSupportedError(f"{shape} to {target}; only channels can be split and merged, and pixels shuffled")
