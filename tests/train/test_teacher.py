"""Teachers: shipped networks, ONNX files and checkpoints, whose pictures are made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pocketsr.data import Pair, pair_from
from pocketsr.errors import UserError
from pocketsr.nets import build, to_onnx
from pocketsr.pixels import imresize, psnr, rgb_to_luma
from pocketsr.train import Recipe
from pocketsr.train.checkpoint import save_checkpoint
from pocketsr.train.teacher import blend, load_teacher, make_teacher_pairs, teacher_name

CPU = torch.device("cpu")


def _pair(seed: int) -> Pair:
    coarse = np.random.default_rng(seed).uniform(30, 220, (6, 8))
    return pair_from(f"{seed}", np.clip(imresize(coarse, 4), 0, 255).astype(np.uint8))


def _floats(plane: np.ndarray) -> Tensor:
    return torch.from_numpy(plane)[None, None].to(torch.float32) / 255


def test_a_shipped_network_teaches() -> None:
    pair = _pair(0)
    sr = load_teacher("bicubic", CPU).enlarge(_floats(pair.lr))
    expected = imresize(pair.lr.astype(np.float64), 2)  # another rule at the rim, which is left out
    error = np.abs((sr[0, 0] * 255).numpy() - expected.clip(0, 255))[4:-4, 4:-4]
    assert error.max() < 0.501  # whole levels


def test_a_checkpoint_and_its_onnx_file_teach_the_same(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    made = recipe()
    torch.manual_seed(1)
    net = build(made.net.name, **made.net.config)
    save_checkpoint({"ema": net.state_dict(), "recipe": msgspec.to_builtins(made)}, tmp_path / "best.pt")
    to_onnx(net, tmp_path / "best.onnx")
    lr = torch.cat([_floats(_pair(seed).lr) for seed in (0, 1)])
    exact = load_teacher(str(tmp_path / "best.pt"), CPU)
    rounded = load_teacher(str(tmp_path / "best.onnx"), CPU).enlarge(lr)
    assert torch.equal(exact.enlarge(lr), net(lr))
    # the engine gives whole levels: at most half of one away, and a float's worth
    assert (exact.enlarge(lr).clamp(0, 1) - rounded).abs().max() < 0.501 / 255
    for ours, its in zip(exact.features(lr), net.features(lr), strict=True):
        assert torch.equal(ours, its)


def test_published_weights_of_an_rgb_network_teach_luma(shared_data: Path) -> None:
    with Image.open(shared_data / "test" / "Set5" / "butterfly.webp") as image:
        pair = pair_from("butterfly", np.rint(rgb_to_luma(np.asarray(image.convert("RGB")))).astype(np.uint8))
    weights = str(shared_data / "weights" / "ecbsr_m4c16_x2.safetensors")
    figures = []
    for teacher in (load_teacher("bicubic", CPU), load_teacher("ecbsr-m4c16", CPU, weights=weights)):
        figures.append(psnr((teacher.enlarge(_floats(pair.lr))[0, 0] * 255).numpy(), pair.hr.astype(np.float32)))
    assert figures[1] > figures[0] + 3  # another range for black and white, or no grey, and it would know less


def test_what_can_not_teach(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"can't read weights .*none"):
        load_teacher("ecbsr-m4c16", CPU, weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(UserError, match="unknown model 'grand'"):
        load_teacher("grand", CPU)
    with pytest.raises(UserError, match="no such checkpoint"):
        load_teacher(str(tmp_path / "none.pt"), CPU)


class _Counting:
    """Gives HR of one level, and counts how often it is asked."""

    asked = 0

    def enlarge(self, lr: Tensor) -> Tensor:
        self.asked += 1
        return torch.full((1, 1, 2 * lr.shape[2], 2 * lr.shape[3]), 1.2)

    def features(self, lr: Tensor) -> list[Tensor]:
        raise AssertionError(f"pictures alone are asked for, not features of {lr.shape}")


def test_pictures_are_made_once_for_these_images_and_this_teacher(tmp_path: Path) -> None:
    pairs, store, teacher = [_pair(0), _pair(1)], tmp_path / "kept" / "teacher", _Counting()
    made = make_teacher_pairs(teacher, pairs, store, "one")
    assert teacher.asked == 2
    again = make_teacher_pairs(teacher, pairs, store, "one")
    assert teacher.asked == 2
    for pair, first, second in zip(pairs, made, again, strict=True):
        assert first.lr is pair.lr
        assert first.hr.shape == pair.hr.shape
        assert (first.hr == 255).all()  # 1.2 is clipped
        np.testing.assert_array_equal(first.hr, second.hr)
    make_teacher_pairs(teacher, pairs, store, "another")
    assert teacher.asked == 4
    make_teacher_pairs(teacher, [*pairs[::-1], _pair(2)], store, "another")
    assert teacher.asked == 5  # those that are there are found, in whatever order


def test_a_share_of_the_teachers_picture_stands_for_as_much_of_hr() -> None:
    pair = _pair(0)
    taught = replace(pair, hr=np.full_like(pair.hr, 200))
    (quarter,) = blend([pair], [taught], 0.25)
    assert quarter.lr is pair.lr
    np.testing.assert_array_equal(quarter.hr, np.rint(0.75 * pair.hr + 50))
    np.testing.assert_array_equal(blend([pair], [taught], 1)[0].hr, taught.hr)


def test_a_teacher_is_told_by_what_its_file_holds(tmp_path: Path) -> None:
    for name, content in {"a.pt": b"1", "b.pt": b"1", "c.pt": b"2"}.items():
        (tmp_path / name).write_bytes(content)
    a, b, c = (teacher_name(str(tmp_path / f"{name}.pt"), None) for name in "abc")
    assert a == b != c
    assert teacher_name("small-w8a8", None) == teacher_name("fast", None) != teacher_name("tiny", None)
    assert teacher_name("imdn", str(tmp_path / "a.pt")) != teacher_name("pan", str(tmp_path / "a.pt"))
