"""Seeds for tools/fuzz_models.py: small networks that work, and models made to hurt, each of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Nodes = list[onnx.NodeProto]


def const(name: str, array: Any, dtype: Any = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.asarray(array, dtype), name)


def image(name: str, shape: Any = (1, 1, None, None), kind: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def model(nodes: Nodes, constants: list[TensorProto], opset: int = 17, channels: int = 1, **more: Any) -> ModelProto:
    shape = (1, channels, None, None)
    graph = helper.make_graph(nodes, "g", [image("x", shape)], [image("y", shape)], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **more)
    made.ir_version = 10
    return made


def up(*before: onnx.NodeProto, constants: list[TensorProto] = [], x: str = "t", opset: int = 17) -> ModelProto:  # noqa: B006
    """Something before a convolution to four channels and a pixel shuffle."""
    weight = const("w_up", np.full((4, 1, 3, 3), 0.1))
    nodes = [
        *before,
        helper.make_node("Conv", [x, "w_up"], ["c_up"], pads=[1] * 4),
        helper.make_node("DepthToSpace", ["c_up"], ["y"], blocksize=2, mode="CRD"),
    ]
    return model(nodes, [*constants, weight], opset)


def working() -> dict[str, ModelProto]:
    """Small networks that use what the engine takes."""
    rng = np.random.default_rng(0)
    node = helper.make_node
    weights = [const("w1", rng.normal(0, 0.3, (8, 1, 3, 3))), const("b1", rng.normal(0, 0.1, 8)),
               const("w2", rng.normal(0, 0.1, (4, 8, 3, 3))), const("slope", np.full((8, 1, 1), 0.2))]  # fmt: skip
    head = [node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1] * 4), node("PRelu", ["c1", "slope"], ["p1"])]
    tail = [node("Conv", ["p1", "w2"], ["c2"], pads=[1] * 4), node("Add", ["c2", "x"], ["s"]),
            node("DepthToSpace", ["s"], ["y"], blocksize=2, mode="CRD")]  # fmt: skip
    found = {"chain": model([*head, *tail], weights)}
    shapes = [node("Shape", ["x"], ["sh"]), const_node("two", [1, 1, 2, 2], INT64), node("Mul", ["sh", "two"], ["ss"]),
              node("ReduceMean", ["p1"], ["m1"], axes=[1]),
              node("Resize", ["m1", "", "", "ss"], ["y"], mode="linear")]  # fmt: skip
    found["sizes"] = model([*head, *shapes], weights)
    found["views"] = up(
        node("Concat", ["x", "x", "x", "x"], ["k"], axis=1),
        node("Unsqueeze", ["k", "two"], ["v"]),
        node("Transpose", ["v"], ["tt"], perm=[0, 2, 1, 3, 4]),
        node("Squeeze", ["tt", "one"], ["r"]),
        node("Tile", ["r", "thrice"], ["e"]),
        node("Slice", ["e", "one", "five", "one"], ["q"]),
        node("Gather", ["q", "one"], ["t"], axis=1),
        constants=[const("two", [2], np.int64), const("one", [1], np.int64), const("five", [5], np.int64),
                   const("thrice", [1, 3, 1, 1], np.int64)],
    )  # fmt: skip
    names = ("Relu", "Sigmoid", "Tanh", "Erf", "Abs", "Neg", "Elu", "Softplus", "HardSwish", "LeakyRelu", "Clip")
    found["curves"] = up(*(node(kind, [f"a{i}" if i else "x"], [f"a{i + 1}"]) for i, kind in enumerate(names)),
                         x=f"a{len(names)}")  # fmt: skip
    found["split"] = up(
        node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1] * 4),
        node("Split", ["c1", "parts"], ["p", "q"], axis=1),
        node("BatchNormalization", ["p", *["four"] * 4], ["n"]),
        node("Mul", ["n", "q"], ["m"]),
        node("ReduceMean", ["m"], ["t"], axes=[1]),
        constants=[*weights[:2], const("parts", [4, 4], np.int64), const("four", np.ones(4))],
    )
    quant = [const("s", 0.02), const("z", 60, np.uint8), const("ws", np.full(4, 0.01)),
             const("wq", rng.integers(-128, 127, (4, 1, 3, 3)), np.int8), const("wz", [0] * 4, np.int8)]  # fmt: skip
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["qx"]), node("DequantizeLinear", ["qx", "s", "z"], ["dx"]),
             node("DequantizeLinear", ["wq", "ws", "wz"], ["dw"], axis=0),
             node("Conv", ["dx", "dw"], ["c"], pads=[1] * 4),
             node("DepthToSpace", ["c"], ["y"], blocksize=2, mode="CRD")]  # fmt: skip
    found["qdq"] = model(nodes, quant, 13)
    deconv = [node("ConvTranspose", ["x", "wt"], ["y"], strides=[2, 2], pads=[1] * 4)]
    found["deconv"] = model(deconv, [const("wt", rng.normal(0, 0.3, (1, 1, 4, 4)))])
    strided = [node("Conv", ["x", "w3"], ["d"], strides=[2, 2], pads=[1] * 4), node("Relu", ["d"], ["r"]),
               node("ConvTranspose", ["r", "w4"], ["y"], strides=[4, 4])]  # fmt: skip
    found["strided"] = model(strided, [const("w3", rng.normal(0, 1, (2, 1, 4, 4))), const("w4", np.ones((2, 1, 4, 4)))])
    return found


def const_node(name: str, value: Any, kind: int = FLOAT) -> onnx.NodeProto:
    array = np.asarray(value, helper.tensor_dtype_to_np_dtype(kind))
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))


def _constants_that_grow() -> Iterator[tuple[str, ModelProto]]:
    node, huge = helper.make_node, const("n", [2**20, 2**20], np.int64)
    one, four = const("one", [[1.0]]), const("n4", [1, 1, 2**17, 2**17], np.int64)
    yield (
        "constant_of_shape",
        up(node("ConstantOfShape", ["n"], ["k"]), node("Add", ["x", "k"], ["t"]), constants=[huge]),
    )
    yield (
        "expand_constant",
        up(node("Expand", ["one", "n"], ["k"]), node("Add", ["x", "k"], ["t"]), constants=[huge, one]),
    )
    yield "tile_constant", up(node("Tile", ["one", "n"], ["k"]), node("Add", ["x", "k"], ["t"]), constants=[huge, one])
    yield "tile_picture", up(node("Tile", ["x", "n4"], ["t"]), constants=[four])
    yield "expand_picture", up(node("Expand", ["x", "n4"], ["t"]), constants=[four])
    lots = const("many", [1, 2**30, 1, 1], np.int64)
    yield "tile_channels", up(node("Tile", ["x", "many"], ["t"]), constants=[lots])
    ends = [const("a", 0.0), const("b", 1e18), const("c", 1e-9)]
    yield "range", up(node("Range", ["a", "b", "c"], ["k"]), node("Add", ["x", "k"], ["t"]), constants=ends)
    pads = const("p", [0, 0, 2**30, 2**30] * 2, np.int64)
    yield "pad_constant", up(node("Pad", ["k4", "p"], ["k"]), node("Add", ["x", "k"], ["t"]),
                             constants=[pads, const("k4", np.ones((1, 1, 1, 1)))])  # fmt: skip
    yield "pad_picture", up(node("Pad", ["x", "p"], ["t"]), constants=[pads])
    resize = const("rs", [1, 1, 1e9, 1e9])
    yield "resize", up(node("Resize", ["x", "", "rs"], ["t"], mode="nearest"), constants=[resize])
    column, row = const("col", np.ones((2**14, 1))), const("row", np.ones((1, 2**14)))
    yield "broadcast", up(node("Add", ["col", "row"], ["k"]), node("Add", ["x", "k"], ["t"]), constants=[column, row])
    doubling = [node("Concat", [f"d{i}" if i else "x"] * 2, [f"d{i + 1}"], axis=1) for i in range(40)]
    yield "doubling", up(*doubling, x="d40")
    grown = [node("Add", [f"d{i}" if i else "one"] * 2, [f"d{i + 1}"]) for i in range(600)]
    yield "many_folds", up(*grown, node("Mul", ["x", "d600"], ["t"]), constants=[one])
    blocks = [const("q", np.zeros((1, 1, 3, 3)), np.int8), const("sc", np.ones((1, 1, 3, 3)))]
    yield "block_size", up(node("DequantizeLinear", ["q", "sc"], ["k"], block_size=2**40, axis=1),
                           node("Conv", ["x", "k"], ["t"], pads=[1] * 4), constants=blocks, opset=21)  # fmt: skip
    none = [const("q", np.zeros((0, 1, 3, 3)), np.int8), const("sc", np.ones((0, 1, 3, 3)))]
    yield "block_size_of_none", up(node("DequantizeLinear", ["q", "sc"], ["k"], block_size=2**40, axis=1),
                                   node("Conv", ["x", "k"], ["t"], pads=[1] * 4), constants=none, opset=21)  # fmt: skip
    yield "split_outputs", up(node("Split", ["one"], ["k"], num_outputs=2**40), node("Mul", ["x", "k"], ["t"]),
                              constants=[one], opset=18)  # fmt: skip


def _windows() -> Iterator[tuple[str, ModelProto]]:
    node, weight = helper.make_node, const("w", np.ones((1, 1, 3, 3)))
    attributes: dict[str, dict[str, Any]] = {
        "dilation": {"dilations": [2**30, 2**30]},
        "dilation_zero": {"dilations": [0, 0]},
        "stride_zero": {"strides": [0, 0]},
        "stride_huge": {"strides": [2**40, 2**40]},
        "stride_negative": {"strides": [-1, -1]},
        "stride_one_number": {"strides": [1]},
        "pads_negative": {"pads": [-5] * 4},
        "pads_huge": {"pads": [2**40] * 4},
        "pads_few": {"pads": [1]},
        "group_zero": {"group": 0},
        "group_negative": {"group": -1},
        "group_huge": {"group": 2**40},
        "kernel_other": {"kernel_shape": [5, 5]},
        "auto_pad_odd": {"auto_pad": b"\xff\xfe"},
    }
    for name, given in attributes.items():
        yield f"conv_{name}", up(node("Conv", ["x", "w"], ["t"], **{"pads": [1] * 4, **given}), constants=[weight])
        yield f"pool_{name}", up(node("MaxPool", ["x"], ["t"], **{"kernel_shape": [3, 3], **given}))
        yield f"deconv_{name}", model([node("ConvTranspose", ["x", "w"], ["y"], **given)], [weight])
    for block in (0, -1, 2**31 - 1, 2**62):
        yield f"block_{block}", up(node("DepthToSpace", ["x"], ["t"], blocksize=block))
        yield f"unblock_{block}", up(node("SpaceToDepth", ["x"], ["t"], blocksize=block))
    for shape in ((1, 1, 0, 0), (0, 1, 3, 3), (1, 1, 3), (1, 1, 3, 3, 3), (1, 1, 255, 255), (2000, 1, 31, 31)):
        name = "x".join(map(str, shape))
        yield f"weight_{name}", up(node("Conv", ["x", "w"], ["t"]), constants=[const("w", np.zeros(shape))])
    wide = [const("w12", np.full((12, 1, 1, 1), 0.1)), const("w63", np.full((4, 12, 63, 63), 1e-5))]
    yield "wide_kernel", model([node("Conv", ["x", "w12"], ["c12"]), node("Conv", ["c12", "w63"], ["c"], pads=[31] * 4),
                                node("DepthToSpace", ["c"], ["y"], blocksize=2)], wide)  # fmt: skip
    yield "scale_3_power", model([node("Resize", [f"r{i}" if i else "x", "", "s"], [f"r{i + 1}" if i < 19 else "y"])
                                  for i in range(20)], [const("s", [1, 1, 3, 3])])  # fmt: skip


def _numbers() -> Iterator[tuple[str, ModelProto]]:
    node = helper.make_node
    for name, value in {"nan": np.nan, "inf": np.inf, "huge": 3e38, "tiny": 1e-45}.items():
        bad = const("w", np.full((1, 1, 3, 3), value))
        yield f"weight_{name}", up(node("Conv", ["x", "w"], ["t"], pads=[1] * 4), constants=[bad])
        yield f"constant_{name}", up(const_node("w", np.full((1, 1, 3, 3), value)),
                                     node("Conv", ["x", "w"], ["t"], pads=[1] * 4))  # fmt: skip
        yield f"slope_{name}", up(node("PRelu", ["x", "s"], ["t"]), constants=[const("s", [value])])
        yield f"factor_{name}", up(node("Mul", ["x", "s"], ["t"]), constants=[const("s", value)])
        yield f"bound_{name}", up(node("Clip", ["x", "", "s"], ["t"]), constants=[const("s", value)])
        yield f"step_{name}", up(node("QuantizeLinear", ["x", "s"], ["q"]), node("DequantizeLinear", ["q", "s"], ["t"]),
                                 constants=[const("s", value)])  # fmt: skip
        yield f"alpha_{name}", up(node("LeakyRelu", ["x"], ["t"], alpha=float(value)))
    yield "divided_by_zero", up(node("Div", ["x", "s"], ["t"]), constants=[const("s", 0.0)])
    yield "step_zero", up(node("QuantizeLinear", ["x", "s"], ["q"]), node("DequantizeLinear", ["q", "s"], ["t"]),
                          constants=[const("s", 0.0)])  # fmt: skip


def _structure() -> Iterator[tuple[str, ModelProto]]:
    node = helper.make_node
    info, yes = helper.make_tensor_value_info, TensorProto.BOOL
    body = helper.make_graph(
        [node("Identity", ["cin"], ["cout"]), node("Identity", ["vin"], ["vout"])],
        "body",
        [info("i", INT64, []), info("cin", yes, []), info("vin", FLOAT, [1])],
        [info("cout", yes, []), info("vout", FLOAT, [1])],
    )
    loop = node("Loop", ["n", "yes", "one"], ["k"], body=body)
    ends = [const("n", 2**62, np.int64), const("yes", True, bool), const("one", [1.0])]
    yield "loop", up(loop, node("Mul", ["x", "k"], ["t"]), constants=ends)
    branch = helper.make_graph([const_node("b", [1.0])], "b", [], [helper.make_tensor_value_info("b", FLOAT, [1])])
    yield "if", up(node("If", ["yes"], ["k"], then_branch=branch, else_branch=branch), node("Mul", ["x", "k"], ["t"]),
                   constants=ends[1:2])  # fmt: skip
    nested = branch
    for _ in range(30):
        nested = helper.make_graph([node("If", ["yes"], ["b"], then_branch=nested, else_branch=branch)], "b", [],
                                   [helper.make_tensor_value_info("b", FLOAT, [1])])  # fmt: skip
    yield "nested", up(node("If", ["yes"], ["k"], then_branch=nested, else_branch=branch),
                       node("Mul", ["x", "k"], ["t"]), constants=ends[1:2])  # fmt: skip
    yield "cycle", up(node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), x="b")
    yield "twice", up(node("Relu", ["x"], ["t"]), node("Abs", ["x"], ["t"]))
    yield "dangling", up(node("Add", ["x", "nowhere"], ["t"]))
    yield "itself", up(node("Relu", ["t"], ["t"]))
    yield "no_inputs", up(node("Relu", [], ["t"]))
    yield "no_outputs", up(node("Relu", ["x"], []), x="x")
    yield "many_inputs", up(node("Concat", ["x"] * 20000, ["t"], axis=1))
    yield "many_nodes", up(*(node("Relu", [f"m{i}" if i else "x"], [f"m{i + 1}"]) for i in range(9000)), x="m9000")
    yield "wide_ops", up(*(node("Abs", [f"m{i}" if i else "x"], [f"m{i + 1}"]) for i in range(3000)), x="m3000")
    yield "domain", up(helper.make_node("Evil", ["x"], ["t"], domain="com.evil"))
    yield (
        "text",
        up(node("Mul", ["x", "s"], ["t"]), constants=[helper.make_tensor("s", TensorProto.STRING, [1], [b"a"])]),  # type: ignore[list-item]  # so it is declared
    )
    values, places = const("v", [1.0]), const("i", [0], np.int64)
    sparse = up(node("Mul", ["x", "v"], ["t"]))
    sparse.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [1]))
    yield "sparse", sparse
    yield "odd_names", up(node("Relu", ["x"], ["t"], name="*/ \n\x1b[31m' + 'a' * 9999 + '" * 50))
    for broken in ("bytes", "dims", "negative", "external", "outside", "type"):
        yield f"tensor_{broken}", _broken_tensor(broken)
    yield "functions", _functions()
    for name, shape in {"rank": (1, 1), "batch": (7, 1, None, None), "huge": (1, 1, 2**40, 2**40), "zero": (1, 1, 0, 0),
                        "negative": (1, 1, -3, -3), "channels": (1, 2**30, None, None)}.items():  # fmt: skip
        made = up(x="x")
        made.graph.input[0].CopyFrom(image("x", shape))
        yield f"input_{name}", made
    integers = up(x="x")
    integers.graph.input[0].CopyFrom(image("x", (1, 1, None, None), INT64))
    yield "input_integers", integers


def _broken_tensor(how: str) -> ModelProto:
    made = up(x="x")
    tensor = made.graph.initializer[0]
    match how:
        case "bytes":
            tensor.raw_data = tensor.raw_data[:-3]
        case "dims":
            tensor.dims[:] = [2**31, 2**31, 2**31]
        case "negative":
            tensor.dims[:] = [-4, 1, 3, 3]
        case "external" | "outside":
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            place = "nowhere.data" if how == "external" else "../../../../etc/passwd"
            tensor.external_data.append(onnx.StringStringEntryProto(key="location", value=place))
        case "type":
            tensor.data_type = 77
    return made


def _functions() -> ModelProto:
    """Each calls the one before it twice: 2^30 nodes once they are put in place."""
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    found = [helper.make_function("f", "f0", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], opset)]
    for i in range(30):
        calls = [
            helper.make_node(f"f{i}", ["a"], ["c"], domain="f"),
            helper.make_node(f"f{i}", ["c"], ["b"], domain="f"),
        ]
        found.append(helper.make_function("f", f"f{i + 1}", ["a"], ["b"], calls, opset))
    made = up(helper.make_node("f30", ["x"], ["t"], domain="f"))
    made.opset_import.append(helper.make_opsetid("f", 1))
    made.functions.extend(found)
    return made


def hostile() -> dict[str, bytes]:
    """Models made to hurt, by kind."""
    makers: tuple[Callable[[], Iterator[tuple[str, ModelProto]]], ...] = (
        _constants_that_grow,
        _windows,
        _numbers,
        _structure,
    )
    found = {f"{make.__name__[1:]}/{name}": each.SerializeToString() for make in makers for name, each in make()}
    good = up(x="x").SerializeToString()
    graph_of_nodes = b"\x0a\x00" * 400_000  # NodeProto without anything
    size = len(graph_of_nodes)
    head = b"\x3a" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127])
    deep = b""
    for _ in range(200):  # GraphProto in AttributeProto in NodeProto
        for key in (0x32, 0x2A, 0x0A):
            deep = bytes([key]) + _length(len(deep)) + deep
    return found | {
        "bytes/empty": b"",
        "bytes/zeros": bytes(1000),
        "bytes/text": b"This is no network.",
        "bytes/half": good[: len(good) // 2],
        "bytes/twice": good * 2,
        "bytes/empty_nodes": head + graph_of_nodes,
        "bytes/deep": b"\x3a" + _length(len(deep)) + deep,
        "bytes/long_length": b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    }


def _length(size: int) -> bytes:
    found = b""
    while size > 127:
        found += bytes([size & 127 | 128])
        size >>= 7
    return found + bytes([size])
