"""Tiles add up to what the network makes of the whole picture, borders included, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from whole_nets import chain, pooled, saved, strided

from pocketsr.errors import UserError
from pocketsr.fallback import Field, TiledUpscaler
from pocketsr.fallback.session import Session
from pocketsr.fallback.windows import windows

PICTURE = np.random.default_rng(3).integers(0, 256, (102, 118, 3), np.uint8)


class Watched:
    """Passes pictures on and notes their sizes."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.sizes: list[int] = []
        self.name, self.channels, self.scale = session.name, session.channels, session.scale
        self.runtime = session.runtime
        self.max_value, self.size, self.peak_bytes = session.max_value, session.size, session.peak_bytes

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        self.sizes.append(x.shape[2] * x.shape[3])
        return self.session(x)


def _difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("make", [chain, strided])
def test_tiles_equal_the_whole(tmp_path: Path, make: Callable[[], onnx.ModelProto]) -> None:
    session = Session(saved(make(), tmp_path / "net.onnx"), threads=1)
    whole = TiledUpscaler(session, session.field())(PICTURE)
    watched = Watched(session)
    tile_bytes = session.peak_bytes(64, 64) * 50**2 // 64**2  # enough for 50 x 50 pixels of 102 x 118
    tiled = TiledUpscaler(watched, session.field(), tile_bytes=tile_bytes)(PICTURE)
    assert len(watched.sizes) >= 6
    assert max(watched.sizes) <= 50**2
    assert _difference(tiled, whole) <= 1
    assert whole.std() > 20  # there is something to differ


def test_tiles_that_overlap_too_little_would_differ(tmp_path: Path) -> None:
    """What the halo is for: with a smaller one the test above fails."""
    session = Session(saved(strided(), tmp_path / "net.onnx"), threads=1)
    whole = TiledUpscaler(session, session.field())(PICTURE)
    tile_bytes = session.peak_bytes(64, 64) * 50**2 // 64**2
    assert _difference(TiledUpscaler(session, Field(halo=1, grid=2), tile_bytes=tile_bytes)(PICTURE), whole) > 1


def test_samples_of_16_and_10_bits(tmp_path: Path) -> None:
    session = Session(saved(chain(), tmp_path / "net.onnx"), threads=1)
    net = TiledUpscaler(session, session.field())
    eight = net(PICTURE)
    deep = net(PICTURE.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - eight).max() <= 0.51
    ten = net(PICTURE.astype(np.uint16) * 4, bits=10)  # 1020 of 1023 where 255 was: 0.3 per cent darker
    assert ten.max() <= 1023
    assert np.abs(ten / 1023 - eight / 255).max() < 0.01
    out = np.empty_like(eight)
    assert net(PICTURE, out=out) is out
    assert np.array_equal(out, eight)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    session = Session(saved(chain(), tmp_path / "net.onnx"), threads=1)
    net = TiledUpscaler(session, session.field())
    with pytest.raises(UserError, match=r"shape \(102, 118\); \(H, W, 3\) is expected by net"):
        net(PICTURE[..., 0])
    with pytest.raises(UserError, match="float64"):
        net(PICTURE.astype(float))
    with pytest.raises(UserError, match="out is"):
        net(PICTURE, out=np.empty((2, 2, 3), np.uint8))


def test_a_network_that_sees_everything_is_run_whole_or_refused(tmp_path: Path) -> None:
    session = Session(saved(pooled(), tmp_path / "pooled.onnx"), threads=1)
    watched = Watched(session)
    net = TiledUpscaler(watched, session.field(), tile_bytes=1)
    assert net.edge_halo == 0  # no rim is repeated around it: it would count in the means
    net(PICTURE)
    assert watched.sizes == [102 * 118]
    need = session.peak_bytes(102, 118)
    small = TiledUpscaler(session, None, whole_bytes=need // 4)
    with pytest.raises(UserError, match="118x102 would take about") as refusal:
        small(PICTURE)
    # A quarter of the memory holds a quarter of the pixels: half the width and height.
    assert "up to about 5" in str(refusal.value)
    assert TiledUpscaler(session, None, whole_bytes=need + need // 50)(PICTURE).shape == (204, 236, 3)


def test_memory_that_grows_with_the_square_of_the_pixels() -> None:
    class Attention:
        name, runtime, channels, scale, max_value, size = "net", "none", 1, 2, 1.0, None

        def peak_bytes(self, height: int, width: int) -> int:
            return 100 * height * width + 4 * (height * width) ** 2

        def __call__(self, _: NDArray[np.float32]) -> NDArray[np.float32]:
            raise AssertionError("this should be refused")

    # 200 x 200 pixels: 100 * 40,000 + 4 * 40,000^2 bytes = 6,404,000,000 bytes = 5.96 GB
    with pytest.raises(UserError, match=r"about 6\.0 GB of memory, more than 4\.0"):
        TiledUpscaler(Attention(), None)(np.zeros((200, 200), np.uint8))


def test_windows_by_hand() -> None:
    # Windows of 12 pixels with a halo of 2 advance by 12 - 2 * 2 = 8; the last one ends at 30.
    found = [(at.start, at.stop, at.first, at.last) for at in windows(30, size=12, halo=2, grid=2)]
    assert found == [(0, 12, 0, 10), (8, 20, 10, 18), (16, 28, 18, 20), (18, 30, 20, 30)]
    assert [(at.start, at.stop) for at in windows(10, size=12, halo=2, grid=2)] == [(0, 10)]


@pytest.mark.parametrize(("length", "size", "halo", "grid"), [(101, 32, 5, 4), (77, 48, 7, 16), (33, 32, 0, 16)])
def test_windows_leave_nothing_out(length: int, size: int, halo: int, grid: int) -> None:
    found = windows(length, size, halo, grid)
    assert [pixel for at in found for pixel in range(at.first, at.last)] == list(range(length))
    for at in found:
        assert at.start % grid == 0
        assert at.stop - at.start <= size
        assert at.start == 0 or at.first - at.start >= halo
        assert at.stop == length or (at.stop - at.last >= halo and at.stop % grid == 0)


def test_a_network_of_one_size_is_tiled_in_that_size(tmp_path: Path) -> None:
    """36 x 40: rows start at 0 and 24, columns at 0, 24, ...: 102 - 36 and 118 - 40 are even, so the last ones fit."""
    picture = PICTURE
    free = Session(saved(strided(), tmp_path / "free.onnx"), threads=1)
    whole = TiledUpscaler(free, free.field())(picture)
    session = Session(saved(strided((36, 40)), tmp_path / "fixed.onnx"), threads=1)
    net = TiledUpscaler(session, session.field())
    assert _difference(net(picture), whole) <= 1
    with pytest.raises(UserError, match="accepts pictures of 40x36 only, and this one is 118x99"):
        net(picture[:99])  # 99 - 36 is odd
    with pytest.raises(UserError, match="export it with dynamic height and width"):
        net(picture[:30])
