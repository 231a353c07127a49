"""Networks that are told a strength: any of the others, with something added after its convolutions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from engine_nets import NETS
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from quantized_nets import WHOLE

__all__ = ["save_told", "told_model"]


def told_model(model: onnx.ModelProto, knots: int = 5, seed: int = 0, default: str | None = None) -> onnx.ModelProto:
    """After every convolution with a bias whose result has one reader, offsets that are linear between `knots`."""
    rng = np.random.default_rng(seed)
    graph = model.graph
    weights = _shapes(graph)
    readers = Counter(name for node in graph.node for name in node.input)
    made: list[onnx.NodeProto] = _near(graph, knots)
    for node in graph.node:
        made.append(node)
        if node.op_type != "Conv" or len(node.input) < 3 or readers[node.output[0]] != 1:
            continue
        result = node.output[0]
        node.output[0] = plain = f"{result}_plain"
        table = rng.normal(0, 0.15, (knots, weights[node.input[1]][0]))
        graph.initializer.append(numpy_helper.from_array(table.astype(np.float32), f"{result}_table"))
        made += [
            helper.make_node("MatMul", ["told_near", f"{result}_table"], [f"{result}_row"]),
            helper.make_node("Unsqueeze", [f"{result}_row", "told_axes"], [f"{result}_offset"]),
            helper.make_node("Add", [plain, f"{result}_offset"], [result], name=f"add_{result}"),
        ]
    del graph.node[:]
    graph.node.extend(made)
    graph.input.append(helper.make_tensor_value_info("strength", TensorProto.FLOAT, [1]))
    said = {"pocketsr.strengths": str(knots)} | ({} if default is None else {"pocketsr.default_strength": default})
    model.metadata_props.extend(onnx.StringStringEntryProto(key=key, value=value) for key, value in said.items())
    onnx.checker.check_model(model)
    return model


def _near(graph: onnx.GraphProto, knots: int) -> list[onnx.NodeProto]:
    """How much each knot counts, `told_near`: relu(1 - |strength * (knots - 1) - k|)."""
    constants = {"last": np.float32(knots - 1), "steps": np.arange(knots, dtype=np.float32), "one": np.float32(1)}
    constants["axes"] = np.array([0, 2, 3])
    graph.initializer.extend(numpy_helper.from_array(np.asarray(x), f"told_{name}") for name, x in constants.items())
    nodes = [("Mul", "strength", "told_last"), ("Sub", "told_0", "told_steps"), ("Abs", "told_1")]
    nodes += [("Sub", "told_one", "told_2"), ("Relu", "told_3")]
    made = [helper.make_node(kind, list(given), [f"told_{i}"]) for i, (kind, *given) in enumerate(nodes)]
    made[-1].output[0] = "told_near"
    return made


def _shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {item.name: tuple(item.dims) for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def save_told(name: str, folder: Path, **options: Any) -> Path:
    """One of NETS or WHOLE, made to be told."""
    path = folder / f"told_{name}.onnx"
    if not path.exists():
        onnx.save(told_model((NETS | WHOLE)[name](), **options), path)
    return path


def fed(image: NDArray[np.float32], strength: float, name: str = "x") -> dict[str, NDArray[np.float32]]:
    """What a runtime is given: `image`, C H W, and the strength."""
    return {name: image[None], "strength": np.full(1, strength, np.float32)}
