"""What a file calculates from constants alone, done once: a list of operators, each with a bound on what it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from onnx.reference import ReferenceEvaluator

__all__ = ["FOLDED", "MOST_FOLDED", "FoldError", "attributes_of", "fold", "fold_each"]

MOST_FOLDED = 2**24
"""Numbers that a folded constant may have."""


class FoldError(Exception):
    """Why a node can't be folded, in words."""


Sizes = Callable[[Sequence[Any], dict[str, Any]], int]
"""How many numbers a node makes at the most, from its inputs and attributes."""


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _numbers(x: Any) -> list[int]:
    """A short list of integers: shapes, counts."""
    array = np.ravel(np.asarray(x))
    if array.size > 64:
        raise FoldError(f"a shape of {array.size} dimensions")
    return [int(n) for n in array]


def _as_inputs(inputs: Sequence[Any], _: dict[str, Any]) -> int:
    return sum(int(np.size(x)) for x in inputs if x is not None)


def _broadcast(inputs: Sequence[Any], _: dict[str, Any]) -> int:
    shapes = [np.shape(x) for x in inputs if x is not None]
    return prod(max(sizes) for sizes in _aligned(shapes))


def _aligned(shapes: list[tuple[int, ...]]) -> list[list[int]]:
    rank = max((len(shape) for shape in shapes), default=0)
    return [[shape[i - rank] for shape in shapes if len(shape) >= rank - i] for i in range(rank)]


def _expand(inputs: Sequence[Any], _: dict[str, Any]) -> int:
    return prod(max(sizes) for sizes in _aligned([np.shape(inputs[0]), tuple(_numbers(inputs[1]))]))


def _filled(inputs: Sequence[Any], _: dict[str, Any]) -> int:
    return prod(abs(n) for n in _numbers(inputs[0]))


def _tiled(inputs: Sequence[Any], _: dict[str, Any]) -> int:
    return int(np.size(inputs[0])) * prod(abs(n) for n in _numbers(inputs[1]))


def _range(inputs: Sequence[Any], _: dict[str, Any]) -> int:
    start, stop, step = (float(np.ravel(x)[0]) for x in inputs)
    count = (stop - start) / step if step else np.inf
    return MOST_FOLDED + 1 if not np.isfinite(count) else max(0, int(count)) + 1


def _padded(inputs: Sequence[Any], given: dict[str, Any]) -> int:
    widths = _numbers(inputs[1] if len(inputs) > 1 else given["pads"])
    return prod(size + sum(map(abs, widths)) for size in np.shape(inputs[0]))


def _gathered(inputs: Sequence[Any], given: dict[str, Any]) -> int:
    data, index = np.asarray(inputs[0]), inputs[1]
    return int(np.size(index)) * data.size // max(1, int(data.shape[given.get("axis", 0)]))


def _products(inputs: Sequence[Any], _: dict[str, Any]) -> int:
    """Multiply-adds of a product of matrices, of which some are no numbers that it makes."""
    left, right = (np.shape(x) for x in inputs[:2])
    inner = min([int(size) for size in left[-2:]], default=1)
    return int(prod(left)) * int(prod(right)) // max(1, inner)


def _blocks(inputs: Sequence[Any], given: dict[str, Any]) -> int:
    """Scales are repeated to the size of their block first; NumPy counts to it even where there are none."""
    return _as_inputs(inputs, given) + max(1, int(np.size(inputs[1]))) * abs(int(given.get("block_size", 0)))


def _parts(inputs: Sequence[Any], given: dict[str, Any]) -> int:
    return _as_inputs(inputs, given) + abs(int(given.get("num_outputs", 0)))


def _constant(_: Sequence[Any], given: dict[str, Any]) -> int:
    return sum(int(np.size(x)) for x in given.values() if isinstance(x, list))


# fmt: off
FOLDED: dict[str, Sizes] = {
    **dict.fromkeys((
        "Abs", "Cast", "CastLike", "Ceil", "Concat", "Erf", "Exp", "Flatten", "Floor", "Identity", "Log", "Neg", "Not",
        "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Reciprocal", "Relu", "Reshape", "Round",
        "Shape", "Sigmoid", "Sign", "Size", "Slice", "Softmax", "Sqrt", "Squeeze", "Tanh", "Transpose", "Unsqueeze",
    ), _as_inputs),
    **dict.fromkeys((
        "Add", "And", "Clip", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min", "Mod",
        "Mul", "Or", "Pow", "Sub", "Sum", "Where",
    ), _broadcast),
    **dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), _blocks),
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Gather": _gathered,
    **dict.fromkeys(("Gemm", "MatMul"), _products),
    "Pad": _padded,
    "Range": _range,
    "Split": _parts,
    "Tile": _tiled,
}
# fmt: on
"""Operators that may be folded. Loops, sequences, text and operators of other domains are none of them."""

_SINCE = {"DequantizeLinear": 21, "QuantizeLinear": 21}


def fold(node: onnx.NodeProto, inputs: list[Any], opsets: list[Any]) -> list[NDArray[Any]]:
    """The outputs of a node whose inputs are all constants. Raises FoldError as `fold_each` does."""
    return fold_each(node, [inputs], opsets)[0]


def fold_each(node: onnx.NodeProto, rows: Sequence[list[Any]], opsets: list[Any]) -> list[list[NDArray[Any]]]:
    """The outputs of a node for each row of inputs, all constants, by ONNX's own reference evaluator.

    Raises FoldError, with the reason in words, for an operator that isn't folded, and one that makes too much.
    """
    if node.op_type not in FOLDED or node.domain not in ("", "ai.onnx"):
        raise FoldError("this operator is not supported on constants")
    for inputs in rows:
        _check_size(node, inputs)
    present = [name for name in node.input if name]
    graph = helper.make_graph(
        [node],
        "constant",
        [helper.make_value_info(name, onnx.TypeProto()) for name in dict.fromkeys(present)],
        [helper.make_value_info(name, onnx.TypeProto()) for name in node.output if name],
    )
    if node.op_type in _SINCE:  # onnx 1.23's evaluator has no earlier ones, which mean the same
        opsets = [helper.make_opsetid("", max(_SINCE[node.op_type], *(x.version for x in opsets if not x.domain)))]
    model = helper.make_model(graph, opset_imports=opsets)
    try:
        with np.errstate(all="ignore"):
            evaluator = ReferenceEvaluator(model)
            found = [list(evaluator.run(None, _feeds(node, inputs))) for inputs in rows]
    except Exception as error:  # of every class: ONNX's evaluator checks nothing
        first = next(iter(str(error).strip().splitlines()), "")
        raise FoldError(f"it can't be calculated ({type(error).__name__}: {first[:100]})") from error
    made = (x for row in found for x in row)
    if any(not isinstance(x, np.ndarray | np.generic) or np.asarray(x).dtype.kind in "OSUc" for x in made):
        raise FoldError("it makes something else than numbers")
    return found


def _check_size(node: onnx.NodeProto, inputs: list[Any]) -> None:
    if node.op_type != "Constant" and not any(x is not None for x in inputs):
        raise FoldError("it has no input")
    try:
        size = FOLDED[node.op_type](inputs, attributes_of(node))
    except FoldError:
        raise
    except Exception as error:
        raise FoldError(f"its inputs are not what ONNX expects ({type(error).__name__})") from error
    if size > MOST_FOLDED:
        raise FoldError(f"it would make {size:,} numbers; up to {MOST_FOLDED:,} are supported")


def _feeds(node: onnx.NodeProto, inputs: list[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(node.input, inputs, strict=True) if name}
