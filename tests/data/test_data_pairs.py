"""Images become luma pairs, and files fall on one side of a split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pocketsr.data import Pair, load_images, pair_from, split
from pocketsr.errors import UserError
from pocketsr.pixels import imresize


def _noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(16, 236, (height, width), dtype=np.uint8)


def _named(*names: str, side: int = 4) -> list[Pair]:
    return [pair_from(name, np.zeros((side, side), np.uint8)) for name in names]


def test_luma_files_come_as_they_are_cropped_to_even_and_shrunk(tmp_path: Path) -> None:
    luma = _noise(13, 22)
    (tmp_path / "sub").mkdir()
    Image.fromarray(luma).save(tmp_path / "sub" / "b.webp", lossless=True)  # WebP stores it as R = G = B
    Image.fromarray(luma[:8]).save(tmp_path / "a.png")
    first, second = load_images(tmp_path)
    assert (first.name, second.name) == ("a.png", "sub/b.webp")
    np.testing.assert_array_equal(second.hr, luma[:12])
    np.testing.assert_array_equal(second.lr, imresize(luma[:12], 0.5))
    assert first.lr.shape == (4, 11)


def test_colour_becomes_studio_luma(tmp_path: Path) -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[:] = (255, 0, 0)  # 16 + 219 * 0.299 = 81.48
    Image.fromarray(picture).save(tmp_path / "red.png")
    assert load_images(tmp_path)[0].hr.tolist() == [[81, 81], [81, 81]]


def test_grey_photographs_are_converted_when_they_are_said_to_be_rgb_or_show_it(tmp_path: Path) -> None:
    for name, levels in {"full": [0, 255], "luma": [16, 235]}.items():
        Image.fromarray(np.array([levels, levels], np.uint8)).save(tmp_path / f"{name}.png")
    assert [pair.hr[0].tolist() for pair in load_images(tmp_path)] == [[16, 235], [16, 235]]
    assert [pair.hr[0].tolist() for pair in load_images(tmp_path, grey="rgb")] == [[16, 235], [30, 218]]


def test_exclude_takes_patterns_of_paths_names_and_stems(tmp_path: Path) -> None:
    for name in ("a/x.png", "a/y.png", "b/x.png", "b/z.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(_noise(4, 4)).save(tmp_path / name)
    assert [pair.name for pair in load_images(tmp_path, exclude=("a/*", "z"))] == ["b/x.png"]
    assert [pair.name for pair in load_images(tmp_path, exclude=["x.png"])] == ["a/y.png", "b/z.png"]


def test_user_errors_name_the_path_and_the_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere does not exist: name the folder"):
        load_images(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no images .*\.png.*: name a folder that does"):
        load_images(tmp_path)
    Image.fromarray(_noise(4, 4)).save(tmp_path / "good.png")
    with pytest.raises(UserError, match=r"'god' matches none of its images: correct it"):
        load_images(tmp_path, exclude=("god",))
    with pytest.raises(UserError, match=r"leaves none of its 1 images: exclude less"):
        load_images(tmp_path, exclude=("good",))
    with pytest.raises(UserError, match=r"good\.png is a file"):
        load_images(tmp_path / "good.png")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\nbroken", b"text"])
def test_an_unreadable_image_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.png can't be read as an image .*: replace it, or exclude it"):
        load_images(tmp_path)


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    Image.fromarray(_noise(64, 64)).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.png can't be read as an image"):
        load_images(tmp_path)


def test_images_of_one_row_or_of_16_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(_noise(1, 9)).save(tmp_path / "row.png")
    with pytest.raises(UserError, match=r"row\.png is too small \(9x1\)"):
        load_images(tmp_path)
    (tmp_path / "row.png").unlink()
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UserError, match=r"deep\.png has more than 8 bits a sample"):
        load_images(tmp_path)


def test_split_goes_by_the_sum_of_the_names_bytes() -> None:
    # "t" is 116 = 4 * 29: for validation; "a" is 97 and "b" 98: 10 and 11 beyond a multiple of 29
    train, valid = split(_named("a", "t", "b", "t"))
    assert [pair.name for pair in train] == ["a", "b"]
    assert [pair.name for pair in valid] == ["t", "t"]
    assert split(_named("a", "b", "t"))[1][0].name == "t"  # whatever else there is
    # a share of 1/2: even sums, which is "b" and "t"
    assert [pair.name for pair in split(_named("a", "t", "b"), share=0.5)[0]] == ["a"]


def test_split_looks_at_the_file_alone_not_its_folder_nor_the_frame() -> None:
    names = ("t", "deep/er/t", "t#00000", "sub/t#00010 h264 300 kbps 0")
    train, valid = split(_named("a", *names))
    assert [pair.name for pair in valid] == list(names)
    assert [pair.name for pair in train] == ["a"]


def test_split_validates_with_small_pictures_only() -> None:
    small, large = _named("t", side=8), _named("t", side=10)
    train, valid = split([*small, *large], most_pixels=100)  # 64 pixels are fewer than 100, 100 are not
    assert (train, valid) == (large, small)


def test_split_can_keep_to_some_pictures() -> None:
    train, valid = split(_named("good/t", "other/t", "good/a"), only=("good/*",))
    assert [pair.name for pair in valid] == ["good/t"]
    assert [pair.name for pair in train] == ["other/t", "good/a"]


def test_split_refuses_an_empty_side() -> None:
    with pytest.raises(UserError, match=r"none of 2 pictures is left to validate with .*set data\.valid_share"):
        split(_named("a", "b"))
    with pytest.raises(UserError, match="none of 1 pictures is left to train with"):
        split(_named("t"))


def test_the_shared_training_images_split_as_for_the_first_networks(shared_data: Path) -> None:
    names = [path.name for path in (shared_data / "train").rglob("*.webp") if path.parent.name != "clic"]
    train, valid = split(_named(*names))  # those of clic have more than a megapixel, and were all trained on
    assert (len(train), len(valid)) == (562, 19)
    assert not {pair.name for pair in train} & {pair.name for pair in valid}


def test_an_lr_beside_its_hr_is_taken_as_it_is(tmp_path: Path) -> None:
    hr, lr = _noise(12, 20), _noise(6, 10, 1)
    Image.fromarray(hr).save(tmp_path / "page.png")
    Image.fromarray(lr).save(tmp_path / "page.lr.png")
    Image.fromarray(hr).save(tmp_path / "alone.lr.png")  # nothing's LR: a picture as any other
    alone, page = load_images(tmp_path)
    assert (alone.name, page.name) == ("alone.lr.png", "page.png")
    np.testing.assert_array_equal(page.hr, hr)
    np.testing.assert_array_equal(page.lr, lr)
    np.testing.assert_array_equal(alone.lr, imresize(hr, 0.5))


def test_an_lr_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.fromarray(_noise(12, 20)).save(tmp_path / "page.png")
    Image.fromarray(_noise(6, 9)).save(tmp_path / "page.lr.png")
    with pytest.raises(UserError, match=r"page\.lr\.png is 9x6, but 10x6 is what page\.png is at x2"):
        load_images(tmp_path)
