"""Data for calls: pieces of clips and pans over photographs through encoders, the same ones from the same seed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from PIL import Image

from pocketsr.data import Pair
from pocketsr.errors import UserError
from pocketsr.pixels import imresize, psnr
from pocketsr.train.degraded import load_degraded
from pocketsr.train.recipe import CodecData, Data

_PHOTOS = ("a.webp", "b.webp", "small.webp")  # of the large ones, a is to train with, b to validate with


def _texture(height: int, width: int, seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).uniform(30, 220, (height // 8 + 1, width // 8 + 1))
    return np.clip(imresize(coarse, 8), 16, 235).astype(np.uint8)[:height, :width]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs that can hold a window of 640x360 and one that can't, and a clip of 23 frames."""
    made = tmp_path_factory.mktemp("degraded")
    (made / "photos").mkdir()
    (made / "clips").mkdir()
    for seed, name in enumerate(_PHOTOS):
        side = (200, 200) if name == "small.webp" else (368, 652)
        Image.fromarray(_texture(*side, seed)).save(made / "photos" / name, lossless=True)
    for name in ("clip.mkv", "held_out.mkv"):
        with av.open(made / "clips" / name, "w") as container:
            stream = container.add_stream("ffv1", rate=Fraction(25))
            stream.height, stream.width, stream.pix_fmt = 144, 192, "yuv420p"
            stream.codec_context.color_range = 1
            for number in range(23):
                luma = _texture(144, 192 + number, 9)[:, number:]
                planes = np.concatenate([luma, np.full((72, 192), 128, np.uint8)])
                frame = VideoFrame.from_ndarray(planes, format="yuv420p")
                frame.color_range = 1
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return made


def _load(folder: Path, pans: int = 5, cache: Path | None = None) -> tuple[list[Pair], list[Pair], list[dict]]:
    codec = CodecData(
        clips=str(folder / "clips"), exclude=("held_out",), panned_clips=pans, frames=11, encodings=2, take_every=5,
        cache=str(cache) if cache else None,
    )  # fmt: skip
    return load_degraded(Data(folder=str(folder / "photos"), valid_share=1 / 2), codec, 0)


@pytest.fixture(scope="module")
def loaded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Pair], list[Pair], list[dict]]:
    return _load(folder, cache=tmp_path_factory.mktemp("cache"))


def test_clips_come_in_pieces_and_photographs_as_pans(loaded: tuple[list[Pair], list[Pair], list[dict]]) -> None:
    train, valid, drawn = loaded
    # 23 frames are two whole pieces of 11; of 11 frames the one behind the first 10 is taken; two drawings each
    assert [record["clip"] for record in drawn[:4]] == ["clip.mkv#0", "clip.mkv#0", "clip.mkv#11", "clip.mkv#11"]
    assert len(drawn) == 2 * (2 + 5)
    assert len(train) + len(valid) == len(drawn)
    assert {record["clip"].partition("#")[0] for record in drawn} <= {"clip.mkv", "a.webp", "b.webp"}
    assert len({(record["codec"], record["bit_rate_kbps"]) for record in drawn}) > 3


def test_pairs_are_what_an_encoder_left_of_the_shrunk_frame(loaded: tuple[list[Pair], list[Pair], list[dict]]) -> None:
    for pair in (*loaded[0], *loaded[1]):
        assert pair.hr.shape == (2 * pair.lr.shape[0], 2 * pair.lr.shape[1])
        assert pair.hr.shape in ((144, 192), (360, 640))
        assert 15 < psnr(pair.lr, imresize(pair.hr, 0.5)) < 60


def test_no_photograph_is_on_both_sides(loaded: tuple[list[Pair], list[Pair], list[dict]]) -> None:
    train, valid, _ = loaded
    assert {pair.file for pair in valid}.isdisjoint(pair.file for pair in train)


def test_the_same_seed_gives_the_same_pairs_and_fewer_pans_leave_the_others(folder: Path) -> None:
    first, again = _load(folder, pans=5), _load(folder, pans=4)
    known = {pair.name: pair for pair in (*first[0], *first[1])}
    for pair in (*again[0], *again[1]):
        np.testing.assert_array_equal(pair.lr, known[pair.name].lr)
        np.testing.assert_array_equal(pair.hr, known[pair.name].hr)


def test_without_large_photographs_the_mend_is_named(folder: Path) -> None:
    codec = CodecData(clips=str(folder / "clips"), panned_clips=1, frames=11)
    with pytest.raises(UserError, match="has 640x360 pixels, as pans need: add larger photographs, or set"):
        load_degraded(Data(folder=str(folder / "photos"), exclude=("a", "b")), codec, 0)
