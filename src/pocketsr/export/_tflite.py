"""A .tflite file, tensor by tensor and operator by operator, by the schema in ai-edge-litert."""

# Typed alike with ai-edge-litert installed or not.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

__all__ = ["File", "Scale"]

_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.float16): schema.TensorType.FLOAT16,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}
_SCHEMA_VERSION = 3
# What the least runtime has to know of each operator, as TensorFlow's converter writes it for these types.
_VERSIONS = {"CONV_2D": 3, "DEQUANTIZE": 3, "SLICE": 2, "CONCATENATION": 2, "DEPTH_TO_SPACE": 1, "QUANTIZE": 1}


@dataclass(frozen=True)
class Scale:
    """A number is scale * (whole number - zero); `scales` for each output channel of a weight."""

    scales: tuple[float, ...]
    zero: int = 0


class File:
    """One graph; tensors are known by their index."""

    def __init__(self) -> None:
        self._buffers: list[Any] = [schema.BufferT()]  # the first one is empty, by convention
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: dict[str, int] = {}
        self.operators: list[str] = []  # their names, in order

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: Any = np.float32,
        scale: Scale | None = None,
        values: NDArray[Any] | None = None,
    ) -> int:
        """A tensor, constant where it has `values`; its index."""
        made = schema.TensorT()
        made.name, made.shape, made.type = name.encode(), list(shape), _TYPES[np.dtype(dtype)]
        made.buffer = 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values, dtype).tobytes(), np.uint8)
            made.buffer = len(self._buffers)
            self._buffers.append(buffer)
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = list(scale.scales)
            made.quantization.zeroPoint = [scale.zero] * len(scale.scales)
            made.quantization.quantizedDimension = 0
        self._tensors.append(made)
        return len(self._tensors) - 1

    def constant(self, name: str, values: NDArray[Any], scale: Scale | None = None) -> int:
        return self.tensor(name, values.shape, values.dtype, scale, values)

    def shape(self, index: int) -> tuple[int, ...]:
        return tuple(self._tensors[index].shape)

    def like(self, index: int, name: str, shape: Sequence[int]) -> int:
        """A tensor of the same type and scale as `index`."""
        other = self._tensors[index]
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name.encode(), list(shape), other.type, 0
        made.quantization = other.quantization
        self._tensors.append(made)
        return len(self._tensors) - 1

    def operator(self, kind: str, inputs: Sequence[int], output: int, options: str = "", **settings: Any) -> int:
        """An operator of the schema's name `kind`, with `options` (the schema's class, without T) set; its output."""
        made = schema.OperatorT()
        made.opcodeIndex = self._codes.setdefault(kind, len(self._codes))
        made.inputs, made.outputs = list(inputs), [output]
        if options:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = getattr(schema, f"{options}T")()
            for name, value in settings.items():
                setattr(made.builtinOptions, name, value)
        self._operators.append(made)
        self.operators.append(kind)
        return output

    def content(self, picture: int, result: int, description: str) -> bytes:
        """The whole file, from the tensor `picture` to `result`."""
        graph = schema.SubGraphT()
        graph.name = b"main"
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = [picture], [result]
        model = schema.ModelT()
        model.version, model.description = _SCHEMA_VERSION, description
        model.subgraphs, model.buffers = [graph], self._buffers
        model.operatorCodes = [self._code(kind) for kind in self._codes]
        model.signatureDefs = [self._signature(picture, result)]
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _code(self, kind: str) -> Any:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)  # what runtimes before 2.4 read
        code.version = _VERSIONS.get(kind, 1)
        return code

    def _signature(self, picture: int, result: int) -> Any:
        made = schema.SignatureDefT()
        made.signatureKey, made.subgraphIndex = b"serving_default", 0
        made.inputs, made.outputs = [_named("picture", picture)], [_named("enlarged", result)]
        return made


def _named(name: str, index: int) -> Any:
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name.encode(), index
    return made
