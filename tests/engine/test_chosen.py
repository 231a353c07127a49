"""Classes of structure and kernels chosen by them: bit for bit as defined, and only where a file says just that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from engine_nets import Build
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from quantized_nets import Quantized, whole_steep
from steep_nets import LIMITS, chosen_conv, classes_seen, one_hot, said, steep_chain

from pocketsr.engine import load, read_network
from pocketsr.engine.ir.graph import Classes, Conv
from pocketsr.engine.ir.reference import evaluate
from pocketsr.errors import UserError
from pocketsr.pixels.structure import structure_classes

SIZES = ((1, 1), (1, 9), (5, 2), (13, 40), (37, 131))


def _pictures(height: int, width: int, largest: int = 255) -> list[NDArray[np.int64]]:
    """Noise, faint noise, waves of all directions, stripes of black and white, flat."""
    rng = np.random.default_rng(height)
    y, x = np.mgrid[:height, :width]
    waves = np.sin(np.hypot(x - 20, y - 10) ** 1.3 / 5)
    return [
        rng.integers(0, largest + 1, (height, width)),
        rng.integers(largest // 3, largest // 3 + 3, (height, width)),
        np.rint((0.5 + 0.4 * waves) * largest).astype(np.int64),
        (x // 2 % 2) * largest,
        np.full((height, width), largest // 3),
    ]


@pytest.mark.parametrize("count", LIMITS)
def test_classes_are_the_definitions_bit_for_bit(count: int, tmp_path: Path) -> None:
    path = tmp_path / "seen.onnx"
    onnx.save(classes_seen(Build, count), path)
    networks = [load(path, threads=threads) for threads in (1, 2, 3)]
    met: set[int] = set()
    for size in SIZES:
        for plane in _pictures(*size):
            expected = np.repeat(np.repeat(structure_classes(plane.astype(np.uint8), LIMITS[count]), 2, 0), 2, 1)
            met |= set(np.unique(expected).tolist())
            floats = (plane / 255).astype(np.float32)
            for network in networks:
                assert np.array_equal(network(plane.astype(np.uint8)), expected)
                assert np.array_equal(np.rint(network(floats) * 255), expected)
        for plane in _pictures(*size, largest=1023):  # ten bits: the levels of eight that lie nearest
            classes = structure_classes((plane / 1023).astype(np.float32), LIMITS[count])
            expected = np.rint(np.repeat(np.repeat(classes, 2, 0), 2, 1) * np.float64(1023 / 255))
            for network in networks:
                assert np.array_equal(network(plane.astype(np.uint16), bits=10), expected)
    assert len(met) > 0.7 * count


MADE: dict[str, Callable[[], onnx.ModelProto]] = {
    "all": lambda: steep_chain(Build),
    "many": lambda: steep_chain(Build, (1, 2, 1), 40, edges=False),
    "ends": lambda: steep_chain(Build, every=False),
    "few": lambda: steep_chain(Build, (1, 2), 8, width=6),
}


@pytest.mark.parametrize("name", MADE)
def test_results_are_the_files_whatever_the_threads(name: str, tmp_path: Path) -> None:
    onnx.save(MADE[name](), path := tmp_path / f"{name}.onnx")
    networks = [load(path, threads=threads) for threads in (1, 2, 3, 5)]
    evaluator = ReferenceEvaluator(str(path))
    for height, width in ((1, 1), (9, 17), (40, 70)):
        plane = _pictures(height, width)[2].astype(np.uint8)
        floats = plane / np.float32(255)
        (expected,) = evaluator.run(None, {"x": floats[None, None]})
        np.testing.assert_allclose(networks[0](floats), expected[0, 0], atol=1e-5, rtol=0)
        assert all(np.array_equal(networks[0](plane), each(plane)) for each in networks[1:])
        assert all(np.array_equal(networks[0](floats), each(floats)) for each in networks[1:])


def _outcome(model: onnx.ModelProto, folder: Path) -> str:
    """`taken` where the engine reads `model` as what it says, else the one line in which it is refused."""
    onnx.save(model, path := folder / "net.onnx")
    try:
        graph, _ = read_network(path)
    except UserError as error:
        text = str(error)
        assert text.startswith(f"{path}: ")
        assert text.isprintable()
        return text
    assert any(isinstance(op, Classes) for op in graph.ops)
    plane = _pictures(13, 40)[2].astype(np.float32) / np.float32(255)
    (expected,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: plane[None, None]})
    np.testing.assert_allclose(evaluate(graph, plane[None]), expected[0], atol=1e-5, rtol=0)
    return "taken"


def _small() -> onnx.ModelProto:
    return steep_chain(Build, (1, 1), 16, width=2)


def _property(model: onnx.ModelProto, text: str | None) -> onnx.ModelProto:
    kept = [each for each in model.metadata_props if each.key != "pocketsr.chosen"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    if text is not None:
        model.metadata_props.append(onnx.StringStringEntryProto(key="pocketsr.chosen", value=text))
    return model


def test_what_the_file_says_is_taken(tmp_path: Path) -> None:
    model = _small()
    assert _outcome(model, tmp_path) == "taken"
    graph, _ = read_network(tmp_path / "net.onnx")
    assert [op.limits for op in graph.ops if isinstance(op, Classes)] == [LIMITS[16]]
    assert [len(op.chosen.weight) for op in graph.ops if isinstance(op, Conv) and op.chosen] == [16, 16]
    tiled = _names(model, "Tile")
    for node in model.graph.node:  # what is multiplied may stand in either order, and spacing in JSON is free
        if node.op_type == "Mul" and node.input[1] in tiled:
            node.input[:] = [node.input[1], node.input[0]]
    _property(model, '{"limits": [135424], "classes": 16, "by": "structure", "more": null}')
    assert _outcome(model, tmp_path) == "taken"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "structure",
        "[]",
        '{"by":"structure","classes":16}',
        '{"by":"hash","classes":16,"limits":[135424]}',
        '{"by":"structure","classes":24,"limits":[135424]}',
        '{"by":"structure","classes":16,"limits":[135425]}',
        '{"by":"structure","classes":16,"limits":[135424.0]}',
        '{"by":"structure","classes":16,"limits":["135424"]}',
        '{"by":"structure","classes":16,"limits":"135424"}',
        '{"by":"structure","classes":16,"limits":[true]}',
        '{"by":"structure","classes":16,"limits":[1e999]}',
        '{"by":"structure","classes":16,"limits":[-135424]}',
        '{"by":"structure","classes":16,"limits":[' + "9" * 10_000 + "]}",
        '{"by":"structure","classes":1000000000,"limits":' + json.dumps([*range(1, 2000)]) + "}",
        "[" * 100_000,
        '{"by":' * 100_000,
        '{"by":"structure","classes":16,"limits":[NaN]}',
        "\N{REPLACEMENT CHARACTER}\x00",
    ],
)
def test_metadata_that_lies_is_refused_in_one_line(text: str | None, tmp_path: Path) -> None:
    assert "(Round): this operator is not supported" in _outcome(_property(_small(), text), tmp_path)


def test_any_constant_that_differs_counts(tmp_path: Path) -> None:
    """Kernels and biases are read; in what makes classes and picks kernels nothing may differ."""
    size = len(_small().graph.initializer)
    taken = 0
    for index in range(size):
        model = _small()
        constant = model.graph.initializer[index]
        value = numpy_helper.to_array(constant).copy()
        value.flat[-1] += 1
        constant.CopyFrom(numpy_helper.from_array(value, constant.name))
        taken += _outcome(model, tmp_path) == "taken"
    assert taken == 5  # two layers' kernels and biases, and a slope


def test_any_attribute_that_differs_counts(tmp_path: Path) -> None:
    for index, node in enumerate(_small().graph.node):
        for place, attribute in enumerate(node.attribute):
            model = _small()
            changed = model.graph.node[index].attribute[place]
            if attribute.ints:
                changed.ints[-1] += 2
            elif attribute.s:
                changed.s = b"reflect" if attribute.s == b"edge" else b"DCR"
            else:
                changed.i += 1
            if (node.op_type, attribute.name) != ("DepthToSpace", "mode"):
                assert _outcome(model, tmp_path) != "taken", (node.op_type, attribute.name)


def _names(model: onnx.ModelProto, kind: str) -> list[str]:
    return [node.output[0] for node in model.graph.node if node.op_type == kind]


@pytest.mark.parametrize("kind", ["Clip", "Round", "Sub", "Greater", "Cast", "Tile", "Equal", "Split", "Conv", "Mul"])
def test_a_second_output_is_refused(kind: str, tmp_path: Path) -> None:
    for name in _names(_small(), kind):
        model = _small()
        model.graph.output.append(helper.make_tensor_value_info(name, 1, [1, None, None, None]))
        assert "one output" in _outcome(model, tmp_path) or "not supported" in _outcome(model, tmp_path)


def _into_result(model: onnx.ModelProto, name: str, planes: int) -> onnx.ModelProto:
    """The mean of `planes` planes called `name` is added to what is shuffled at the end."""
    shuffle = model.graph.node[-1]
    weight = numpy_helper.from_array(np.full((4, planes, 1, 1), 0.01, np.float32), "more_weight")
    model.graph.initializer.append(weight)
    model.graph.node.pop()
    model.graph.node.extend([
        helper.make_node("Conv", [name, "more_weight"], ["more"]),
        helper.make_node("Add", [shuffle.input[0], "more"], ["with_more"]),
        helper.make_node("DepthToSpace", ["with_more"], list(shuffle.output), blocksize=2, mode="CRD"),
    ])  # fmt: skip
    return model


@pytest.mark.parametrize(("kind", "place", "planes"), [
    ("Clip", 0, 1), ("Cast", -1, 16), ("Tile", 0, 32), ("Mul", -1, 64), ("Add", -2, 1), ("Where", 0, 1),
])  # fmt: skip
def test_what_something_else_reads_too_stays(kind: str, place: int, planes: int, tmp_path: Path) -> None:
    model = _small()
    text = _outcome(_into_result(model, _names(model, kind)[place], planes), tmp_path)
    ReferenceEvaluator(model).run(None, {"x": np.zeros((1, 1, 4, 4), np.float32)})  # it is a network
    assert text == "taken" or "is not supported" in text or "is expected" in text


def test_classes_are_no_result(tmp_path: Path) -> None:
    b = Build()
    hot = one_hot(b, LIMITS[16])
    assert "not supported" in _outcome(said(b.model(b.op("DepthToSpace", hot, blocksize=4)), LIMITS[16]), tmp_path)


def test_kernels_of_unlike_steps_are_read_as_floats(tmp_path: Path) -> None:
    """What their sums are multiplied by would have to be chosen too."""
    model = whole_steep(8, 4, (1, 1), shared=False)
    assert _outcome(model, tmp_path) == "taken"
    convs = [op for op in read_network(tmp_path / "net.onnx")[0].ops if isinstance(op, Conv)]
    assert [bool(op.integers) for op in convs] == [False, False]
    assert _outcome(whole_steep(8, 4, (1, 1)), tmp_path) == "taken"
    convs = [op for op in read_network(tmp_path / "net.onnx")[0].ops if isinstance(op, Conv)]
    assert all(op.integers is not None and op.integers.weight.shape == (8, *op.weight.shape) for op in convs)


def test_no_class_may_sum_up_to_more_than_is_exact(tmp_path: Path) -> None:
    """The picture is 12 bits of 16 here; with wider steps the largest kernels of one class alone go beyond 2^24."""
    for step, whole in ((1 / 4080, True), (1 / 65_535, False)):
        b = Quantized(seed=1)
        hot = one_hot(b, LIMITS[8], opset=21)
        t = b.whole_chosen(b.pair("x", step, 16), step, 1, 4, hot, 8)
        stored = next(each for each in b.constants if len(each.dims) == 4 and each.dims[0] == 32)
        kernels = np.ones(stored.dims, np.int8)
        kernels[3] = 127  # of output 0, class 3
        stored.CopyFrom(numpy_helper.from_array(kernels, stored.name))
        model = said(b.finish(b.op("DepthToSpace", t, blocksize=2, mode="CRD")), LIMITS[8])
        assert _outcome(model, tmp_path) == "taken"
        (conv,) = (op for op in read_network(tmp_path / "net.onnx")[0].ops if isinstance(op, Conv))
        assert (conv.integers is not None) == whole


Mutation = Callable[[onnx.ModelProto], None]


def _weight(change: Callable[[NDArray[np.float32]], NDArray[np.float32]], which: int = 0) -> Mutation:
    """Another weight for one of the two convolutions by all kernels."""

    def mutate(model: onnx.ModelProto) -> None:
        nodes = [n for n in model.graph.node if n.op_type == "Conv" and len(n.input) == 2][3:]
        name = nodes[which].input[1]
        held = next(each for each in model.graph.initializer if each.name == name)
        held.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(held)), name))
        del nodes[which].attribute[:]
        nodes[which].attribute.append(helper.make_attribute("kernel_shape", held.dims[2:]))

    return mutate


def _holding(value: float) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    def change(weight: NDArray[np.float32]) -> NDArray[np.float32]:
        changed = weight.copy()
        changed.flat[7] = value
        return changed

    return change


def _attribute(name: str, value: object, which: int = 0) -> Mutation:
    def mutate(model: onnx.ModelProto) -> None:
        node = [n for n in model.graph.node if n.op_type == "Conv" and len(n.input) == 2][3:][which]
        kept = [each for each in node.attribute if each.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return mutate


def _input(kind: str, place: int, number: int, name: str | None) -> Mutation:
    def mutate(model: onnx.ModelProto) -> None:
        node = [n for n in model.graph.node if n.op_type == kind][place]
        if name is None:
            del node.input[number]
        else:
            node.input[number] = name

    return mutate


REFUSED: dict[str, Mutation] = {
    "a row of kernels less": _weight(lambda w: w[:-1]),
    "one kernel": _weight(lambda w: w[:1]),
    "one class's kernels": _weight(lambda w: w[::16]),
    "twice the kernels": _weight(lambda w: np.concatenate([w, w])),
    "no kernels": _weight(lambda w: w[:0]),
    "kernels of two planes": _weight(lambda w: np.concatenate([w, w], 1)),
    "even kernels": _weight(lambda w: w[..., :2]),
    "kernels without columns": _weight(lambda w: w[..., 0]),
    "NaN": _weight(_holding(np.nan)),
    "infinite": _weight(_holding(np.inf)),
    "more padding": _attribute("pads", [1, 1, 1, 1]),
    "strides": _attribute("strides", [2, 2]),
    "groups that don't fit": _attribute("group", 3, which=1),
    "dilated without room": _attribute("dilations", [2, 2]),
    "kernels of the picture": _input("Conv", 3, 1, "x"),
    "no kernels named": _input("Conv", 3, 1, None),
    "no repeats": _input("Tile", 0, 1, None),
    "repeats of the picture": _input("Tile", 0, 1, "x"),
    "multiplied by the picture": _input("Mul", -2, 0, "x"),
    "no bias": _input("Conv", 4, 2, None),
    "a bias of the picture": _input("Conv", 4, 2, "x"),
}
TAKEN: dict[str, Mutation] = {
    "smaller kernels without a border": lambda model: (
        _weight(lambda w: w[:, :, 1:2, 1:2])(model),
        _input("Conv", 3, 0, "x")(model),
    )[0],
    "large": _weight(_holding(1e4)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_are_none_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    model = _small()
    REFUSED[name](model)
    assert _outcome(model, tmp_path) != "taken"


@pytest.mark.parametrize("name", TAKEN)
def test_layers_of_other_shapes_are_read_as_what_they_are(name: str, tmp_path: Path) -> None:
    model = _small()
    TAKEN[name](model)
    assert _outcome(model, tmp_path) == "taken"


def test_a_picture_of_three_channels_is_refused(tmp_path: Path) -> None:
    b = Build(3)
    red, _, _ = b.op("Split", "x", outputs=3, axis=1)
    hot = one_hot(b, LIMITS[16], red)
    t = chosen_conv(b, "x", hot, b.rng.normal(0, 0.1, (12, 16, 3, 3, 3)))
    model = said(b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD")), LIMITS[16])
    assert "(Round): this operator is not supported" in _outcome(model, tmp_path)


def test_classes_of_another_picture_are_refused(tmp_path: Path) -> None:
    """Of twice the luma, of its sums with a constant, and of the enlarged picture's size."""
    b = Build()
    hot = one_hot(b, LIMITS[16], b.op("Mul", "x", b.const(2.0)))
    t = chosen_conv(b, "x", hot, b.rng.normal(0, 0.1, (4, 16, 1, 3, 3)))
    model = said(b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD")), LIMITS[16])
    assert "not supported" in _outcome(model, tmp_path)
