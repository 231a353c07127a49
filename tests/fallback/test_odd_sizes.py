"""Networks that take only sizes that are multiples of a number, on pictures of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from whole_nets import Nodes, pooled, saved, strided

from pocketsr.errors import UserError
from pocketsr.fallback import TiledUpscaler, open_file
from pocketsr.fallback.bounds import refuse_excess
from pocketsr.fallback.session import Session


def unshuffled(block: int) -> Nodes:
    """Pixels to channels and back, as Real-ESRGAN's and the camera networks' first layer has it."""
    n = Nodes()
    y = n.op("SpaceToDepth", "x", blocksize=block)
    y = n.op("Relu", n.conv(y, 3 * block**2, 12))
    y = n.op("DepthToSpace", n.conv(y, 12, 12 * block**2), blocksize=2 * block, mode="CRD")
    n.result = n.op("Add", n.op("Mul", y, n.const(0.3)), n.const(0.5))  # type: ignore[attr-defined]
    return n


@pytest.mark.parametrize("multiple", [2, 3, 4])
@pytest.mark.parametrize("size", [(37, 31), (1, 1), (36, 30), (5, 48)])
def test_a_picture_of_any_size_is_filled_up_and_cut(multiple: int, size: tuple[int, int], tmp_path: Path) -> None:
    n = unshuffled(multiple)
    path = saved(n.model(n.result), tmp_path / "net.onnx")  # type: ignore[attr-defined]
    net, note = open_file(path, threads=1)
    assert isinstance(net, TiledUpscaler)
    assert note is not None
    session = Session(path, 1)
    assert (session.multiple, session.scale) == (multiple, 2)
    y = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    below, right = -size[0] % multiple, -size[1] % multiple
    whole = np.pad(y, ((0, below), (0, right), (0, 0)), mode="edge")
    x = (whole.transpose(2, 0, 1)[None] * np.float32(1 / 255)).astype(np.float32)
    expected = np.clip(np.floor(session(x)[0].transpose(1, 2, 0) * 255 + 0.5), 0, 255)[: 2 * size[0], : 2 * size[1]]
    got = net(y)
    assert got.shape == (2 * size[0], 2 * size[1], 3)
    assert (np.abs(got - expected) <= (got != expected) * 1).all()
    assert (got != expected).mean() < 0.01  # ties


def test_an_odd_picture_is_cut_in_tiles_too(tmp_path: Path) -> None:
    n = unshuffled(4)
    path = saved(n.model(n.result), tmp_path / "net.onnx")  # type: ignore[attr-defined]
    session = Session(path, 1)
    field = session.field()
    assert field is not None
    assert field.grid == 4
    y = np.random.default_rng(1).integers(0, 65536, (101, 99, 3), np.uint16)
    tiles = TiledUpscaler(session, field, tile_bytes=session.peak_bytes(64, 64))
    assert np.abs(tiles(y).astype(int) - TiledUpscaler(session, field)(y)).max() <= 1


def test_networks_that_take_any_size_get_it(tmp_path: Path) -> None:
    assert Session(saved(pooled(), tmp_path / "pooled.onnx"), 1).multiple == 1
    strides = Session(saved(strided(), tmp_path / "strided.onnx"), 1)
    assert strides.multiple == 2
    y = np.full((7, 9, 3), 90, np.uint8)
    assert TiledUpscaler(strides, strides.field())(y).shape == (14, 18, 3)


@pytest.mark.parametrize("size", [(2**30, 2**30), (2**31, 1), (8192, 8192)])
def test_a_fixed_size_beyond_all_pictures_is_refused(size: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"up to 3840x2160 are supported|too much"):
        Session(saved(strided(size), tmp_path / "net.onnx"), 1)


def test_a_fixed_size_of_a_film_is_none_too_large() -> None:
    n = Nodes(channels=1)
    wide = n.op("Relu", n.conv("x", 1, 64, k=1))  # 133 million numbers, which nothing has to make here
    model = n.model(n.op("DepthToSpace", n.conv(wide, 64, 4, k=1), blocksize=2), (1080, 1920))
    refuse_excess("net.onnx", model)
