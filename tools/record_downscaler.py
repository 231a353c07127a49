"""Whether a filter trained for the sender saves bits: `python tools/record_downscaler.py ../shared/data RUNS`.

Luma is halved by a separable filter of 8 taps, symmetric and of sum 1, in place of antialiased bicubic, then coded in
low delay and enlarged by small-call as `pocketsr bench codec` does. Three directions away from bicubic are tried both
ways on training clips (H.264), by their real encoders: a gradient through the network would not see that sharper
pictures take more bits. Those that saved `WORTH` on the mean are taken together and measured on test clips. Writes
benchmarks/downscaler.json; RUNS keeps what was measured.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import bjontegaard
import numpy as np
from numpy.typing import NDArray
from record_codec import CLIPS as TEST_CLIPS
from recording import digests

from pocketsr.bench.codec import coded, setting_for
from pocketsr.bench.codec_clip import Footage, luma, read_footage
from pocketsr.bench.codec_curve import METHOD, Point
from pocketsr.bench.codec_paths import Enlarger
from pocketsr.bench.codec_paths import Path as Way
from pocketsr.codec.encoding import Codec
from pocketsr.pixels import psnr
from pocketsr.pixels.resize import resized
from pocketsr.source import Hints

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "downscaler.json"
MODEL = "small-call"
BICUBIC = (0.43359375, 0.11328125, -0.03515625, -0.01171875)
"""Half of the taps, from the middle on: MATLAB's `imresize` at 1/2."""
DIRECTIONS = {"sharper": (0.03, -0.03, 0, 0), "wider lobe": (0, 0.02, -0.02, 0), "outer lobe": (0, 0, 0.012, -0.012)}
WORTH = 0.2  # percent of bits
TRAINING = ("lp_s13", "mead_m030", "lp_d12", "sam2_bedroom", "sam2_cups", "vretalk_face4", "sam2_dog")
TRAINING_RATES, TRAINING_FRAMES = (0.008, 0.016, 0.032), 16
TEST_CODECS: tuple[Codec, ...] = ("h264", "vp9", "av1")
TEST_RATES, TEST_FRAMES = (0.008, 0.016, 0.032, 0.064), 24
_SHAVED = (slice(2, -2), slice(2, -2))

Taps = tuple[float, ...]


def halved(plane: NDArray[np.uint8], half: Taps) -> NDArray[np.uint8]:
    """By these taps and their mirror image along both axes; edges mirrored, rounded once."""
    taps = np.array([*half[::-1], *half], np.float32)

    def down(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        reach = len(taps) // 2 - 1
        padded = np.pad(rows, ((reach, reach), (0, 0)), mode="symmetric")
        count = len(rows) // 2
        made = np.zeros((count, rows.shape[1]), np.float32)
        for number, tap in enumerate(taps):
            made += tap * padded[number : number + 2 * count : 2]
        return made

    return np.asarray(np.clip(np.floor(down(down(plane.astype(np.float32)).T).T + 0.5), 0, 255), np.uint8)


def bits_saved(anchor: Sequence[Point], tested: Sequence[Point]) -> float:
    """BD-rate in percent."""
    columns = [np.array(column) for curve in (anchor, tested) for column in zip(*curve, strict=True)]
    return float(bjontegaard.bd_rate(*columns, method=METHOD, require_matching_points=False, min_overlap=0))


class Measuring:
    """Curves of clips, each point once: `path` keeps them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self._known: dict[str, Point] = {key: (bpp, db) for key, bpp, db in map(json.loads, lines)}

    def curve(self, footage: Footage, codec: Codec, rates: Sequence[float], half: Taps) -> list[Point]:
        """Bits per full-size pixel and PSNR of luma, for each rate."""
        keys = [json.dumps([footage.name, len(footage.pictures), codec, rate, *half]) for rate in rates]
        if any(key not in self._known for key in keys):
            pictures = list(_shrunk(footage, half))
            for key, rate in zip(keys, rates, strict=True):
                if key not in self._known:
                    self._known[key] = found = _point(footage, pictures, codec, rate)
                    with self._path.open("a") as file:
                        file.write(json.dumps([key, *found]) + "\n")
        return [self._known[key] for key in keys]


def _shrunk(footage: Footage, half: Taps) -> Iterator[NDArray[np.uint8]]:
    width, height = footage.size
    for picture in footage.pictures:
        chroma = [
            resized(plane, width // 4, height // 4) for plane in picture[height:].reshape(2, height // 2, width // 2)
        ]
        flat = np.concatenate([plane.ravel() for plane in (halved(luma(picture), half), *chroma)])
        yield flat.reshape(-1, width // 2)


def _point(footage: Footage, pictures: Sequence[NDArray[np.uint8]], codec: Codec, rate: float) -> Point:
    sent = coded(pictures, setting_for(footage, codec, rate))
    bits, pixels = 8 * sum(packet.size for packet in sent.packets), sum(frame.size for frame in sent.decoded)
    height, width = sent.decoded[0].shape
    hints = Hints(codec, moving=True, lossless=False, bits_per_pixel=bits / pixels)
    enlarge = Enlarger(Way("2x", MODEL), (width, height), footage.size, hints)
    originals = (luma(picture)[_SHAVED] for picture in footage.pictures)
    db = [psnr(enlarge(frame)[_SHAVED], hr) for frame, hr in zip(sent.decoded, originals, strict=True)]
    return round(bits / (4 * pixels), 6), round(statistics.fmean(db), 4)


def record(data: Path, runs: Path) -> None:
    """Measure and write RESULTS."""
    measuring = Measuring(runs / "downscaler.jsonl")
    clips = [read_footage(data / "clips_call" / f"{name}.mkv", TRAINING_FRAMES) for name in TRAINING]
    before = [measuring.curve(clip, "h264", TRAINING_RATES, BICUBIC) for clip in clips]
    tried: list[dict[str, Any]] = []
    best = np.array(BICUBIC)
    for name, direction in DIRECTIONS.items():
        means = {}
        for sign in (1, -1):
            half = tuple((np.array(BICUBIC) + sign * np.array(direction)).tolist())
            curves = [measuring.curve(clip, "h264", TRAINING_RATES, half) for clip in clips]
            saved = [bits_saved(*two) for two in zip(before, curves, strict=True)]
            means[sign] = statistics.fmean(saved)
            tried.append({
                "direction": name, "sign": sign, "half_taps": half, "bd_rate_percent": round(means[sign], 3),
                "median": round(statistics.median(saved), 3),
            })  # fmt: skip
            print(tried[-1], file=sys.stderr)
        sign = min(means, key=lambda each: means[each])
        if means[sign] <= -WORTH:
            best += sign * np.array(direction)
    half = tuple(best.tolist())
    rows: list[dict[str, Any]] = []
    for file in TEST_CLIPS:
        clip = read_footage(data / "clips" / file, TEST_FRAMES)
        for codec in TEST_CODECS:
            two = [measuring.curve(clip, codec, TEST_RATES, each) for each in (BICUBIC, half)]
            rows.append({"clip": clip.name, "codec": codec, "bicubic": two[0], "trained": two[1],
                         "bd_rate_percent": round(bits_saved(*two), 3)})  # fmt: skip
            print(clip.name, codec, rows[-1]["bd_rate_percent"], file=sys.stderr)
    by_codec = {
        codec: round(statistics.fmean(row["bd_rate_percent"] for row in rows if row["codec"] == codec), 2)
        for codec in TEST_CODECS
    }
    result = {
        "command": "python tools/record_downscaler.py ../shared/data RUNS", "networks": digests([MODEL]),
        "training": tried, "half_taps": half, "bd_rate_percent_to_bicubic": by_codec,
    }  # fmt: skip
    lines = ",\n".join(json.dumps(row) for row in rows)
    RESULTS.write_text(f'{json.dumps(result, indent=1)[:-2]},\n"rows": [\n{lines}\n]}}\n')
    print(json.dumps(by_codec))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    record(Path(sys.argv[1]), Path(sys.argv[2]))
