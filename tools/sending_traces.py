"""tests/codec/sending-traces.json: what a sender measures, and which size it is told. `python tools/sending_traces.py`

Python and the page run this file (tests/codec/test_sending.py, web/test/sending.test.mjs), which holds the table and
the constants too. What it says is right because `tests/codec/test_sending.py` says so of each kind of trace.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pocketsr.atomic_io import replacing
from pocketsr.codec import SizeSwitch, choose, half_size_psnr
from pocketsr.codec.rule import NETWORK, TABLE
from pocketsr.codec.sending import CONSTANTS

__all__ = ["TRACES", "content", "replay"]

TRACES = Path(__file__).resolve().parents[1] / "tests" / "codec" / "sending-traces.json"
Told = tuple[int, str, float, float, float | None]
"""now_us, codec, bits_per_pixel, softness_db, qp."""


def replay(told: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """What a switch answers: [scale, model, reason] a call."""
    switch = SizeSwitch()
    answers = [switch.update(*each) for each in told]
    return [[each.scale, each.model, str(each.reason)] for each in answers]


def _calls(seconds: int, codec: str, each: Callable[[int], tuple[float, float, float | None]]) -> list[Told]:
    return [(1_000_000 * second, codec, *each(second)) for second in range(seconds)]


def _situations() -> dict[str, list[Told]]:
    return {
        "few bits from the start": _calls(12, "h264", lambda _: (0.012, 37.0, None)),
        "between both limits": _calls(12, "h264", lambda _: (0.03, 37.0, None)),
        "enough bits": _calls(12, "h264", lambda _: (0.09, 37.0, None)),
        "a line that narrows and widens": _calls(60, "h264", lambda t: (0.01 if 20 <= t < 40 else 0.08, 34.0, None)),
        "a rate around a limit": _calls(60, "h264", lambda t: (0.017 * (1.15 if t % 2 else 0.9), 34.0, None)),
        "limits passed every second": _calls(40, "h264", lambda t: (0.5 if t % 4 < 2 else 0.001, 34.0, None)),
        "a crisp picture": _calls(12, "av1", lambda _: (0.012, 27.0, None)),
        "a picture that is fine as it is": _calls(12, "h264", lambda t: (0.012, 33.0, 22 if t < 9 else 45)),
        "VP9 has its own scale of QP": _calls(12, "vp9", lambda t: (0.008, 33.0, 40 if t < 9 else 220)),
        "VP8's QP isn't looked at": _calls(12, "vp8", lambda _: (0.012, 33.0, 4)),
        "a codec that nobody measured": _calls(8, "h263", lambda _: (0.001, 37.0, None)),
        "nothing is sent": _calls(8, "vp9", lambda t: (0.0 if t < 4 else 0.004, 37.0, None)),
        "a clock that goes back": [
            (time, "h264", 0.012, 37.0, None) for time in (9_000_000, 0, 1_000_000, 60_000_000, 61_000_000, 2_000_000)
        ],
    }  # fmt: skip


def _looked_up() -> list[list[Any]]:
    rates = sorted({x for lines in TABLE.values() for line in lines for x in (line.bpp_2x, line.bpp_1_5x) if x})
    around = [each for rate in rates for each in (rate, rate * 1.01)]
    return [
        [codec, rate, softness, choose(codec, rate, softness_db=softness).scale]
        for codec in TABLE for rate in around for softness in (31.9, 32.0, 36.0, 100.0)
    ]  # fmt: skip


def picture(width: int, height: int, grain: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Waves and some grain, made alike by both programs: integers alone."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    waves = (x * x * 3 + y * y * 5 + x * y * 7) // 16 % 128 + 40
    noise = (x * 7919 + y * 104_729 + x * y * 31) % (2 * grain + 1) - grain
    ramp = (3 * x + 2 * y) % 256 if grain > 50 else (x + 2 * y) % 200
    return np.asarray(np.clip((waves + ramp) // 2 + noise, 0, 255), np.uint8)


def content() -> dict[str, Any]:
    """All of the file."""
    table = {
        codec: [[line.softness_db, line.bpp_2x, line.bpp_1_5x] for line in lines] for codec, lines in TABLE.items()
    }
    sizes = ((64, 48, 2), (80, 46, 20), (33, 35, 60))
    softness = [[*size, round(half_size_psnr(picture(*size)), 4)] for size in sizes]
    traces = [
        {"name": name, "told": [list(each) for each in told], "expected": replay(told)}
        for name, told in _situations().items()
    ]
    return {"constants": CONSTANTS, "network": NETWORK, "table": table, "softness": softness,
            "choices": _looked_up(), "traces": traces}  # fmt: skip


def main() -> None:
    """Write the file: a line a trace."""
    made = content()
    lines = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in made.items() if key != "traces")
    traces = ",\n".join(json.dumps(trace) for trace in made["traces"])
    with replacing(TRACES) as part:
        part.write_text(f'{{{lines},\n"traces": [\n{traces}\n]}}\n')


if __name__ == "__main__":
    main()
