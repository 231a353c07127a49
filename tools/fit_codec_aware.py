"""Measure which enlargement suits decoded video of each coarseness: `python tools/fit_codec_aware.py ../shared/data`.

Training clips (those of tools/fit_codec_rule.py, which no test uses) are halved, coded as calls set encoders at several
rates, decoded, and enlarged by bicubic and by networks that are told the strength that is estimated. Writes
benchmarks/codec_aware.json: for each clip, codec and rate the bits per coded pixel, the strength and PSNR of luma; and
from which strength on bicubic is the better one on the mean of all clips, which `pocketsr.source.stretches` holds (a
test compares both). To be run whenever small-call or the estimate of strengths changes.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fit_codec_rule import CLIPS
from recording import digests

from pocketsr.bench.codec import coded, setting_for
from pocketsr.bench.codec_clip import luma, read_footage, shrunk
from pocketsr.codec.encoding import Codec
from pocketsr.engine import Plane, Upscaler, load, repeat_edges, takes_strength, upscaled
from pocketsr.frames.looking import Following
from pocketsr.pixels import psnr
from pocketsr.source import Hints

__all__ = ["NETWORKS", "plain_from", "record"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "codec_aware.json"
CODECS: tuple[Codec, ...] = ("h264", "vp9", "av1")
RATES_BPP = (0.004, 0.008, 0.016, 0.032, 0.064)
FRAMES, EVERY = 16, 5
NETWORKS = ("bicubic", "small", "small-call")
_SHAVED = (slice(2, -2), slice(2, -2))
STEP = 0.05
LEAST_DB = 0.01
"""What a network must gain over bicubic to be worth its time."""


def plain_from(rows: Sequence[dict[str, Any]]) -> float:
    """From which strength on, in steps of `STEP`, bicubic is as good within `LEAST_DB`, on the mean; 1.05: none."""
    edges = [round(STEP * number, 2) for number in range(round(1 / STEP) + 1)]
    for edge in edges:
        gains = [row["psnr_db"]["small-call"] - row["psnr_db"]["bicubic"] for row in rows if row["strength"] >= edge]
        if gains and statistics.fmean(gains) <= LEAST_DB:
            return edge
    return 1.05


def _db(net: Upscaler, decoded: Plane, strength: float, hr: Plane) -> float:
    made = upscaled(net, decoded, strength=strength if takes_strength(net) else None)
    return psnr(np.asarray(made)[_SHAVED], hr[_SHAVED])


def record(data: Path) -> None:
    """Measure and write RESULTS."""
    nets = {name: repeat_edges(load(name, threads=1)) for name in NETWORKS}
    rows: list[dict[str, Any]] = []
    for name in CLIPS:
        footage = read_footage(data / f"{name}.mkv", FRAMES)
        small = [shrunk(picture, 2) for picture in footage.pictures]
        originals = [luma(picture) for picture in footage.pictures]
        for codec in CODECS:
            for rate in RATES_BPP:
                sent = coded(small, setting_for(footage, codec, rate))
                bits = 8 * sum(packet.size for packet in sent.packets) / sum(frame.size for frame in sent.decoded)
                following = Following(Hints(codec, moving=True, lossless=False, bits_per_pixel=bits))
                told = [following.of_luma(frame) for frame in sent.decoded]
                looked = list(zip(sent.decoded, told, originals, strict=True))[::EVERY]
                found = {
                    key: statistics.fmean(_db(net, *each) for each in looked) for key, net in nets.items()
                }  # fmt: skip
                rows.append({
                    "clip": footage.name, "codec": codec, "bits_per_coded_pixel": round(bits, 5),
                    "strength": round(statistics.fmean(told), 3),
                    "psnr_db": {key: round(value, 3) for key, value in found.items()},
                })  # fmt: skip
        print(name, file=sys.stderr)
    result = {
        "command": "python tools/fit_codec_aware.py ../shared/data", "networks": digests(NETWORKS), "codecs": CODECS,
        "rates_bpp": RATES_BPP, "frames": FRAMES, "every": EVERY, "plain_from": plain_from(rows),
    }  # fmt: skip
    lines = ",\n".join(json.dumps(row) for row in rows)
    RESULTS.write_text(f'{json.dumps(result)[:-1]},\n"rows": [\n{lines}\n]}}\n')
    print(result["plain_from"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    record(Path(sys.argv[1]))
