"""Changes to ONNX files for tools/fuzz_models.py: of meaning, of any field, of bytes."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from onnx import ModelProto, numpy_helper

__all__ = ["mutated"]

_ODD_INTEGERS = (0, 1, -1, 2, 3, 7, 127, 255, 256, 65536, 2**31 - 1, 2**31, 2**62, -(2**63), 2**63 - 1)
_ONE_INPUT = (
    "Abs", "Ceil", "Elu", "Erf", "Exp", "Flatten", "Gelu", "GlobalAveragePool", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "LeakyRelu", "Log", "MaxPool", "Mish", "Neg", "Reciprocal", "ReduceMean", "Relu", "Shape",
    "Sigmoid", "Size", "Softmax", "Softplus", "SpaceToDepth", "Sqrt", "Squeeze", "Sum", "Tanh", "Transpose",
)  # fmt: skip
_TWO_INPUTS = (
    "Add", "BitShift", "Conv", "ConvTranspose", "DequantizeLinear", "Div", "Expand", "Gather", "MatMul", "Max", "Mod",
    "Mul", "PRelu", "Pad", "Pow", "QuantizeLinear", "ReduceSum", "Reshape", "Resize", "Split", "Squeeze", "Sub", "Tile",
    "TopK", "Unsqueeze", "Upsample", "Where",
)  # fmt: skip
_ODD_FLOATS = (0.0, -0.0, 1e-40, 1e38, float("inf"), float("-inf"), float("nan"), 0.5, 2.0)


def _messages(message: Any) -> Iterator[Any]:
    """`message` and all that is in it."""
    yield message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for inner in value if hasattr(value, "add") else [value]:
                yield from _messages(inner)


def _odd(kind: int, rng: random.Random, old: Any, words: list[Any]) -> Any:
    if kind in (1, 2):  # double, float
        return rng.choice([*_ODD_FLOATS, float(old) * 1e6])
    if kind in (9, 12):  # string, bytes
        if kind == 9:
            return rng.choice([*[w for w in words if isinstance(w, str)], "", "\x00*/", "a" * 300])
        data = bytes(old)
        return rng.choice([b"", data[:-1], data + b"\xff", data[::-1], bytes(len(data)), b"\xff" * len(data)])
    return rng.choice([*_ODD_INTEGERS, int(old) + 1, int(old) - 1, -int(old)])


def _change_field(message: Any, rng: random.Random, words: list[Any]) -> None:
    fields = message.ListFields()
    if not fields:
        return
    descriptor, value = rng.choice(fields)
    name, repeated = descriptor.name, hasattr(value, "append") or hasattr(value, "add")
    with contextlib.suppress(ValueError, TypeError, OverflowError, UnicodeError):
        if repeated and len(value):
            at = rng.randrange(len(value))
            match rng.randrange(4):
                case 0:
                    del value[at]
                case 1:
                    extra = [value[at]] * rng.choice((1, 2, 30))
                    value.extend(extra)
                case 2:
                    other = rng.randrange(len(value))
                    items = list(value)
                    items[at], items[other] = items[other], items[at]
                    copies = [
                        type(x).FromString(x.SerializeToString()) if hasattr(x, "ListFields") else x for x in items
                    ]
                    message.ClearField(name)
                    getattr(message, name).extend(copies)
                case 3 if descriptor.message_type is None:
                    value[at] = _odd(descriptor.type, rng, value[at], words)
        elif descriptor.message_type is None:
            setattr(message, name, _odd(descriptor.type, rng, value, words))
        elif rng.random() < 0.3:
            message.ClearField(name)


def _change_meaning(model: ModelProto, rng: random.Random) -> None:
    """A change after which the file is mostly still one that ONNX's checker lets pass."""
    nodes, tensors = list(model.graph.node), list(model.graph.initializer)
    names = [value.name for value in model.graph.input] + [name for node in nodes for name in node.output]
    choice = rng.randrange(5)
    if choice == 0 and tensors:
        tensor = rng.choice(tensors)
        shape = [rng.choice((0, 1, 1, 2, 3, 4, 5, 8, 33)) for _ in range(rng.choice((0, 1, 1, 4, 4, 4, 5)))]
        kind = rng.choice(("f4", "f4", "f4", "i8", "i1", "u1", "f2", "f8"))
        odd = [rng.choice((0, 1, -1, 2, 3, 0.5, 100)) for _ in range(math.prod(shape))]
        made = numpy_helper.from_array(np.array(odd, np.float64).reshape(shape).astype(kind), tensor.name)
        tensor.CopyFrom(made)
    elif choice == 1 and nodes:
        node = rng.choice(nodes)
        by_inputs = {1: _ONE_INPUT, 2: _TWO_INPUTS}.get(len(node.input), ())
        if by_inputs:
            node.op_type = rng.choice(by_inputs)
            if rng.random() < 0.8:
                del node.attribute[:]
    elif choice == 2 and nodes:
        node = rng.choice(nodes)
        if node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice([*names, *(tensor.name for tensor in tensors)])
    elif choice == 3 and nodes:
        found = [attribute for node in nodes for attribute in node.attribute if attribute.type in (2, 7)]
        if found:
            attribute = rng.choice(found)
            if attribute.type == 2:
                attribute.i = rng.choice(_ODD_INTEGERS)
            elif attribute.ints:
                attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(_ODD_INTEGERS)
    elif nodes:
        at = rng.randrange(len(nodes))
        copy = type(nodes[at]).FromString(nodes[at].SerializeToString())
        copy.output[:] = [f"{name}_{rng.randrange(10**6)}" for name in copy.output]
        model.graph.node.insert(at + 1, copy)
        for later in model.graph.node[at + 2 :]:
            for i, name in enumerate(later.input):
                if name in nodes[at].output and rng.random() < 0.5:
                    later.input[i] = copy.output[list(nodes[at].output).index(name)]


def mutated(data: bytes, rng: random.Random, words: list[Any]) -> bytes:
    """The file `data`, with a few parts or bytes changed."""
    if rng.random() < 0.8:
        with contextlib.suppress(Exception):  # a file that is hostile by its bytes: those are changed below
            model = ModelProto.FromString(data)
            for _ in range(rng.choice((1, 1, 2, 3, 6))):
                if rng.random() < 0.7:
                    _change_meaning(model, rng)
                    continue
                _change_field(rng.choice(list(_messages(model))), rng, words)
            return bytes(model.SerializeToString())
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if not found:
            break
        at = rng.randrange(len(found))
        match rng.randrange(5):
            case 0:
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                found[at] = rng.choice((0, 1, 127, 128, 255))
            case 2:
                del found[at : at + rng.choice((1, 4, 100))]
            case 3:
                found[at:at] = found[at : at + rng.choice((1, 8, 200))]
            case 4:
                del found[rng.randrange(len(found)) :]
    return bytes(found)
