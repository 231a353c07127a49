"""A thousand broken pictures of one seed; `tools/fuzz_pictures.py` makes as many as time allows."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fuzz_pictures import judge, make_case, samples
from PIL import Image

from pocketsr.errors import UserError
from pocketsr.image._decode import decode


@pytest.mark.parametrize("seed", range(4))
def test_broken_pictures_are_done_or_refused_in_words(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)
    every = samples(tmp_path)
    verdicts: Counter[str] = Counter()
    for index in range(250):
        case = make_case(random_, every)
        verdict = judge(case, tmp_path, random_.choice((".png", ".jpg", ".tif", ".webp")))
        assert verdict in ("done", "refused"), (index, case.suffix, case.how)
        verdicts[verdict] += 1
    assert min(verdicts["done"], verdicts["refused"]) > 25  # both happen


@pytest.mark.parametrize("compression", ["group4", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_a_rotten_tiff_is_one_line_and_never_half_a_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str
) -> None:
    """libtiff prints what is wrong, and Pillow goes on with what there is."""
    noise = np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8)
    image = Image.fromarray(noise).convert("1") if compression == "group4" else Image.fromarray(noise)
    image.save(tmp_path / "a.tif", compression=compression)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with Image.open(tmp_path / "a.tif") as whole:
        start, size = whole.tag_v2[273][0], whole.tag_v2[279][0]  # type: ignore[attr-defined]
    half = start + size // 2
    content[half : half + 20] = b"\xff" * 20
    (tmp_path / "a.tif").write_bytes(content)
    if compression == "jpeg":  # which has no checksum: as libjpeg has it
        with contextlib.suppress(UserError):
            decode(tmp_path / "a.tif")
    else:
        with pytest.raises(UserError, match="broken image"):
            decode(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")
