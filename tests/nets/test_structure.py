"""Classes of structure: NumPy, PyTorch and ONNX agree bit for bit, and turned pictures have turned classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from torch import nn

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build, to_onnx
from pocketsr.nets import structure as in_torch
from pocketsr.pixels.structure import DIRECTIONS, levels_of, limit_of, structure_classes
from pocketsr.reparam import Chosen, PlainChosen, collapse, make_block

Plane = NDArray[np.uint8]
LIMITS = (limit_of(1.0), limit_of(11.5))
SIZES = [(1, 1), (1, 5), (4, 1), (2, 2), (7, 9), (32, 33)]


def _pictures(height: int, width: int) -> Iterator[Plane]:
    """Noise, black and white, faint noise, stripes that reach the largest sums, ramps of whole slopes, flat."""
    rng = np.random.default_rng(height * 100 + width)
    rows, columns = np.mgrid[:height, :width]
    yield rng.integers(0, 256, (height, width)).astype(np.uint8)
    yield (rng.integers(0, 2, (height, width)) * 255).astype(np.uint8)
    yield rng.integers(100, 103, (height, width)).astype(np.uint8)
    yield ((columns // 2 % 2) * 255).astype(np.uint8)
    yield ((columns // 2 + rows // 2) % 2 * 255).astype(np.uint8)
    for down, right in ((1, 1), (1, 5), (5, 1), (-2, 3), (1, -1)):
        yield np.clip(128 + down * rows + right * columns, 0, 255).astype(np.uint8)
    yield np.full((height, width), 77, np.uint8)


def _by_definition(plane: Plane, limits: tuple[int, ...]) -> NDArray[np.int64]:
    """The sentences of `pixels.structure`, pixel by pixel in integers without bound."""
    height, width = plane.shape

    def at(y: int, x: int) -> int:
        return int(plane[min(max(y, 0), height - 1), min(max(x, 0), width - 1)])

    found = np.zeros(plane.shape, np.int64)
    for y in range(height):
        for x in range(width):
            a = b = c = 0
            for dy, down in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
                for dx, right in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
                    gx = at(y + dy, x + dx + 1) - at(y + dy, x + dx - 1)
                    gy = at(y + dy + 1, x + dx) - at(y + dy - 1, x + dx)
                    a, b, c = a + down * right * gx * gx, b + down * right * gx * gy, c + down * right * gy * gy
            u, v, tangent = a - c, 2 * b, Fraction(5, 12)
            if (u, v) == (0, 0):
                direction = 0
            elif abs(v) <= tangent * abs(u):
                direction = 0 if u > 0 else 4
            elif abs(u) < tangent * abs(v):
                direction = 2 if v > 0 else 6
            else:
                direction = {(True, True): 1, (False, True): 3, (False, False): 5, (True, False): 7}[u > 0, v > 0]
            found[y, x] = 8 * sum(a + c > limit for limit in limits) + direction
    return found


@pytest.mark.parametrize("size", SIZES)
def test_numpy_and_torch_are_the_definition(size: tuple[int, int]) -> None:
    for plane in _pictures(*size):
        floats = plane / np.float32(255)
        classes = structure_classes(plane, LIMITS)
        assert np.array_equal(classes, _by_definition(plane, LIMITS))
        assert np.array_equal(structure_classes(floats, LIMITS), classes)
        assert np.array_equal(in_torch.structure_classes(torch.from_numpy(floats)[None, None], LIMITS)[0], classes)


def test_all_classes_are_met() -> None:
    met = {int(one) for plane in _pictures(32, 33) for one in np.unique(structure_classes(plane, LIMITS))}
    assert met == set(range(3 * DIRECTIONS))


def _comparisons(u: NDArray[np.int64], b: NDArray[np.int64]) -> None:
    """What float32 says of integers is what 64-bit integers say."""
    along, size = u.astype(np.float32), b.astype(np.float32)
    four, five = np.float32(4), np.float32(5)
    assert np.array_equal(four * size > five * (along - four * size), 24 * b > 5 * u)
    assert np.array_equal(five * (size - along) > along, 6 * u < 5 * b)


def test_comparisons_are_exact_in_float32_up_to_the_largest_sums() -> None:
    most = 255 * 255 * 256
    rng = np.random.default_rng(0)
    _comparisons(rng.integers(0, most + 1, 200_000), rng.integers(0, most + 1, 200_000))
    b = rng.integers(0, most // 6, 50_000)
    for off in range(-3, 4):  # at the limits themselves: 24 b = 5 u, 6 u = 5 b
        _comparisons(np.clip(24 * b // 5 + off, 0, most), b)
        _comparisons(np.clip(5 * b // 6 + off, 0, most), b)


TURNS: dict[str, tuple[Callable[[NDArray[np.generic]], NDArray[np.generic]], Callable[[int], int]]] = {
    "left to right": (lambda p: p[:, ::-1], lambda d: (8 - d) % 8),
    "upside down": (lambda p: p[::-1], lambda d: (8 - d) % 8),
    "rows and columns": (lambda p: p.T, lambda d: (4 - d) % 8),
    "quarter": (np.rot90, lambda d: (d + 4) % 8),
}


@pytest.mark.parametrize("turn", TURNS)
def test_turned_pictures_have_turned_classes(turn: str) -> None:
    picture, direction = TURNS[turn]
    for plane in _pictures(16, 17):
        before = structure_classes(plane, LIMITS).astype(int)
        expected = np.array([8 * (k // 8) + direction(k % 8) for k in range(24)])[before]
        undirected = np.array(_undirected(plane))
        expected[undirected] = before[undirected]
        after = structure_classes(np.ascontiguousarray(picture(plane)), LIMITS)
        assert np.array_equal(after, picture(expected))


def _undirected(plane: Plane) -> NDArray[np.bool_]:
    """Where the class is of direction 0 in the picture and in the one with rows and columns exchanged."""
    return np.asarray((structure_classes(plane, ()) == 0) & (structure_classes(plane.T.copy(), ()).T == 0))


def test_what_is_no_level_is_clipped_and_halves_go_to_even() -> None:
    luma = np.array([[-0.5, 0.5 / 255, 1.5 / 255, 2.0]], np.float32)
    assert levels_of(luma).tolist() == [[0, 0, 2, 255]]


def test_the_file_has_the_same_classes(tmp_path: Path) -> None:
    net = build("pocket", layers=[{"channels": 4, "chosen": {"classes": 24, "limits": [1.0, 11.5]}}], expansion=4)
    to_onnx(net, tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    said = {prop.key: prop.value for prop in model.metadata_props}
    assert said["pocketsr.chosen"] == '{"by":"structure","classes":24,"limits":[1024,135424]}'
    (tile,) = (node for node in model.graph.node if node.op_type == "Tile")
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(tile.input[0], 1, [1, 24, None, None]))
    evaluator = ReferenceEvaluator(model)
    for size in ((1, 1), (7, 9)):
        for plane in _pictures(*size):
            (one_hot,) = evaluator.run(None, {"luma": plane[None, None] / np.float32(255)})
            assert (one_hot.sum(1) == 1).all()
            assert np.array_equal(one_hot[0].argmax(0), structure_classes(plane, LIMITS))


def test_a_chosen_block_begins_as_the_plain_one_and_loads_its_weights() -> None:
    torch.manual_seed(0)
    plain = make_block("linear", 2, 4, (3, 3), 8, zero_mean=True)
    block = Chosen(make_block("linear", 2, 4, (3, 3), 8, zero_mean=True), 5, zero_mean=True)
    block.load_state_dict(plain.state_dict())
    x, classes = torch.rand(2, 2, 8, 30), torch.randint(0, 5, (2, 6, 28))
    assert torch.allclose(block(x, classes), plain(x), atol=1e-6)
    with torch.no_grad():
        block.differences.normal_()
    again = Chosen(make_block("linear", 2, 4, (3, 3), 8, zero_mean=True), 5, zero_mean=True)
    again.load_state_dict(block.state_dict())
    assert torch.equal(again.kernels(), block.kernels())
    assert block.kernels().sum((1, 2, 3)).abs().max() < 1e-5  # of each output and class
    small = collapse(block)
    assert isinstance(cast(nn.Module, small), PlainChosen)
    assert torch.equal(small(x, classes), block(x, classes))
    with pytest.raises(RuntimeError, match=r"shared\.block\.weight"):
        again.load_state_dict({"other": torch.zeros(1)})


def test_a_network_goes_on_from_a_plain_one(make: Callable[..., SRNet]) -> None:
    layers = [{"channels": 4}, {"channels": 4}, {"channels": 4}]
    plain = make("nearest")
    steep = build("pocket", layers=[{**one, "chosen": {}} for one in layers], expansion=8)
    steep.load_state_dict(plain.state_dict())
    x = torch.rand(1, 1, 20, 25)
    assert torch.allclose(steep(x), plain(x), atol=1e-5)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([{"classes": 12}, {}], "multiple of 8"),
        ([{"classes": 72}, {}], "64"),
        ([{"by": "hash"}, {}], "by"),
        ([{"classes": 24, "limits": [5.0]}, None], "24 classes take 2 `limits` that rise"),
        ([{"classes": 24, "limits": [5.0, 5.0]}, None], "that rise"),
        ([{"limits": [200.0]}, None], "125"),
        ([{"classes": 16}, {"classes": 24}], "the same classes"),
    ],
)
def test_choices_that_are_none_are_refused(chosen: list[dict[str, object] | None], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build("pocket", layers=[{"channels": 4, "chosen": one} for one in chosen])


@pytest.mark.parametrize("classes", range(8, 65, 8))
def test_default_limits_rise_and_stay_exact(classes: int) -> None:
    limits = build("pocket", layers=[{"channels": 4, "chosen": {"classes": classes}}]).limits
    assert isinstance(limits, tuple)
    assert len(limits) == classes // 8 - 1
    assert all(0 < limit < 2**24 for limit in limits)
