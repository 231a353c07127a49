"""What an ONNX file holds, from its bytes alone: how many parts, and which files beside it keep its weights.

A parser that builds objects takes up to a hundred times the file's size (an empty node is two bytes), so the parts are
counted before `onnx` sees them. And a warm start, which never imports `onnx`, has to know what belongs to a network.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MESSAGES", "External", "scan"]

MESSAGES: dict[str, dict[int, str]] = {
    "ModelProto": {
        7: "GraphProto",
        8: "OperatorSetIdProto",
        14: "StringStringEntryProto",
        20: "TrainingInfoProto",
        25: "FunctionProto",
        26: "DeviceConfigurationProto",
    },
    "GraphProto": {
        1: "NodeProto",
        5: "TensorProto",
        11: "ValueInfoProto",
        12: "ValueInfoProto",
        13: "ValueInfoProto",
        14: "TensorAnnotation",
        15: "SparseTensorProto",
        16: "StringStringEntryProto",
    },
    "NodeProto": {5: "AttributeProto", 9: "StringStringEntryProto", 10: "NodeDeviceConfigurationProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        14: "TypeProto",
        15: "TypeProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "TensorProto": {3: "TensorProto.Segment", 13: "StringStringEntryProto", 16: "StringStringEntryProto"},
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorAnnotation": {2: "StringStringEntryProto"},
    "TrainingInfoProto": {
        1: "GraphProto",
        2: "GraphProto",
        3: "StringStringEntryProto",
        4: "StringStringEntryProto",
    },
    "FunctionProto": {
        7: "NodeProto",
        9: "OperatorSetIdProto",
        11: "AttributeProto",
        12: "ValueInfoProto",
        14: "StringStringEntryProto",
    },
    "ValueInfoProto": {2: "TypeProto", 4: "StringStringEntryProto"},
    "TypeProto": {
        1: "TypeProto.Tensor",
        4: "TypeProto.Sequence",
        5: "TypeProto.Map",
        7: "TypeProto.Opaque",
        8: "TypeProto.SparseTensor",
        9: "TypeProto.Optional",
    },
    "TypeProto.Tensor": {2: "TensorShapeProto"},
    "TypeProto.SparseTensor": {2: "TensorShapeProto"},
    "TypeProto.Sequence": {1: "TypeProto"},
    "TypeProto.Optional": {1: "TypeProto"},
    "TypeProto.Map": {2: "TypeProto"},
    "TensorShapeProto": {1: "TensorShapeProto.Dimension"},
    "NodeDeviceConfigurationProto": {2: "ShardingSpecProto"},
    "ShardingSpecProto": {3: "IntIntListEntryProto", 4: "ShardedDimProto"},
    "ShardedDimProto": {2: "SimpleShardedDimProto"},
}
"""Which fields of a message of onnx.proto are messages again, by number; a test holds it against `onnx`."""

_DATA_FIELD = {"TensorProto": (4, 9)}  # float_data, raw_data: as large in memory as in the file
_MOST_FIELDS = 1_000_000  # a network of 5,000 nodes has 100,000
_MOST_PACKED = 64 * 2**20  # bytes of packed numbers, each of which takes up to eight in memory
_DEEPEST = 40
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class External:
    """Where a tensor's numbers lie outside of the file, as the file says it."""

    tensor: str
    location: str
    offset: str
    length: str


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= end or shift > 63:
            raise ValueError("it is cut off, or damaged")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _field(data: bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """Number, start and end of the field at `at`, and its kind."""
    key, at = _varint(data, at, end)
    kind = key & 7
    if kind == _VARINT:
        stop = _varint(data, at, end)[1]
    elif kind == _BYTES:
        size, at = _varint(data, at, end)
        stop = at + size
    elif kind in (_FIXED64, _FIXED32):
        stop = at + (8 if kind == _FIXED64 else 4)
    else:
        raise ValueError("it is damaged")
    if stop > end:
        raise ValueError("it is cut off, or damaged")
    return key >> 3, at, stop, kind


def scan(data: bytes) -> list[External]:
    """The tensors of the ONNX file `data` whose numbers lie in other files.

    Raises ValueError, in words, where `data` is no protocol buffer, or holds more parts than a network has.
    """
    external: list[External] = []
    fields = packed = 0
    todo: list[tuple[str, int, int, int]] = [("ModelProto", 0, len(data), 0)]
    while todo:
        message, at, end, depth = todo.pop()
        inner = MESSAGES.get(message, {})
        start = at
        outside = False
        while at < end:
            number, first, stop, kind = _field(data, at, end)
            at = stop
            fields += 1
            if fields > _MOST_FIELDS:
                raise ValueError(f"it has more than {_MOST_FIELDS:,} parts, which no network of images has")
            if kind != _BYTES:
                outside |= message == "TensorProto" and number == 14 and _varint(data, first, stop)[0] == 1
            elif number in inner:
                if depth == _DEEPEST:
                    raise ValueError(f"its parts are nested more than {_DEEPEST} deep")
                todo.append((inner[number], first, stop, depth + 1))
            elif message in ("TensorProto", "AttributeProto") and number not in _DATA_FIELD.get(message, ()):
                packed += stop - first
                if packed > _MOST_PACKED:
                    raise ValueError("it holds more numbers or text outside of its weights than a network of images")
        if outside:
            external.append(_external(data, start, end))
    return external


def _external(data: bytes, at: int, end: int) -> External:
    name, found = "", {"location": "", "offset": "", "length": ""}
    while at < end:
        number, first, at, kind = _field(data, at, end)
        if kind == _BYTES and number == 8:
            name = data[first:at].decode(errors="replace")
        elif kind == _BYTES and number == 13:
            pair = {1: "", 2: ""}
            inside = first
            while inside < at:
                which, begin, inside, how = _field(data, inside, at)
                if how == _BYTES and which in pair:
                    pair[which] = data[begin:inside].decode(errors="replace")
            found[pair[1]] = pair[2]
    return External(name, found["location"], found["offset"], found["length"])
