"""Chosen kernels as one operator that takes a kernel a pixel, where a file multiplies by all and keeps one."""

from __future__ import annotations

from dataclasses import replace

import onnx
from onnx import helper

from pocketsr.engine.onnx.shapes import Sized
from pocketsr.engine.onnx.structure import Steep, find_steep

__all__ = ["CLASSES", "CLASS_PRODUCTS", "as_run", "steep_of"]

CLASSES = "Classes"
"""The operator that stands for what finds the class of each pixel."""
CLASS_PRODUCTS = 33
"""For each pixel's class: three of gradients, and ten weights of each of their three sums."""
_MAP = "\0classes"  # a name that no file has


def steep_of(model: onnx.ModelProto, luma: str) -> Steep | None:
    """What `find_steep` finds in a file whose picture is `luma`, one channel."""
    return find_steep(model.graph, {item.key: item.value for item in model.metadata_props}, luma)


def as_run(net: Sized, graph: onnx.GraphProto, steep: Steep | None) -> Sized:
    """`net`, made of `graph`, with a Conv for each chosen layer and one `CLASSES` before the first of them."""
    if steep is None:
        return net
    gone = {graph.node[index].output[0] for index in steep.nodes}
    layers = {graph.node[index].output[0]: layer for index, layer in steep.layers.items()}
    shapes, nodes = dict(net.shapes), []
    for node in net.nodes:
        name = node.output[0]
        if name in gone:
            continue
        if name not in layers:
            nodes.append(node)
            continue
        if _MAP not in shapes:
            shapes[_MAP] = (1, 1, *shapes[steep.luma][2:])
            nodes.append(helper.make_node(CLASSES, [steep.luma], [_MAP]))
        layer = layers[name]
        made = helper.make_node("Conv", [*layer.node.input, layer.bias, _MAP], [name])
        made.attribute.extend(layer.node.attribute)
        nodes.append(made)
    return replace(net, nodes=tuple(nodes), shapes=shapes)
