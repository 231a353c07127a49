"""What the engine refuses, it names: node, operator, reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from engine_nets import Build, chain
from hostile_models import const, up
from onnx import TensorProto, helper

from pocketsr import UserError
from pocketsr.engine import load, read_network


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, str(folder / "net.onnx"))
    return folder / "net.onnx"


def strided(b: Build) -> str:
    return b.conv("x", 1, 1, 3, strides=[2, 2])


def even(b: Build) -> str:
    weight = b.const(np.ones((1, 1, 2, 2)))
    return str(b.op("Conv", "x", weight, pads=[0, 0, 1, 1]))


def unpadded(b: Build) -> str:
    return b.conv("x", 1, 1, 3, pads=[0, 0, 0, 0])


def pooled(b: Build) -> str:
    return str(b.op("Mul", "x", b.op("GlobalAveragePool", "x")))


def averaged(b: Build) -> str:
    return str(b.op("Sub", "x", b.op("ReduceMean", "x", axes=[2, 3])))


def counted(b: Build) -> str:
    pixels = b.op("ReduceProd", b.op("Cast", b.op("Shape", "x"), to=TensorProto.FLOAT), keepdims=0)
    return str(b.op("Mul", "x", pixels))


def reflected(b: Build) -> str:
    return b.conv(b.op("Pad", "x", b.const([0, 0, 1, 1] * 2, np.int64), mode="reflect"), 1, 1, pads=[0] * 4)


def added_border(b: Build) -> str:
    return str(b.op("Relu", b.op("Pad", "x", b.const([0, 0, 1, 1] * 2, np.int64))))


def rows_merged(b: Build) -> str:
    return str(b.op("Reshape", "x", b.const([1, 1, -1], np.int64)))


def softmax(b: Build) -> str:
    return str(b.op("Softmax", "x", axis=1))


def block_of_five(b: Build) -> str:
    return str(b.op("DepthToSpace", b.conv("x", 1, 25), blocksize=5))


def half_resize(b: Build) -> str:
    return str(b.op("Resize", "x", "", b.const([1, 1, 1.5, 1.5]), mode="linear"))


def corners(b: Build) -> str:
    up = b.op(
        "Resize",
        "x",
        "",
        b.const([1, 1, 2, 2]),
        mode="linear",
        coordinate_transformation_mode="align_corners",
    )
    return str(up)


def spatial_concat(b: Build) -> str:
    return str(b.op("Concat", "x", "x", axis=2))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (strided, ("Conv_0", "(Conv)", "stride")),
        (even, ("(Conv)", "2x2")),
        (unpadded, ("(Conv)", "padding")),
        (pooled, ("GlobalAveragePool_0", "(GlobalAveragePool)", "whole image")),
        (averaged, ("ReduceMean_0", "(ReduceMean)", "whole image")),
        (counted, ("(Mul)", "size of the image")),
        (reflected, ("(Pad)", "'reflect'")),
        (added_border, ("(Relu)", "border")),
        (rows_merged, ("(Reshape)", "1 x 1 x H x W")),
        (softmax, ("(Softmax)", "not supported", "Conv,")),
        (block_of_five, ("(DepthToSpace)", "5")),
        (half_resize, ("(Resize)", "1.5")),
        (corners, ("(Resize)", "align_corners")),
        (spatial_concat, ("(Concat)", "axis 2")),
    ],
)
def test_refusal_names_node_operator_and_reason(make: object, words: tuple[str, ...], tmp_path: Path) -> None:
    b = Build()
    model = b.model(make(b))  # type: ignore[operator]
    with pytest.raises(UserError) as caught:
        read_network(saved(model, tmp_path))
    message = str(caught.value)
    assert "\n" not in message
    for word in ("net.onnx", *words):
        assert word in message


def test_inputs_that_are_no_image_are_refused(tmp_path: Path) -> None:
    for shape, word in [([1, 2, None, None], "2"), ([1, 1, None], "dimensions"), ([4, 1, None, None], "4")]:
        model = chain()
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, shape))
        with pytest.raises(UserError, match=word):
            read_network(saved_unchecked(model, tmp_path))


def saved_unchecked(model: onnx.ModelProto, folder: Path) -> Path:
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    return folder / "net.onnx"


def test_files_that_are_no_network(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for content in (b"", b"hello, this is text", bytes(range(256)) * 9):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"net\.onnx"):
            load(path)
    with pytest.raises(UserError, match="no such model file"):
        load(tmp_path / "absent.onnx")
    with pytest.raises(UserError, match="unknown model"):
        load("huge")


def test_a_network_with_fixed_sizes_is_free_of_them(tmp_path: Path) -> None:
    """An export with a fixed 20 x 30 input and Resize by sizes still takes every size."""
    b = Build()
    up = b.op("Resize", "x", "", "", b.const([1, 1, 40, 60], np.int64), mode="nearest",
              coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    model = b.model(up)
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 20, 30]))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(up, TensorProto.FLOAT, [1, 1, 40, 60]))
    image = np.arange(15, dtype=np.uint8).reshape(3, 5)
    assert (load(saved(model, tmp_path), threads=1)(image) == image.repeat(2, 0).repeat(2, 1)).all()


@pytest.mark.parametrize(("kind", "opset"), [("Upsample", 9), ("Resize", 10)])
def test_enlarging_of_old_opsets(kind: str, opset: int, tmp_path: Path) -> None:
    b = Build()
    model = b.model(b.op(kind, "x", b.const([1, 1, 3, 3]), mode="nearest"), opset)
    image = np.arange(15, dtype=np.uint8).reshape(3, 5)
    assert (load(saved(model, tmp_path), threads=1)(image) == image.repeat(3, 0).repeat(3, 1)).all()


def test_cost_of_the_known_networks() -> None:
    for name, params, macs, field in [("tiny", 969, 936, 11), ("small", 5848, 5724, 13)]:
        info = load(name, threads=1).info
        assert (info.params, info.macs_per_pixel, info.receptive_field) == (params, macs, field)
    assert load("tiny", threads=1).info.gmacs(640, 360) <= 0.24422


def test_shared_weights_count_once(tmp_path: Path) -> None:
    b = Build()
    weight, bias = b.const(np.full((1, 1, 3, 3), 0.1)), b.const([0.5])
    twice = b.op("Conv", b.op("Conv", "x", weight, bias, pads=[1] * 4), weight, bias, pads=[1] * 4)
    _, info = read_network(saved(b.model(twice), tmp_path))
    assert (info.params, info.macs_per_pixel) == (10, 18)


def test_a_root_of_what_is_negative_warns_nobody(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """While the range of values is found out, which the file doesn't say, NumPy meets NaN."""
    nodes = [helper.make_node("Sub", ["x", "half"], ["d"]), helper.make_node("Sqrt", ["d"], ["t"])]
    onnx.save(up(*nodes, constants=[const("half", [0.5])]), tmp_path / "net.onnx")
    read_network(tmp_path / "net.onnx")
    assert not [str(warning.message) for warning in recwarn]
