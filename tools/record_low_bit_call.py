"""Calls in 8 bits beside floats: `python tools/record_low_bit_call.py ../shared/data [NET.onnx [FLOATS]]`.

Writes benchmarks/low_bit_call.json (of FLOATS medium-call: low_bit_medium_call.json): PSNR on test clips that went
through encoders at half size, each network told the estimated strength; flicker of still areas as
tools/record_flicker.py takes it; how many of the levels 16 to 235 a flat picture leaves, by strength; and processor
time of both ends at 1280x720, in turns: native coding, and half of it with each network. NET.onnx: what `pocketsr
quantize` or a run of recipes/small-call-w8a8.yaml made; small-call-w8a8 where none is named. FLOATS: the network that
it was made from, small-call where none is named. Times need a quiet machine.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from record_codec import CLIPS
from recording import digests

from pocketsr.bench.codec import coded, setting_for
from pocketsr.bench.codec_clip import Footage, luma, read_footage, shrunk
from pocketsr.bench.machine import describe_machine
from pocketsr.codec.encoding import Codec
from pocketsr.engine import Plane, Upscaler, load, repeat_edges, upscaled
from pocketsr.frames.looking import Following
from pocketsr.pixels import psnr
from pocketsr.source import Hints

__all__ = ["flat_levels_off", "record"]

ROOT = Path(__file__).resolve().parents[1]
SENT: tuple[tuple[Codec, float], ...] = (("h264", 0.008), ("h264", 0.032), ("vp9", 0.016))
FRAMES, EVERY, SETTLED = 24, 6, 10
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
ROUNDS, TURNS = 10, 2
LARGE = "bigbuckbunny.mp4"  # which is 1280x720
_SHAVED = (slice(2, -2), slice(2, -2))


def flat_levels_off(net: Upscaler, strength: float) -> int:
    """How many of the levels 16 to 235 don't stay exactly what they are."""
    flat = (np.full((9, 11), level, np.uint8) for level in range(16, 236))
    return sum(bool((np.asarray(upscaled(net, each, strength=strength)) != each[0, 0]).any()) for each in flat)


def _quality(footage: Footage, nets: dict[str, Upscaler], codec: Codec, rate: float) -> dict[str, Any]:
    sent = coded([shrunk(picture, 2) for picture in footage.pictures], setting_for(footage, codec, rate))
    bits = 8 * sum(packet.size for packet in sent.packets) / sum(frame.size for frame in sent.decoded)
    hints = Hints(codec, moving=True, lossless=False, bits_per_pixel=bits)
    originals = [luma(picture) for picture in footage.pictures]
    row: dict[str, Any] = {"clip": footage.name, "codec": codec, "asked_bpp": rate}
    for name, net in nets.items():
        following, before, moved, count, db = Following(hints), None, 0.0, 0, []
        for number, frame in enumerate(sent.decoded):
            told = following.of_luma(frame)
            if number % EVERY and number < SETTLED:
                continue
            made = np.asarray(upscaled(net, frame, strength=told if name != "bicubic" else None))
            if not number % EVERY:
                db.append(psnr(made[_SHAVED], originals[number][_SHAVED]))
            if before is not None and number > SETTLED:
                still = originals[number] == originals[number - 1]
                moved, count = moved + float(np.abs(made.astype(int) - before)[still].sum()), count + int(still.sum())
            before = made.astype(int)
        row[name] = {"psnr_db": round(statistics.fmean(db), 3), "still_levels": round(moved / max(count, 1), 4)}
    return row


def _times(footage: Footage, nets: dict[str, Upscaler]) -> list[dict[str, Any]]:
    half = [shrunk(picture, 2) for picture in footage.pictures]
    frame: Plane = luma(half[0])
    found = []
    for codec in ("h264", "vp9", "av1"):
        sizes = {"native": footage.pictures, "half": half}
        took: dict[str, list[float]] = {name: [] for name in (*sizes, *nets)}
        for _ in range(TURNS):
            for name, pictures in sizes.items():
                sent = coded(pictures, setting_for(footage, codec, 0.02))
                took[name].append(sent.encode_ms + sent.decode_ms)
            for name, net in nets.items():
                took[name] += [_ms(net, frame) for _ in range(ROUNDS)]
        ms = {name: round(statistics.median(values), 3) for name, values in took.items()}
        both = {name: round((ms["half"] + ms[name]) / ms["native"], 3) for name in nets}
        found.append({"codec": codec, "size": "1280x720", "ms": ms, "both_ends_to_native": both})
    return found


def _ms(net: Upscaler, frame: Plane) -> float:
    began = process_time()
    upscaled(net, frame, strength=0.5)
    return 1000 * (process_time() - began)


def results(floats: str) -> Path:
    """The file that holds what was measured beside this network."""
    return ROOT / "benchmarks" / f"low_bit_{floats.replace('-', '_').removeprefix('small_')}.json"


def record(data: Path, file: str = "small-call-w8a8", floats: str = "small-call") -> None:
    """Measure and write `results(floats)`."""
    few = Path(file).stem
    files = {"bicubic": "bicubic", floats: floats, few: file}
    nets = {name: repeat_edges(load(path, threads=1)) for name, path in files.items()}
    told = {name: nets[name] for name in (floats, few)}
    clips = {name: read_footage(data / "clips" / name, FRAMES) for name in CLIPS}
    rows = [_quality(footage, nets, *sent) for footage in clips.values() for sent in SENT]
    result = {
        "machine": describe_machine(),
        "command": f"python tools/record_low_bit_call.py ../shared/data {file} {floats}",
        "networks": digests([floats, file]),
        "frames": FRAMES,
        "mean_loss_db": round(statistics.fmean(row[floats]["psnr_db"] - row[few]["psnr_db"] for row in rows), 4),
        "still_levels": {name: round(statistics.fmean(row[name]["still_levels"] for row in rows), 4) for name in nets},
        "flat_levels_off": {name: {str(s): flat_levels_off(net, s) for s in STRENGTHS} for name, net in told.items()},
        "times": _times(clips[LARGE], told),
    }
    lines = ",\n".join(json.dumps(row) for row in rows)
    results(floats).write_text(f'{json.dumps(result, indent=1)[:-2]},\n"rows": [\n{lines}\n]}}\n')
    del result["machine"], result["networks"]
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        raise SystemExit(__doc__)
    record(Path(sys.argv[1]), *sys.argv[2:])
