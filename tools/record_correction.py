"""Measure what corrections are worth: `python tools/record_correction.py ../shared/data/clips`.

Writes benchmarks/correction.json. Each test clip is sent at half its sides, as `pocketsr bench codec` does it, and
enlarged by small-call. The sender measures every fifth frame and sends corrections within 1 kbit/s; a frame is judged
by the correction that the receiver has then, which was fitted on earlier frames. Gains are of PSNR, before rounding, on
the frames that were measured, means over them; `of_itself_db` is what a correction would gain that was fitted on all of
them. To be run whenever small-call changes.

`apply_ms` is what applying a correction to a frame of 1280x720 takes, processor time of one thread, median of rounds in
turns: in NumPy, which is the definition, and by the engine. `--only-times` measures that alone.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from record_codec import CLIPS, MODEL
from recording import digests

from pocketsr.bench.codec import coded, setting_for
from pocketsr.bench.codec_clip import luma, read_footage, shrunk
from pocketsr.bench.codec_paths import Enlarger
from pocketsr.bench.codec_paths import Path as Way
from pocketsr.codec.correction import Correction, Sender, Sums, corrected, fit, network_id, read
from pocketsr.codec.correction.session import OVERHEAD_BYTES
from pocketsr.codec.encoding import Codec
from pocketsr.engine import load_correction
from pocketsr.source import Hints

__all__ = ["record"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "correction.json"
CODECS: tuple[Codec, ...] = ("h264", "av1")
RATES_BPP = (0.0125, 0.032)
FRAMES = 61
EVERY = 5
ROUNDS = 25


def judged(sums: list[Sums], fps: float) -> dict[str, Any]:
    """A sender and a receiver over frames of which every fifth was summed."""
    sender, has = Sender(network_id(MODEL)), None
    gains, bits, messages = [], 0, 0
    for number, frame in enumerate(sums):
        gains.append(frame.gain_db(has))
        sender.learn(frame)
        message = sender.due((EVERY * number + 1) / fps)  # with the next frame
        if message is not None:
            has = read(message).correction
            bits += 8 * (len(message) + OVERHEAD_BYTES)
            messages += 1
    together = Sums()
    for frame in sums:
        together.add(frame)
    itself = fit(together)
    return {
        "gain_db": round(statistics.fmean(gains), 4),
        "least_db": round(min(gains), 4),
        "from_second_1_db": round(statistics.fmean(gains[round(fps / EVERY) :] or [0.0]), 4),
        "of_itself_db": round(statistics.fmean(frame.gain_db(itself) for frame in sums), 4),
        "messages": messages,
        "message_kbit": round(bits / 1000, 3),
        "seconds": round(EVERY * len(sums) / fps, 2),
    }


def record(data: Path) -> None:
    """Measure and write RESULTS."""
    rows = []
    for name in CLIPS:
        footage = read_footage(data / name, FRAMES)
        small = [shrunk(picture, 2) for picture in footage.pictures]
        for codec in CODECS:
            for rate in RATES_BPP:
                sent = coded(small, setting_for(footage, codec, rate))
                height, width = sent.decoded[0].shape
                bits = 8 * sum(packet.size for packet in sent.packets)
                spent = bits / (len(sent.decoded) * width * height)
                hints = Hints(codec, moving=True, lossless=False, bits_per_pixel=spent)
                enlarge = Enlarger(Way("2x", MODEL), (width, height), footage.size, hints)
                sums = [
                    Sums.of(sent.decoded[k], enlarge(sent.decoded[k]), luma(footage.pictures[k]))
                    for k in range(0, len(small), EVERY)
                ]
                row = {"clip": footage.name, "codec": codec, "asked_bpp": rate, **judged(sums, footage.fps)}
                print(row, file=sys.stderr)
                rows.append(row)
    command = "python tools/record_correction.py ../shared/data/clips"
    write({"command": command, "networks": digests([MODEL]), "frames": FRAMES, "every": EVERY, **timed()}, rows)


def timed() -> dict[str, Any]:
    """Applying a correction, in both ways, which must agree."""
    rng = np.random.default_rng(26)
    low = rng.integers(16, 236, (360, 640)).astype(np.uint8)
    high = rng.integers(16, 236, (720, 1280)).astype(np.uint8)
    correction = Correction(rng.integers(-9, 10, (4, 41)).astype(np.int8))
    correct, out = load_correction(1), np.empty_like(high)
    took: dict[str, list[float]] = {"numpy": [], "engine": []}
    for _ in range(ROUNDS):
        began = process_time()
        wanted = corrected(correction, low, high)
        between = process_time()
        correct(correction.coefficients, low, high, out=out)
        took["numpy"].append(between - began)
        took["engine"].append(process_time() - between)
        if not np.array_equal(out, wanted):
            raise SystemExit("the engine's correction isn't the definition's")
    return {"apply_ms": {name: round(1000 * statistics.median(times), 2) for name, times in took.items()}}


def write(head: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """A line a row: a change is seen."""
    text, body = json.dumps(head, indent=1), ",\n".join(json.dumps(row) for row in rows)
    RESULTS.write_text(f'{text[:-2]},\n"rows": [\n{body}\n]\n}}\n')


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    if sys.argv[1] == "--only-times":
        before = json.loads(RESULTS.read_text())
        write({**{key: value for key, value in before.items() if key != "rows"}, **timed()}, before["rows"])
    else:
        record(Path(sys.argv[1]))
