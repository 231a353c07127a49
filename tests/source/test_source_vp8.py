"""The quantizer of a lossy WebP file: read from bytes that anybody may have written, and what it tells."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from source_pictures import PHOTOS, photo

from pocketsr.image.looking import look_at_image
from pocketsr.pixels import rgb_to_luma
from pocketsr.pixels.strength import strength_between
from pocketsr.source.quantizer import step_of_qp
from pocketsr.source.strength import model_of
from pocketsr.source.vp8 import VP8_STEPS, vp8_quantizer


def webp(rgb: np.ndarray, quality: int, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "WEBP", quality=quality, **options)
    return file.getvalue()


def frame_of(data: bytes) -> bytes:
    return data[data.index(b"VP8 ") + 8 :]


def picture(seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((128, 96), Image.Resampling.BICUBIC))


def test_it_falls_with_quality() -> None:
    found = [vp8_quantizer(frame_of(webp(picture(), quality))) for quality in (0, 25, 50, 75, 90, 100)]
    assert found[0] == 127
    assert found[-1] == 0
    assert all(a is not None and b is not None and a > b for a, b in pairwise(found))


def test_steps_are_the_standards() -> None:
    assert len(VP8_STEPS) == 128
    assert (VP8_STEPS[0], VP8_STEPS[54], VP8_STEPS[55], VP8_STEPS[127]) == (4, 58, 60, 284)
    assert step_of_qp("webp", 0) == 2.0
    assert step_of_qp("webp", 0.5) == 2.25
    assert step_of_qp("webp", 500) == 142.0


def test_segments_change_it_little() -> None:
    """libwebp's segments lie around the quantizer of a file that has none."""
    one, four = (vp8_quantizer(frame_of(webp(picture(1), 60, method=method))) for method in (0, 4))
    assert one is not None
    assert four is not None
    assert abs(one - four) < 12


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 9, b"\0" * 64, b"\xff" * 64, b"\x10\0\0\x9d\x01", b"\x11\0\0\x9d\x01\x2a" + bytes(60)]
)
def test_what_is_no_key_frame(data: bytes) -> None:
    assert vp8_quantizer(data) is None


def test_any_bytes_give_a_quantizer_or_none() -> None:
    rng = np.random.default_rng(0)
    start = frame_of(webp(picture(), 75))[:10]
    for length in (1, 2, 30, 64, 500):
        for _ in range(40):
            found = vp8_quantizer(start + rng.bytes(length))
            assert found is not None
            assert 0 <= found <= 127
    whole = frame_of(webp(picture(), 75))
    for end in range(len(start) + 1, 60):
        found = vp8_quantizer(whole[:end])
        assert found is not None
        assert 0 <= found <= 127


def test_files_tell_it(tmp_path: Path) -> None:
    rgb = picture()
    alpha = np.dstack([rgb, np.full(rgb.shape[:2], 200, np.uint8)])  # its picture lies behind other chunks
    for name, data, model in (
        ("plain", webp(rgb, 70), "webp qp"),
        ("alpha", webp(alpha, 70), "webp qp"),
        ("lossless", webp(rgb, 70, lossless=True), "was jpeg"),
    ):
        (tmp_path / f"{name}.webp").write_bytes(data)
        seen = look_at_image(tmp_path / f"{name}.webp")
        assert model_of(seen.hints) == model
        assert (seen.hints.qp is None) == (name == "lossless")


@pytest.mark.parametrize("quality", [40, 60, 75, 85, 92, 98])
def test_strength_of_webp(quality: int, tmp_path: Path) -> None:
    """Without the quantizer, qualities 50 and 92 looked alike."""
    wrong = []
    for name in PHOTOS:
        file = tmp_path / f"{name}.webp"
        file.write_bytes(webp(photo(name), quality))
        with Image.open(file) as image:
            planes = [
                np.rint(rgb_to_luma(rgb)).astype(np.uint8) for rgb in (photo(name), np.asarray(image.convert("RGB")))
            ]
        wrong.append(abs(look_at_image(file).strength - strength_between(*planes)))
    assert np.mean(wrong) < 0.05
    assert max(wrong) < 0.12
