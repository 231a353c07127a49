"""Fit the table of `pocketsr.codec.choose`: `python tools/fit_codec_rule.py ../shared/data [RUNS]`.

Measures training clips (`CLIPS`, which no test uses) as `pocketsr bench codec` does, PSNR alone, and writes
benchmarks/codec_rule.json: the curves, and the table that follows from them. What stands in src/pocketsr/codec/rule.py
is copied from there by hand; a test compares both. RUNS: a folder that keeps what was measured, to go on later.
To be run whenever small-call or the encoders' settings change.

The table: for each codec and each class of softness the lowest rate, over all clips of that softness or more, at which
the smaller size stops being the better one, times `MARGIN`, rounded down to two digits. A clip on which a size is
better at no rate makes that 0.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recording import digests

from pocketsr.bench.codec import Bench
from pocketsr.bench.codec_clip import read_footage
from pocketsr.bench.codec_curve import Point, crossing
from pocketsr.bench.codec_journal import Journal
from pocketsr.bench.codec_paths import NATIVE
from pocketsr.bench.codec_paths import Path as Way
from pocketsr.codec.encoding import Codec
from pocketsr.codec.rule import NETWORK

__all__ = ["CLIPS", "MARGIN", "SOFTNESS_DB", "fit", "record"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "codec_rule.json"
CLIPS = (
    "clips/webcam_walk", "clips/webcam_yes", "clips_call/lp_s13", "clips_call/latentsync_demo1",
    "clips_call/mead_m030", "clips_call/lp_d9", "clips_call/lp_d12", "clips_call/sam2_bedroom",
    "clips_call/sam2_cups", "clips_call/sam2_dog",
)  # fmt: skip
CODECS: tuple[Codec, ...] = ("h264", "vp9", "av1")
RATES_BPP = (0.005, 0.0125, 0.032, 0.08)
FRAMES = 20
SOFTNESS_DB = (24, 28, 32, 36)
MARGIN = 0.8

Curves = Mapping[str, Sequence[Point]]


def limits(curves: Curves) -> tuple[float, float]:
    """Of one clip and codec: the rates up to which 2x is the best of the three, and 1.5x better than native."""
    native, middle, half = (curves[name] for name in (NATIVE, f"1.5x {NETWORK}", f"2x {NETWORK}"))
    two = min(_better_up_to(native, half), _better_up_to(middle, half))
    return two, max(two, _better_up_to(native, middle))


def _better_up_to(anchor: Sequence[Point], tested: Sequence[Point]) -> float:
    """0 where it never is; the highest rate that both have where it always is."""
    rate, beyond = crossing(sorted(anchor), sorted(tested))
    if rate is None:
        return float(beyond.split()[-1]) if beyond and beyond.startswith("above") else 0.0
    return rate


def fit(clips: Mapping[str, Any]) -> dict[str, list[list[float]]]:
    """Softness in dB, and the limits of 2x and 1.5x in bits per pixel, for each codec; none without a clip."""
    table: dict[str, list[list[float]]] = {}
    for codec in CODECS:
        found = [(each["softness_db"], *limits(each["curves"][codec])) for each in clips.values()]
        for softness in SOFTNESS_DB:
            known = [line for line in found if line[0] >= softness]
            if any(line[0] < softness + 4 for line in known):
                lowest = [_floor(MARGIN * min(line[column] for line in known)) for column in (1, 2)]
                table.setdefault(codec, []).append([softness, *lowest])
    return table


def _floor(value: float) -> float:
    """Two digits."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return round(math.floor(value / unit + 1e-9) * unit, 6)


def record(data: Path, runs: Path | None) -> None:
    """Measure and write RESULTS."""
    ways = [Way(NATIVE), Way("1.5x", NETWORK), Way("2x", NETWORK)]
    bench = Bench(ways, CODECS, RATES_BPP, None, Journal(runs), similarity=False)
    clips: dict[str, Any] = {}
    for name in CLIPS:
        footage = read_footage(data / f"{name}.mkv", FRAMES)
        curves: dict[str, dict[str, list[list[float]]]] = {}
        for row in bench.measure(footage):
            curves.setdefault(row.codec, {}).setdefault(row.path, []).append([row.bpp, row.psnr_db])
        clips[name] = footage.about() | {"curves": curves}
        print(name, file=sys.stderr)
    settings = {"codecs": CODECS, "rates_bpp": RATES_BPP, "frames": FRAMES, "margin": MARGIN}
    command = "python tools/fit_codec_rule.py ../shared/data"
    result = {"command": command, "networks": digests([NETWORK]), **settings, "table": fit(clips), "clips": clips}
    RESULTS.write_text(json.dumps(result) + "\n")
    print(json.dumps(result["table"], indent=1))


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        raise SystemExit(__doc__)
    record(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
