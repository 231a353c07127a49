"""A part of a frame has the bits of a whole run, whatever the network, the mask, the size, strips and threads."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from engine_nets import NETS, save
from numpy.typing import NDArray
from partial_runs import Picture, blocks, check_sequence, check_wanted, picture
from quantized_nets import WHOLE, save_whole

from pocketsr import UserError
from pocketsr.engine import Network, load, load_chroma
from pocketsr.engine.runtime.parts import Part, cut, mask_shape

NAMES = [
    "tiny", "small", "bicubic", "small-w8a8", "medium", "whole_w2a2", "steep-tiny", "groups_shuffled", "deconvolution",
    "gated",
    *(pytest.param(name, marks=pytest.mark.slow) for name in (
        "whole_skips", "whole_steep", "steep_many", "residual_concat", "grouped_rgb", "large_then_conv", "seven_x3",
        "five",
    )),
]  # fmt: skip
SIZES = [(1, 1), (5, 31), (37, 65), (42, 160), (18, 97), (64, 33)]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("partial")

    @cache
    def open_network(name: str, threads: int) -> Network:
        path = save(name, folder) if name in NETS else save_whole(name, folder) if name in WHOLE else Path(name)
        return load(path if path.exists() else name, threads)

    return open_network


@pytest.mark.parametrize("name", NAMES)
def test_what_changed_is_computed_to_the_last_bit(name: str, opened: object) -> None:
    rng = np.random.default_rng(len(name))
    for index, (height, width) in enumerate(SIZES):
        network = opened(name, 1 + index % 3)  # type: ignore[operator]
        kind = (np.uint8, np.float32, np.uint16)[index % 3]
        check_sequence(network, rng, height, width, kind)
        check_wanted(network, rng, height, width, kind)


@pytest.mark.parametrize("name", ["large_then_conv", "medium", "small", "small-w8a8", "tiny"])
def test_spans_that_nearly_touch(name: str, opened: object) -> None:
    """Two changed pixels up to 40 columns apart: where a step makes no more than its span, the next has no gap."""
    network, rng = opened(name, 1), np.random.default_rng(6)  # type: ignore[operator]
    for apart in range(1, 41):
        before = rng.random((9, 61), np.float32)
        now = before.copy()
        now[4, [9, 9 + apart]] += 0.25
        out = network(before)
        network(now, out=out, changed=network.changes(before, now))
        np.testing.assert_array_equal(out, network(now), f"{apart} columns apart")


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_chroma_too(siting: str) -> None:
    rng = np.random.default_rng(5)
    for height, width in SIZES:
        check_sequence(load_chroma(2, siting, 2), rng, height, width, np.uint8)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["tiny", "small-w8a8"])
def test_one_pixel_in_each_corner(name: str) -> None:
    network, rng = load(name, 2), np.random.default_rng(3)
    before = picture(rng, (45, 131), np.uint8)
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        now, out = before.copy(), network(before)
        now[corner] ^= 1
        changed = network.changes(before, now)
        assert changed.sum() == 1
        assert changed[corner]
        np.testing.assert_array_equal(network(now, out=out, changed=changed), network(now))


def test_what_is_not_wanted_is_not_computed() -> None:
    """Not only left as it is: blocks that aren't wanted may hold what they will."""
    network = load("small", 1)
    y = picture(np.random.default_rng(1), (120, 200), np.uint8)
    wanted = np.zeros(mask_shape(*y.shape), bool)
    out: Picture = np.full((240, 400), 9, np.uint8)
    assert network(y, out=out, wanted=wanted) is out
    assert (out == 9).all()
    wanted[10:12, 4:7] = True
    inside = blocks(wanted, 2, (240, 400))
    np.testing.assert_array_equal(network(y, out=out, wanted=wanted), np.where(inside, network(y), 9))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_the_blocks_that_differ_are_found(kind: type) -> None:
    rng = np.random.default_rng(2)
    for height, width in ((1, 1), (9, 8), (30, 77)):
        before = picture(rng, (height, 2 * width), kind)[:, :width]  # rows apart
        for _ in range(20):
            now = before.copy()
            now[rng.integers(height), rng.integers(width)] += kind(1)
            wanted = blocks_of(before != now)
            np.testing.assert_array_equal(load("bicubic").changes(before, now), wanted)


def blocks_of(different: NDArray[np.bool_]) -> NDArray[np.bool_]:
    height, width = different.shape
    rows, columns = mask_shape(height, width)
    padded = np.pad(different, ((0, 4 * rows - height), (0, 8 * columns - width)))
    found: NDArray[np.bool_] = np.asarray(padded.reshape(rows, 4, columns, 8).any(axis=(1, 3)))
    return found


def test_strips_share_the_work() -> None:
    work = np.array([0] * 50 + [8] * 10 + [0] * 30)
    for strips in (1, 2, 3, 7):
        cuts = cut(work, 92, strips)
        assert [first for first, _ in cuts] == [0, *(last for _, last in cuts[:-1])]
        assert cuts[-1][1] == 92
        shares = [work[max(0, first - 2) : last - 2].sum() for first, last in cuts]
        assert max(shares) <= 80 / strips + 8


def test_lone_blocks_are_more_work_than_their_number() -> None:
    wanted = np.zeros((60, 40), np.uint8)
    wanted[:30:3, ::4] = 1  # 100 blocks, far from each other
    wanted[30:40, 5:15] = 1  # 100 that touch
    lone, together = (Part(wanted).work()[rows].sum() for rows in (np.s_[:29], np.s_[30:]))
    assert lone > 3 * together
    np.testing.assert_array_equal(Part(wanted, wanted).work(), wanted.sum(1))  # has grown by what depends on a change


def test_masks_that_do_not_fit_are_refused() -> None:
    network = load("tiny")
    y, out = np.zeros((9, 9), np.uint8), np.zeros((18, 18), np.uint8)
    with pytest.raises(UserError, match=r"changed is \(2, 2\) bool; \(3, 2\) bool is expected"):
        network(y, out=out, changed=np.zeros((2, 2), bool))
    with pytest.raises(UserError, match="wanted is a list"):
        network(y, out=out, wanted=[[1]])  # type: ignore[arg-type]
    with pytest.raises(UserError, match="give it as out"):
        network(y, changed=np.zeros((3, 2), bool))
    with pytest.raises(UserError, match="both given"):
        network(y, out=out, changed=np.zeros((3, 2), bool), wanted=np.zeros((3, 2), bool))
    with pytest.raises(UserError, match="two of a kind"):
        network.changes(y, out)
