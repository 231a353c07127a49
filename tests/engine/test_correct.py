"""The compiled network against ONNX Runtime and ONNX's reference evaluator, and against itself cut in other ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from engine_nets import NETS, Build, save
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from pocketsr import models
from pocketsr.engine import Network, load, read_network, repeat_edges
from pocketsr.engine.ir.reference import evaluate

SIZES = [(1, 1), (1, 7), (2, 3), (3, 2), (7, 13), (13, 127), (127, 13), (127, 127), (5, 300), (360, 640)]
SHIPPED = ["bicubic", "tiny", "small"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nets")


def source(name: str, folder: Path) -> Path:
    return models.resolve(name) if name in SHIPPED else save(name, folder)


def picture(channels: int, height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Noise over gradients, 0..1, C H W."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    smooth = 0.5 + 0.4 * np.sin(x / 9 + 1) * np.cos(y / 7)
    return np.clip(smooth + rng.normal(0, 0.2, (channels, height, width)), 0, 1).astype(np.float32)


def by_onnxruntime(path: Path) -> Any:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image[None]})[0][0]


def as_image(planes: NDArray[Any]) -> NDArray[Any]:
    return planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0)


@pytest.mark.parametrize("name", [*NETS, *SHIPPED])
def test_floats_equal_onnxruntime(name: str, folder: Path) -> None:
    path = source(name, folder)
    network, peer = load(path if name in NETS else name, threads=2), by_onnxruntime(path)
    for height, width in SIZES:
        image = picture(network.channels, height, width)
        expected = as_image(peer(image))
        got = network(as_image(image))
        assert got.shape == expected.shape
        assert np.abs(got - expected).max() <= 1e-5, (height, width)


@pytest.mark.parametrize("name", [*NETS, "tiny"])
def test_floats_equal_onnx_reference(name: str, folder: Path) -> None:
    path = source(name, folder)
    network, evaluator = load(path if name in NETS else name, threads=1), ReferenceEvaluator(str(path))
    for height, width in [(1, 1), (2, 3), (9, 21)]:
        image = picture(network.channels, height, width)
        (expected,) = evaluator.run(None, {evaluator.input_names[0]: image[None]})
        assert np.abs(network(as_image(image)) - as_image(expected[0])).max() <= 1e-5


@pytest.mark.parametrize("name", [*NETS, *SHIPPED])
@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 10), (np.uint16, 16)])
def test_samples_are_rounded_and_clipped(name: str, dtype: type, bits: int, folder: Path) -> None:
    path = source(name, folder)
    network = load(path if name in NETS else name, threads=2)
    graph, _ = read_network(path)
    max_value = 2**bits - 1
    for height, width in [(1, 1), (3, 2), (37, 53)]:
        image = np.round(picture(network.channels, height, width) * max_value).astype(dtype)
        exact = np.clip(as_image(evaluate(graph, image / max_value)) * max_value, 0, max_value)
        got = network(as_image(image), bits=bits if dtype is np.uint16 else None).astype(np.int64)
        # 16 bits are finer than single precision at full scale: a tie is then as wide as its rounding error.
        tie = np.abs(exact - np.floor(exact) - 0.5) <= max(1e-3, 1e-5 * max_value)
        assert (got == np.floor(exact + 0.5))[~tie].all()
        assert (np.abs(got - exact)[tie] <= 0.5 + max(1e-3, 1e-5 * max_value)).all()
        assert bits == 16 or tie.size < 100 or tie.mean() < 0.05


@pytest.mark.parametrize("name", [*NETS, *SHIPPED])
def test_threads_and_strides_change_nothing(name: str, folder: Path) -> None:
    path = source(name, folder)
    alone = load(path, threads=1)
    for height, width in [(1, 5), (67, 90)]:
        image = as_image(np.round(picture(alone.channels, height, width) * 255).astype(np.uint8))
        expected = alone(image)
        for threads in (2, 3, 5):
            assert (load(path, threads=threads)(image) == expected).all()
        wide = np.zeros((height, width + 11, *image.shape[2:]), np.uint8)
        wide[:, 3 : 3 + width] = image
        frame = np.full((expected.shape[0] + 2, expected.shape[1] + 9, *image.shape[2:]), 77, np.uint8)
        view = frame[1:-1, 4 : 4 + expected.shape[1]]
        assert alone(wide[:, 3 : 3 + width], out=view) is view
        assert (view == expected).all()
        assert (np.delete(frame, np.s_[4 : 4 + expected.shape[1]], axis=1) == 77).all()  # nothing beside it is touched
        assert (frame[[0, -1]] == 77).all()
        assert (alone(np.ascontiguousarray(image[::-1])) == alone(image[::-1])).all()


def test_any_cut_of_bands_is_the_same(folder: Path) -> None:
    network = load(save("residual_concat", folder), threads=1)
    image = np.round(picture(1, 61, 40)[0] * 255).astype(np.uint8)
    expected = network(image)
    bands = network._bands(61)
    for step in (1, 3, 7):
        out = np.zeros_like(expected)
        scratch = np.zeros(network.scratch_bytes(40), np.uint8)
        for first in range(0, bands, step):
            network._entries["u8"](
                image.ctypes.data,
                40,
                0,
                out.ctypes.data,
                80,
                0,
                40,
                61,
                first,
                min(first + step, bands),
                scratch.ctypes.data,
                None,
                0,
                0,
            )
        assert (out == expected).all()


def test_working_memory_is_under_2_mb_a_thread() -> None:
    for name in SHIPPED:
        assert load(name, threads=1).scratch_bytes(640) < 2_000_000


@pytest.mark.parametrize("hint", ["bound", "offsets"])
def test_values_0_to_255_are_found_out(hint: str, tmp_path: Path) -> None:
    """Networks that work on 0..255 and whose file does not say so."""
    b = Build(seed=9)
    up = b.op("Resize", "x", "", b.const([1, 1, 2, 2]), mode="cubic")
    if hint == "bound":
        shifted = b.op("Add", b.op("Sub", up, b.const(114.0)), b.const(114.0))
        out = b.op("Clip", shifted, b.const(0.0), b.const(255.0))
    else:  # |x - 114| + 114 brightens what is dark, in 0..1 it would leave the picture far behind
        out = b.op("Add", b.op("Mul", b.op("Abs", b.op("Sub", up, b.const(114.0))), b.const(0.9)), b.const(114.0))
    model = b.model(out)
    del model.metadata_props[:]
    path = tmp_path / "wide.onnx"
    onnx.save(model, str(path))
    image = np.round(picture(1, 40, 40)[0] * 255).astype(np.uint8)
    expected = np.clip(by_onnxruntime(path)(image[None].astype(np.float32))[0], 0, 255)
    assert np.abs(load(path, threads=1)(image).astype(float) - expected).max() <= 0.501


def test_network_refuses_what_does_not_fit() -> None:
    from pocketsr import UserError

    network: Network = load("tiny", threads=1)
    for image in (np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8), np.zeros((4, 4), np.int32)):
        with pytest.raises(UserError):
            network(image)
    with pytest.raises(UserError, match="writable"):
        network(np.zeros((4, 4), np.uint8), out=np.zeros((8, 9), np.uint8))
    with pytest.raises(UserError, match="bits"):
        network(np.zeros((4, 4), np.uint16), bits=17)
    with pytest.raises(UserError, match="bits"):
        network(np.zeros((4, 4), np.uint16), bits=np.array([10, 10]))  # type: ignore[arg-type]
    for threads in (0, -1, 1025, 1.5, "2"):
        with pytest.raises(UserError, match="threads"):
            load("tiny", threads=threads)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "most_levels"), [("tiny", 0.04), ("small", 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_flat_picture_stays_flat_to_its_corners(name: str, most_levels: float, dtype: type) -> None:
    """Edges are repeated inside the networks; the biases of `tiny` add a few hundredths of a level, none in 8 bits."""
    flat: NDArray[Any] = np.full((31, 47), 180 * (np.iinfo(dtype).max // 255), dtype)
    level = np.iinfo(dtype).max / 255
    assert np.abs(load(name, threads=2)(flat).astype(float) - flat[0, 0]).max() <= most_levels * level


def test_repeated_edges_are_those_of_a_padded_picture(tmp_path: Path) -> None:
    network = load(save("tiny_like", tmp_path), threads=1)  # it pads with zeros
    image = np.round(picture(1, 20, 33)[0] * 255).astype(np.uint8)
    margin = network.edge_halo
    expected = network(np.pad(image, margin, mode="edge"))[2 * margin : -2 * margin, 2 * margin : -2 * margin]
    repeated = repeat_edges(network)
    frame = np.zeros((40, 70), np.uint8)
    assert (repeated(image) == expected).all()
    assert (repeated(image, out=frame[:, 2:68]) == expected).all()
    assert not frame[:, [0, 1, 68, 69]].any()
    assert (repeated(image[:7, :9]) == network(np.pad(image[:7, :9], margin, mode="edge"))[6:-6, 6:-6]).all()


def test_upscalers_of_others_may_call_it_reach(tmp_path: Path) -> None:
    network = load(save("tiny_like", tmp_path), threads=1)
    assert network.reach == network.edge_halo > 0

    class Former:
        scale, channels, reach = network.scale, network.channels, network.reach

        def __call__(self, *args: Any, **more: Any) -> NDArray[Any]:
            return network(*args, **more)

    image = np.round(picture(1, 20, 33)[0] * 255).astype(np.uint8)
    assert (repeat_edges(Former())(image) == repeat_edges(network)(image)).all()
