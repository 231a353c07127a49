"""The counter against counts by hand. W and H of the picture are 8 and 6, so that the output has 16 x 12 at x2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from engine_nets import Build, chain
from onnx import TensorProto, helper
from steep_nets import LIMITS, chosen_conv, one_hot, said

from pocketsr import UserError
from pocketsr.engine.analysis.count import Count, count
from pocketsr.models import SHIPPED, resolve

WIDTH, HEIGHT = 8, 6
PIXELS = WIDTH * HEIGHT


def counted(b: Build, out: str, folder: Path, scale: int = 1) -> Count:
    onnx.save(b.model(out), str(folder / "net.onnx"))
    return count(folder / "net.onnx", (scale * WIDTH, scale * HEIGHT))


def test_convolution_with_groups(tmp_path: Path) -> None:
    b = Build()
    wide = b.conv("x", 1, 8, 3)  # 8*9 + 8 parameters, 72 products a pixel
    c = counted(b, b.conv(b.conv(wide, 8, 4, (5, 3), groups=2), 4, 1, 1), tmp_path)
    # 4 outputs from 8/2 planes by 5x3: 4*4*15 = 240 and 4 biases; then 4*1 and 1
    assert c.params == 80 + 244 + 5
    assert (c.macs, c.macs_per_pixel) == ((72 + 240 + 4) * PIXELS, 316)
    assert (c.receptive_field, c.halo) == (7, 3)  # rows: 3 and 5 make 7; columns: 3 and 3 make 5


def test_strided_and_transposed(tmp_path: Path) -> None:
    b = Build()
    half = b.conv("x", 1, 4, 3, strides=[2, 2])  # 3 x 4 positions
    weight = b.const(np.ones((4, 2, 4, 4)))  # CI CO KH KW
    full = b.op("ConvTranspose", half, weight, strides=[2, 2], pads=[1, 1, 1, 1])
    c = counted(b, b.conv(full, 2, 1, 1), tmp_path)
    assert c.params == (36 + 4) + 128 + (2 + 1)
    assert c.macs == 36 * PIXELS // 4 + 128 * PIXELS // 4 + 2 * PIXELS
    # Output 2m reads halves m - 1 and m, output 2m + 1 reads m and m + 1; half h sees pixels 2h - 1 to 2h + 1.
    # Pixel 2m: 2m - 3 .. 2m + 1; pixel 2m + 1: 2m - 1 .. 2m + 3. Both 5 wide, the farthest 3 away.
    assert (c.receptive_field, c.halo) == (5, 3)


def test_dilation_and_large_pixels(tmp_path: Path) -> None:
    b = Build()
    t = b.conv("x", 1, 4, 3, dilations=[3, 3], pads=[3] * 4)  # sees 7 pixels
    t = b.op("DepthToSpace", t, blocksize=2, mode="CRD")
    for _ in range(3):  # 3 large pixels to each side: 2 pixels
        t = b.conv(t, 1, 1, 3)
    c = counted(b, t, tmp_path, scale=2)
    assert c.scale == 2
    assert c.macs == 36 * PIXELS + 3 * 9 * 4 * PIXELS
    assert (c.receptive_field, c.halo) == (7 + 4, 3 + 2)


def test_even_kernels_are_lopsided(tmp_path: Path) -> None:
    b = Build()
    c = counted(b, b.conv("x", 1, 1, 2, pads=[0, 0, 1, 1]), tmp_path)
    assert (c.receptive_field, c.halo) == (2, 1)


def test_bicubic_resize_is_no_work(tmp_path: Path) -> None:
    """Each result looks at 4 pixels, the four of one pixel at 5; the halfway point has 2 or 4 for linear and cubic."""
    for mode, field in (("nearest", 1), ("linear", 3), ("cubic", 5)):
        b = Build()
        c = counted(b, b.op("Resize", "x", "", b.const([1, 1, 2, 2]), mode=mode), tmp_path, scale=2)
        assert (c.params, c.macs, c.receptive_field) == (0, 0, field)
        assert (c.peak_bytes, c.written_bytes) == (4 * PIXELS * 5, 4 * PIXELS * 4)  # picture and result; result


def test_channel_attention_sees_the_whole_picture(tmp_path: Path) -> None:
    b = Build()
    t = b.conv("x", 1, 4, 3)
    weight = b.op("Sigmoid", b.conv(b.op("GlobalAveragePool", t), 4, 4, 1))
    c = counted(b, b.conv(b.op("Mul", t, weight), 4, 1, 1), tmp_path)
    assert (c.receptive_field, c.halo) == (None, None)
    assert c.macs == 36 * PIXELS + 16 + 4 * PIXELS  # the pooled planes have one pixel
    assert c.params == 40 + 20 + 5


def test_attention_between_all_pixels(tmp_path: Path) -> None:
    b = Build()
    t = b.conv("x", 1, 2, 1)
    flat = b.op("Reshape", t, b.const([1, 2, -1], np.int64))  # 1 2 HW
    scores = b.op("Softmax", b.op("MatMul", b.op("Transpose", flat, perm=[0, 2, 1]), flat), axis=-1)
    mixed = b.op("MatMul", flat, scores)
    size = b.op("Shape", t)
    c = counted(b, b.conv(b.op("Reshape", mixed, size), 2, 1, 1), tmp_path)
    assert c.receptive_field is None
    assert c.macs == 2 * PIXELS + 2 * (2 * PIXELS**2) + 2 * PIXELS


def test_matrices_over_channels_alone_see_one_pixel(tmp_path: Path) -> None:
    """1 HW C times C C, as transformers without attention have it, and back to an image."""
    b = Build()
    t = b.conv("x", 1, 4, 3)
    flat = b.op("Transpose", b.op("Reshape", t, b.const([1, 4, -1], np.int64)), perm=[0, 2, 1])
    mixed = b.op("Transpose", b.op("MatMul", flat, b.const(np.ones((4, 4)))), perm=[0, 2, 1])
    c = counted(b, b.conv(b.op("Reshape", mixed, b.op("Shape", t)), 4, 1, 3), tmp_path)
    assert (c.params, c.macs) == (40 + 16 + 37, (36 + 16 + 36) * PIXELS)
    assert c.receptive_field == 5


def test_windows(tmp_path: Path) -> None:
    """Sums over windows of 2x2: a pixel sees its window, so 2 pixels along each axis."""
    b = Build()
    split = b.op("Reshape", "x", b.const([1, HEIGHT // 2, 2, WIDTH // 2, 2], np.int64))
    total = b.op("ReduceSum", split, b.const([2, 4], np.int64))
    b.constants.append(helper.make_tensor("shape", TensorProto.INT64, [4], [1, 1, HEIGHT, WIDTH]))
    model = b.model(b.op("Reshape", b.op("Add", split, total), "shape"))
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, HEIGHT, WIDTH]))
    onnx.save(model, str(tmp_path / "net.onnx"))
    assert (count(tmp_path / "net.onnx").receptive_field, count(tmp_path / "net.onnx").halo) == (2, 1)


def test_pixel_unshuffle_by_reshape_is_a_stride(tmp_path: Path) -> None:
    b = Build()
    split = b.op("Reshape", "x", b.const([1, 1, HEIGHT // 2, 2, WIDTH // 2, 2], np.int64))
    moved = b.op("Transpose", split, perm=[0, 1, 3, 5, 2, 4])
    t = b.conv(b.op("Reshape", moved, b.const([1, 4, HEIGHT // 2, WIDTH // 2], np.int64)), 4, 4, 3)
    model = b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD"))
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, HEIGHT, WIDTH]))
    onnx.save(model, str(tmp_path / "net.onnx"))
    c = count(tmp_path / "net.onnx", (WIDTH, HEIGHT))
    assert c.macs == 4 * 4 * 9 * PIXELS // 4
    assert (c.receptive_field, c.halo) == (6, 3)  # 3 blocks of 2 pixels


def test_parameters_are_what_is_learned(tmp_path: Path) -> None:
    b = Build(3)
    shifted = b.op("Sub", "x", b.const([[[0.4]], [[0.5]], [[0.6]]]))  # the mean colour: fixed
    t = b.prelu(b.conv(shifted, 3, 4, 1), 4)  # 12 + 4, and 4 slopes
    t = b.op("BatchNormalization", t, *(b.const(np.ones(4)) for _ in range(4)))  # scale and offset: 8
    t = b.op("Mul", b.op("Mul", t, b.const(0.2)), b.const(np.ones((4, 1, 1))))  # 4; the single number is fixed
    weight = b.const(np.ones((4, 4, 1, 1)))  # shared: 16 once
    t = b.op("Conv", b.op("Conv", t, weight), weight)
    out = b.op("Add", b.conv(t, 4, 3, 1), b.const([[[0.4]], [[0.5]], [[0.6]]]))  # 12 + 3, and the mean again
    assert counted(b, out, tmp_path).params == 16 + 4 + 8 + 4 + 16 + 15


def test_constant_nodes_beside_initializers_are_fixed(tmp_path: Path) -> None:
    """A filter that the network doesn't learn; where a file has nothing but Constant nodes, they are its weights."""
    for learned, params in ((True, 9), (False, 9 + 1)):
        b = Build()
        fixed = b.op("Constant", value=helper.make_tensor("", TensorProto.FLOAT, [1, 1, 3, 3], [0.1] * 9))
        other = b.op("Constant", value=helper.make_tensor("", TensorProto.FLOAT, [1, 1, 1, 1], [2.0]))
        first = b.const(np.ones((1, 1, 3, 3))) if learned else fixed
        t = b.op("Conv", "x", first, pads=[1] * 4)
        assert counted(b, b.op("Conv", t, other), tmp_path).params == params


def test_memory(tmp_path: Path) -> None:
    """In planes of 4 * PIXELS bytes: conv 1 + 4; PReLU in place; conv 4 + 3, and x is kept; the sum in place."""
    b = Build()
    t = b.prelu(b.conv("x", 1, 4, 3), 4)
    padded = b.op("Pad", t, b.const([0, 0, 1, 1] * 2, np.int64), mode="edge")  # costs nothing
    t = b.conv(padded, 4, 3, 3, pads=[0] * 4)
    c = counted(b, b.conv(b.op("Add", t, "x"), 3, 1, 1), tmp_path)
    assert c.peak_bytes == (1 + 4 + 3) * 4 * PIXELS
    assert c.written_bytes == (4 + 3 + 1) * 4 * PIXELS


def test_memory_of_a_map_that_is_read_twice(tmp_path: Path) -> None:
    """Relu must not write over a map that is read again: 1 + 4, then 4 + 4, and the sum goes over one of them."""
    b = Build()
    t = b.conv("x", 1, 4, 3)
    c = counted(b, b.conv(b.op("Add", b.op("Relu", t), t), 4, 1, 1), tmp_path)
    assert c.peak_bytes == (4 + 4) * 4 * PIXELS
    assert c.written_bytes == (4 + 4 + 1) * 4 * PIXELS


def test_dead_branches_cost_nothing(tmp_path: Path) -> None:
    b = Build()
    b.conv("x", 1, 64, 9)
    assert counted(b, b.conv("x", 1, 1, 3), tmp_path).macs == 9 * PIXELS


def test_sizes_that_do_not_divide_are_in_proportion(tmp_path: Path) -> None:
    """1280 x 720 at x3: counted at 426 x 240, 9 products a pixel of the input."""
    onnx.save(chain((3,), scale=3), str(tmp_path / "net.onnx"))
    c = count(tmp_path / "net.onnx")
    assert (c.scale, c.macs) == (3, 81 * 1280 * 720 // 9)


@pytest.mark.parametrize(
    ("name", "params", "macs_per_pixel", "field", "peak", "written"),
    [
        ("bicubic", 0, 0, 5, 1 + 4, 4),
        # tiny: 8*9, 8*4*9, 2 * 8*2*9, 4*8*9 and 4 * 8 slopes. Three maps of 8 (skip, gathered, made)
        # and the picture at most; made are 4 convolutions, 2 gatherings, the last convolution and the large picture
        ("tiny", 969, 936, 11, 3 * 8 + 1, 6 * 8 + 4 + 4),
        # small: 12*9, 4 * 12*12*9, 4*12*9, and 64 biases and 60 slopes; two maps of 12 and the picture
        ("small", 5848, 5724, 13, 2 * 12 + 1, 5 * 12 + 4 + 4),
    ],
)
def test_shipped(name: str, params: int, macs_per_pixel: int, field: int, peak: int, written: int) -> None:
    assert name in SHIPPED
    c = count(resolve(name))
    assert (c.params, c.macs_per_pixel, c.receptive_field) == (params, macs_per_pixel, field)
    assert c.macs == macs_per_pixel * 640 * 360
    assert (c.peak_bytes, c.written_bytes) == (peak * 4 * 640 * 360, written * 4 * 640 * 360)


def test_what_cannot_be_counted_is_named(tmp_path: Path) -> None:
    b = Build()
    with pytest.raises(UserError, match=r"net\.onnx: node 'Einsum_0' \(Einsum\)"):
        counted(b, b.op("Einsum", "x", equation="nchw->nchw"), tmp_path)
    b = Build()
    with pytest.raises(UserError, match="larger by an integer factor"):
        counted(b, b.conv("x", 1, 1, 3, pads=[0] * 4), tmp_path)


@pytest.mark.parametrize("classes", [8, 40])
def test_of_chosen_kernels_each_pixel_takes_one(classes: int, tmp_path: Path) -> None:
    b = Build()
    hot = one_hot(b, LIMITS[classes])
    t = b.prelu(chosen_conv(b, "x", hot, np.ones((6, classes, 1, 3, 3))), 6)
    t = chosen_conv(b, b.conv(t, 6, 6, 3), hot, np.ones((4, classes, 3, 5, 3)), groups=2)
    model = said(b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD")), LIMITS[classes])
    onnx.save(model, path := tmp_path / "net.onnx")
    c = count(path, (2 * WIDTH, 2 * HEIGHT))
    assert c.macs_per_pixel == 33 + 6 * 9 + 6 * 6 * 9 + 4 * 3 * 15
    assert c.params == (classes * 6 * 9 + 6) + 6 + (6 * 6 * 9 + 6) + (classes * 4 * 3 * 15 + 4)
    assert (c.receptive_field, c.halo) == (2 * (3 + 1 + 2) + 1, 6)  # its class, and what two convolutions see behind it
    # luma, classes, the first layer's result (PReLU writes over it), the second's; then the last one's, and the result
    assert c.peak_bytes == 4 * PIXELS * (1 + 6 + 6)
    assert c.written_bytes == 4 * PIXELS * (1 + 6 + 6 + 4 + 4)


def test_chosen_kernels_that_are_none_count_as_the_file_says(tmp_path: Path) -> None:
    b = Build()
    t = chosen_conv(b, "x", one_hot(b, LIMITS[8]), np.ones((4, 8, 1, 3, 3)))
    onnx.save(b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD")), path := tmp_path / "net.onnx")
    # gradients of the larger picture, sums along the columns, along the rows; every kernel; sums over classes
    classes = 2 * 9 * 12 * 10 + 3 * 5 * HEIGHT * 12 + 3 * 5 * PIXELS
    assert count(path, (2 * WIDTH, 2 * HEIGHT)).macs == classes + 4 * 8 * 10 * PIXELS
