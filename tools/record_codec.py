"""Measure coding at full size against smaller sizes: `python tools/record_codec.py ../shared/data/clips RUNS`.

Writes benchmarks/codec.json: what `pocketsr bench codec --json` prints, the bench's command and the SHA-256 of the
networks beside it. RUNS: a folder that keeps what was measured, so that it goes on where it stopped, with codec.html.
Further arguments go to the bench (`--correction`, `--psnr-only`, `--frames 24`). To be run whenever small-call changes.

VMAF and NEG take most of the time: `--to benchmarks/codec_vmaf.json --frames 30 --rates 0.008,0.0125,0.02,0.032,0.05`
writes them to a file of their own, of as many clips as `--clips` names; with a RUNS of its own it goes on later.
"""

from __future__ import annotations

import argparse
import json
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


def record(data: Path, runs: str, options: Sequence[str], clips: Sequence[str] = CLIPS, to: Path = RESULTS) -> None:
    """Run the bench on these clips in `data` and write `to`."""
    bench = ["codec", *(str(data / name) for name in clips), "-o", runs, "-m", MODEL, *options]
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
    to.write_text(f"{head[:-2]},\n{body}\n}}\n")  # a line a figure: a change is seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="coding at full size against smaller sizes, recorded")
    parser.add_argument("data", type=Path, metavar="CLIPS", help="the folder of test clips")
    parser.add_argument("runs", metavar="RUNS", help="keeps what was measured")
    parser.add_argument("--clips", default=",".join(CLIPS), metavar="NAME,..", help="those of the folder to measure")
    parser.add_argument("--to", type=Path, default=RESULTS, metavar="JSON")
    given, more = parser.parse_known_args()
    record(given.data, given.runs, more, given.clips.split(","), given.to)
