"""`bench codec` that goes on with other rates shows a still of each path, and keeps the figures that it had."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pocketsr.bench.codec import Bench, Row
from pocketsr.bench.codec_clip import Footage
from pocketsr.bench.codec_journal import Journal
from pocketsr.bench.codec_paths import NATIVE
from pocketsr.bench.codec_paths import Path as Way


def test_a_rate_that_was_not_the_one_shown_gets_its_still(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    still = np.full((96, 64), 128, np.uint8)
    still[:64] = rng.integers(40, 200, (64, 64))
    footage = Footage("noise", "0" * 64, 30.0, tuple(np.roll(still, 2 * number, axis=1) for number in range(4)))

    def run(*rates: float) -> tuple[list[Row], Bench]:
        bench = Bench([Way(NATIVE)], ["h264"], rates, None, Journal(tmp_path), similarity=False)
        return list(bench.measure(footage)), bench

    first, bench = run(0.016, 0.5)
    assert [each.figures["bpp"] for each in bench.stills] == [first[0].bpp]
    again, bench = run(0.5, 2.0)
    assert again[0] == first[1]
    assert [each.figures["bpp"] for each in bench.stills] == [first[1].bpp]
    lines = (tmp_path / "measured.jsonl").read_text().splitlines()
    more, bench = run(0.5, 2.0)
    assert (more, len(bench.stills)) == (again, 1)
    assert (tmp_path / "measured.jsonl").read_text().splitlines() == lines
