"""Measure coding at full size against smaller sizes: `python tools/record_codec.py ../shared/data/clips RUNS`.

Writes benchmarks/codec.json: what `pocketsr bench codec --json` prints, the bench's command and the SHA-256 of the
networks beside it. RUNS: a folder that keeps what was measured, so that it goes on where it stopped, with codec.html.
Further arguments go to the bench (`--correction`, `--psnr-only`, `--frames 24`). To be run whenever small-call changes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from recording import recorded

__all__ = ["CLIPS", "record"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "codec.json"
CLIPS = (
    "webcam_sister.mkv", "vid4_city.mkv", "webcam_book.mkv", "vid4_walk.mkv", "people.mp4", "bigbuckbunny.mp4"
)  # fmt: skip
MODEL = "small-call"


def record(data: Path, runs: str, options: Sequence[str]) -> None:
    """Run the bench on `CLIPS` in `data` and write RESULTS."""
    bench = ["codec", *(str(data / name) for name in CLIPS), "-o", runs, "-m", MODEL, *options]
    command = " ".join(["pocketsr bench codec CLIP.. -m", MODEL, *options, "--json"])
    report = recorded(bench, [MODEL], command)
    settings = report.pop("settings")
    encodings = settings.pop("encodings")
    del report["machine"]  # which the settings have
    lines = {
        name: ",\n".join(json.dumps(each) for each in lines)
        for name, lines in (("rows", report.pop("rows")), ("bd", report.pop("bd")), ("encodings", encodings))
    }
    head = json.dumps({**report, "settings": settings}, indent=1)
    body = ",\n".join(f'"{name}": [\n{text}\n]' for name, text in lines.items())
    RESULTS.write_text(f"{head[:-2]},\n{body}\n}}\n")  # a line a figure: a change is seen


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    record(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
