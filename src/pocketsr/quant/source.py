"""A network to quantize: its ONNX file, the engine's picture of it, and which of its values are quantized."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from pocketsr import models
from pocketsr.engine.ir.graph import Affine, Classes, Conv, Graph, Op, Pad, Pointwise, Shuffle, stage_refs, verify
from pocketsr.engine.ir.reference import guess_max_value
from pocketsr.engine.onnx.checked import read_model
from pocketsr.engine.onnx.importer import from_onnx
from pocketsr.engine.onnx.model_file import read_file
from pocketsr.engine.onnx.told import STRENGTH
from pocketsr.engine.passes.simplify import PASSES, drop_idle, split_groups
from pocketsr.errors import UserError

__all__ = [
    "Layout",
    "Source",
    "absorb_affine",
    "class_values",
    "input_of",
    "layout_of",
    "output_of",
    "read_source",
    "source_from",
]


@dataclass(frozen=True, eq=False)
class Source:
    """name: of the file. content: the ONNX file. graph: what it computes, batch norm folded, groups whole."""

    name: str
    content: bytes
    graph: Graph


def read_source(model: str | Path) -> Source:
    """The shipped network or ONNX file `model`.

    Raises UserError for what is missing, is no network that the engine supports, or is quantized already.
    """
    path = models.resolve(model)
    file = read_file(path)
    model = read_model(file)
    if any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in model.graph.node):
        raise UserError(f"{path} is quantized already: name the network that it was made from")
    imported = from_onnx(file)
    graph = imported.graph
    # groups are split for the engine's speed alone; the file keeps them
    for step in (*(each for each in PASSES if each is not split_groups), absorb_affine, drop_idle):
        graph = step(graph)
        verify(graph)
    if not imported.max_value_known:
        graph = replace(graph, max_value=guess_max_value(graph))
    layout_of(graph, str(path))
    return Source(path.stem, model.SerializeToString(), graph)  # with what lay beside it, in float32


def absorb_affine(graph: Graph) -> Graph:
    """Scale and offset right before a convolution become part of it: a value less to be stored, and to be rounded.

    Not where its kernels are chosen: an offset would become a bias of each class.
    """
    maps = {op.value: op for op in graph.ops if isinstance(op, Pointwise) and len(op.stages) == 1}
    ops: list[Op] = []
    for op in graph.ops:
        before = [(ref, maps[ref.value].stages[0]) for ref in op.inputs if ref.value in maps]
        affine = {ref: stage for ref, stage in before if isinstance(stage, Affine)}
        bare = max(op.weight.shape[2:]) == 1 or op.pad is Pad.EDGE if isinstance(op, Conv) else False
        fits = all(bare or not stage.offset.any() for stage in affine.values())
        if not isinstance(op, Conv) or op.chosen or not fits:
            ops.append(op)
            continue
        scale = np.array([affine[ref].scale[ref.channel] if ref in affine else 1 for ref in op.inputs])
        offset = np.array([affine[ref].offset[ref.channel] if ref in affine else 0 for ref in op.inputs])
        groups = (op.groups, 1, op.weight.shape[1], 1, 1)  # of inputs, beside G CO/G CI/G KH KW
        weight = op.weight.reshape(op.groups, -1, *op.weight.shape[1:]).astype(np.float64)
        bias = op.bias + (weight * offset.reshape(groups)).sum((2, 3, 4)).ravel()
        weight = (weight * scale.reshape(groups)).reshape(op.weight.shape)
        inputs = tuple(maps[ref.value].inputs[ref.channel] if ref in affine else ref for ref in op.inputs)
        ops.append(replace(op, inputs=inputs, weight=weight.astype(np.float32), bias=bias.astype(np.float32)))
    return graph.with_ops(ops)


def source_from(name: str, content: bytes) -> Source:
    """The network in the ONNX file `content`, called `name`. Raises UserError as `read_source` does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(content)
        return read_source(path)


def input_of(source: Source) -> onnx.ValueInfoProto:
    """The picture, as the file declares it."""
    graph = onnx.load_from_string(source.content).graph
    constants = {item.name for item in graph.initializer}
    given = [value for value in graph.input if value.name not in constants]
    found: onnx.ValueInfoProto = next(value for value in given if len(given) == 1 or value.name != STRENGTH)
    return found


def output_of(source: Source) -> onnx.ValueInfoProto:
    """The upscaled picture, as the file declares it."""
    found: onnx.ValueInfoProto = onnx.load_from_string(source.content).graph.output[0]
    return found


def class_values(graph: Graph) -> tuple[Classes | None, frozenset[int]]:
    """What finds classes of structure, and the values that it makes or alone reads: levels and classes."""
    found = next((op for op in graph.ops if isinstance(op, Classes)), None)
    return found, frozenset({found.value, found.inputs[0].value} if found else ())


@dataclass(frozen=True)
class Layout:
    """stored: each quantized value, and the value whose scale and zero it shares (mostly itself).

    Values that a convolution reads together share theirs: its sums then have one scale. What leads to the output
    through no further convolution isn't stored. edges: convolutions (by value) that read the picture or aren't stored.
    """

    stored: dict[int, int]
    edges: frozenset[int]


def layout_of(graph: Graph, where: str = "the network") -> Layout:
    """Raises UserError where there is no convolution, or one reads the picture beside other planes."""
    convs = [op for op in graph.ops if isinstance(op, Conv)]
    if not convs:
        raise UserError(f"{where} has no convolution: there is nothing to quantize")
    makers: dict[int, Op] = {op.value: op for op in graph.ops}

    def roots(value: int) -> set[int]:
        """Where the planes of `value` were computed: shuffles only move them."""
        op = makers.get(value)
        return set().union(*(roots(ref.value) for ref in op.inputs)) if isinstance(op, Shuffle) else {value}

    wanted: set[int] = set()
    for op in reversed(graph.ops):  # whatever a convolution depends on; classes stay what they are
        if op.value in wanted:
            others = () if isinstance(op, Shuffle) else stage_refs(op.stages)
            wanted |= {ref.value for ref in op.inputs + others}
        elif isinstance(op, Conv):
            wanted |= {ref.value for ref in op.inputs}
    leader = {op.value: op.value for op in graph.ops if op.value in wanted and not isinstance(op, Shuffle)} | {0: 0}

    def lead(value: int) -> int:
        return value if leader[value] == value else lead(leader[value])

    for conv in convs:
        read = sorted({lead(root) for ref in conv.inputs for root in roots(ref.value)})
        if read[0] == 0 and len(read) > 1:
            raise UserError(f"{where}: '{conv.name}' reads the picture beside other planes; their steps differ")
        for value in read[1:]:
            leader[value] = read[0]
    stored = {value: lead(value) for value in leader if value}
    if any(lead(value) == 0 for value in stored):
        raise UserError(f"{where}: a convolution reads the picture beside other planes; their steps differ")
    edges = {op.value for op in convs if op.value not in stored or any(0 in roots(ref.value) for ref in op.inputs)}
    return Layout(stored, frozenset(edges))
