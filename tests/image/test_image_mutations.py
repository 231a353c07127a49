"""A thousand broken pictures of one seed; `tools/fuzz_pictures.py` makes as many as time allows."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from fuzz_pictures import judge, make_case, samples


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
