"""The NumPy meaning of the MIL operators that `coreml` uses, as Apple documents them: no Mac is needed to check a file.

Each operator's result is rounded to its type; sums of a convolution are float32, as on the CPU and more than the
Neural Engine promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Unary
from pocketsr.engine.ir.pointwise import CURVES

__all__ = ["OPERATORS", "interpret", "operators_of"]

Array = NDArray[Any]


def operators_of(program: Any) -> list[str]:
    """What the program consists of, in order, constants left out."""
    return [op.op_type for op in _operations(program)]


def interpret(program: Any, picture: Array) -> Array:
    """The program's one result for its one input.

    Raises NotImplementedError for what isn't in OPERATORS, and OverflowError where a number doesn't fit its type.
    """
    main = program.functions["main"]
    values: dict[str, Array] = {next(iter(main.inputs)): picture}
    for op in _operations(program):
        if op.op_type not in OPERATORS:
            raise NotImplementedError(f"MIL operator {op.op_type}")
        given = {name: _value(of, values) for name, of in op.inputs.items() if of is not None}
        with np.errstate(over="ignore"):
            result = OPERATORS[op.op_type](given)
            held = result if op.op_type == "cast" else result.astype(_type_of(op.outputs[0]))
        if not np.isfinite(held).all():
            raise OverflowError(f"{op.op_type} {op.name}: a result that {held.dtype} doesn't hold")
        values[op.outputs[0].name] = held
    return values[main.outputs[0].name]


def _operations(program: Any) -> Iterator[Any]:
    return (op for op in program.functions["main"].operations if op.op_type != "const")


def _value(of: Any, values: dict[str, Array]) -> Any:
    if isinstance(of, list | tuple):
        return [_value(each, values) for each in of]
    return of.val if of.val is not None else values[of.name]


def _type_of(variable: Any) -> Any:
    from coremltools.converters.mil.mil import types

    return _TYPES[types.builtin_to_string(variable.dtype)]


def _column(numbers: Array) -> Array:
    return np.asarray(numbers)[:, None, None]


def _pad(given: dict[str, Any]) -> Array:
    top, bottom, left, right = (int(each) for each in given["pad"])  # of the last two axes
    assert given["mode"] == "replicate"
    return np.pad(given["x"], ((0, 0), (0, 0), (top, bottom), (left, right)), mode="edge")


def _conv(given: dict[str, Any]) -> Array:
    x, weight = given["x"].astype(np.float32), np.asarray(given["weight"], np.float32)
    assert given["groups"] == 1
    assert set(given["strides"]) == set(given["dilations"]) == {1}
    if given["pad_type"] == "custom":
        top, bottom, left, right = (int(each) for each in given["pad"])
        x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    else:
        assert given["pad_type"] == "valid"
    rows, columns = (x.shape[2 + i] - weight.shape[2 + i] + 1 for i in (0, 1))
    total = np.zeros((1, len(weight), rows, columns), np.float32)
    for i, j in np.ndindex(*weight.shape[2:]):
        total[0] += np.tensordot(weight[:, :, i, j], x[0, :, i : i + rows, j : j + columns], 1)
    return total + _column(np.asarray(given["bias"], np.float32))


def _quantize(given: dict[str, Any]) -> Array:
    """As coremltools' `quantize`: clip(round(input / scale) + zero_point), in steps of one tensor."""
    bounds = np.iinfo(_WHOLE[given["output_dtype"]])
    whole = np.rint(given["input"] / given["scale"]).astype(np.float32) + given.get("zero_point", 0)
    return np.asarray(np.clip(whole, bounds.min, bounds.max))


def _dequantize(given: dict[str, Any]) -> Array:
    return np.asarray((given["input"].astype(np.float32) - given.get("zero_point", 0)) * given["scale"])


def _constexpr_affine_dequantize(given: dict[str, Any]) -> Array:
    data = given["quantized_data"]
    along = [-1 if axis == int(given["axis"]) else 1 for axis in range(data.ndim)]
    zero, scale = (np.asarray(given[name], np.float32).reshape(along) for name in ("zero_point", "scale"))
    return np.asarray((data.astype(np.float32) - zero) * scale)


def _pixel_shuffle(given: dict[str, Any]) -> Array:
    x, factor = given["x"], int(given["upscale_factor"])
    _, channels, height, width = x.shape
    parts = x.reshape(channels // factor**2, factor, factor, height, width).transpose(0, 3, 1, 4, 2)
    return np.asarray(parts.reshape(1, -1, height * factor, width * factor))


def _curve(kind: Unary) -> Callable[[dict[str, Any]], Array]:
    return lambda given: np.asarray(CURVES[kind].meaning(given["x"].astype(np.float32)))


_WHOLE = {"int8": np.int8, "uint8": np.uint8}
_TYPES = {"fp16": np.float16, "fp32": np.float32, **_WHOLE}
OPERATORS: dict[str, Callable[[dict[str, Any]], Array]] = {
    "cast": lambda given: given["x"].astype(_TYPES[given["dtype"]]),
    "identity": lambda given: given["x"],
    "pad": _pad,
    "conv": _conv,
    "prelu": lambda given: np.where(given["x"] > 0, given["x"], given["x"] * _column(given["alpha"])),
    "leaky_relu": lambda given: np.where(given["x"] > 0, given["x"], given["x"] * given["alpha"]),
    "relu": lambda given: np.maximum(given["x"], 0),
    "add": lambda given: given["x"] + given["y"],
    "sub": lambda given: given["x"] - given["y"],
    "mul": lambda given: given["x"] * given["y"],
    "real_div": lambda given: given["x"] / given["y"],
    "maximum": lambda given: np.maximum(given["x"], given["y"]),
    "minimum": lambda given: np.minimum(given["x"], given["y"]),
    "clip": lambda given: np.clip(given["x"], given["alpha"], given["beta"]),
    "round": lambda given: np.rint(given["x"]),
    "quantize": _quantize,
    "dequantize": _dequantize,
    "constexpr_affine_dequantize": _constexpr_affine_dequantize,
    "concat": lambda given: np.concatenate(given["values"], axis=int(given["axis"])),
    "pixel_shuffle": _pixel_shuffle,
} | {kind.value: _curve(kind) for kind in Unary}
