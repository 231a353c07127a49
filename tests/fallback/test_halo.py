"""How far a graph looks: by hand, and by changing single pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from whole_nets import Nodes, chain, pooled, saved, strided

from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.fallback import Field
from pocketsr.fallback.halo import field_of
from pocketsr.fallback.session import Session


def test_three_convolutions_reach_three_pixels() -> None:
    assert field_of(chain()) == Field(halo=3, grid=1, zero_padded=True)


def test_strides_set_the_grid() -> None:
    # The last 3x3 looks at 1 pixel. The deconvolution (4 wide, stride 2, pad 1) makes pixel i from the halves
    # (i - 2) / 2 .. (i + 1) / 2; the 3x3 there adds a half to each side, -2 .. +1.5 halves; the first convolution makes
    # half j from pixels 2j - 1 .. 2j + 2. Low: -1 -2 -2 -1 = -6; high: 1 + 1 + 2 + 2 = 6, so at most 6 to each side.
    assert field_of(strided()) == Field(halo=6, grid=2, zero_padded=True)


def test_means_of_the_picture_have_no_halo() -> None:
    assert field_of(pooled()) is None


def _padded(mode: str) -> onnx.ModelProto:
    n = Nodes()
    y = n.op("Pad", "x", n.const([0, 0, 2, 2, 0, 0, 2, 2], np.int64), mode=mode)
    y = n.conv(y, 3, 12, k=5, pads=[0] * 4)
    return n.model(n.op("DepthToSpace", y, blocksize=2))


def test_padding_of_its_own_is_no_black() -> None:
    assert field_of(_padded("edge")) == Field(halo=2, grid=1, zero_padded=False)
    assert field_of(_padded("constant")) == Field(halo=2, grid=1, zero_padded=True)


def test_black_put_onto_a_cropped_picture_is_not_cut() -> None:
    """The black columns stand where the picture has pixels: a tile would put them inside."""
    n = Nodes()
    y = n.op("Slice", "x", *(n.const(each, np.int64) for each in ([1, 1], [-1, -1], [2, 3])))
    y = n.conv(y, 3, 12, k=3, pads=[2] * 4)
    assert field_of(n.model(n.op("DepthToSpace", y, blocksize=2))) is None


def test_enlargement_by_a_factor_has_a_halo_and_to_a_size_has_none() -> None:
    n = Nodes()
    y = n.op("Resize", "x", "", n.const([1, 1, 2, 2]), mode="cubic")
    field = field_of(n.model(y))
    assert field is not None
    assert 2 <= field.halo <= 3  # Keys' cubic looks at 2; the bound may be 1 more
    n = Nodes()
    y = n.op("Resize", "x", "", n.const([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="align_corners")
    assert field_of(n.model(y)) is None


@pytest.mark.parametrize("make", [chain, strided])
def test_farther_pixels_change_nothing(tmp_path: Path, make: object) -> None:
    session = Session(saved(make(), tmp_path / "net.onnx"), threads=1)  # type: ignore[operator]
    field = session.field()
    assert field is not None
    x = np.random.default_rng(1).uniform(0, 1, (1, 3, 40, 40)).astype(np.float32)
    before, changed = session(x), set()
    for at in range(18, 18 + field.grid):
        y = x.copy()
        y[..., at] += 1
        columns = np.nonzero(np.abs(session(y) - before).max(axis=(0, 1, 2)) > 1e-6)[0]
        changed |= {int(column) // 2 - at for column in columns}
    assert max(abs(distance) for distance in changed) <= field.halo
    assert max(abs(distance) for distance in changed) >= field.halo - 1  # and the bound isn't idle


@pytest.mark.parametrize("kind", [curve.onnx for curve in CURVES.values()])
def test_every_curve_of_the_table_can_be_tiled(kind: str) -> None:
    n = Nodes()
    y = n.conv(n.op(kind, n.conv("x", 3, 3, k=3)), 3, 12, k=3)
    model = n.model(n.op("DepthToSpace", y, blocksize=2), opset=18)  # the first that has Mish
    assert field_of(model) == Field(halo=2, grid=1, zero_padded=True)
