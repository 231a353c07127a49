"""Measure how well the stages of `upscale` overlap, into benchmarks/overlap.json: `python tools/record_overlap.py`.

The sample clip of the demo (640x360, H.264) is decoded, upscaled with `tiny` and encoded, each stage alone with all
cores to itself, and then as one job, in turns. Medians of wall and of processor seconds.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any

from av.video.frame import VideoFrame
from sample_clip import make_clip
from tqdm import trange

from pocketsr.bench.machine import describe_machine
from pocketsr.engine import load, load_chroma
from pocketsr.video import VideoOptions, upscale_video
from pocketsr.video.reader import Picture, VideoReader
from pocketsr.video.upscaler import AvUpscaler
from pocketsr.video.writer import VideoWriter

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "overlap.json"
MODEL, ROUNDS = "tiny", 7


def _pictures(reader: VideoReader) -> list[Picture]:
    return [each for each in reader if isinstance(each, Picture)]


def _enlarged(enlarge: AvUpscaler, pictures: list[Picture]) -> list[VideoFrame]:
    return [enlarge(each.frame) for each in pictures]


def main() -> int:
    network, chroma = load(MODEL), cache(partial(load_chroma, 2))
    wall: dict[str, list[float]] = defaultdict(list)
    processor: dict[str, list[float]] = defaultdict(list)

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        began, used = perf_counter(), _processor_seconds()
        result = work()
        wall[stage].append(perf_counter() - began)
        processor[stage].append(_processor_seconds() - used)
        return result

    with tempfile.TemporaryDirectory() as scratch:
        clip, alone, whole = (Path(scratch) / name for name in ("clip.mp4", "alone.mp4", "whole.mp4"))
        make_clip(clip)
        for _ in trange(ROUNDS, disable=None, file=sys.stderr):
            with VideoReader(clip) as reader:
                pictures = timed("decode", partial(_pictures, reader))
                about = reader.source
                size = (about.width * network.scale, about.height * network.scale)
                writer = VideoWriter(alone, reader, about, size, VideoOptions(), overwrite=True)
                enlarge = AvUpscaler(network, chroma, about.layout, writer.encoder.pix_fmt, about.siting)
                frames = timed("upscale", partial(_enlarged, enlarge, pictures))

                def encode(
                    writer: VideoWriter = writer, pictures: list[Picture] = pictures, frames: list[Any] = frames
                ) -> None:
                    for picture, frame in zip(pictures, frames, strict=True):
                        writer.encode(frame, picture.pts, picture.duration)
                    writer.finish()

                timed("encode", encode)
            del pictures, frames, encode  # 200 large frames held here would cost the whole job fresh memory
            report = timed("whole", lambda: upscale_video(clip, whole, network, chroma, overwrite=True))
    seconds = {stage: round(statistics.median(values), 4) for stage, values in wall.items()}
    used = {stage: round(statistics.median(values), 4) for stage, values in processor.items()}
    cores = len(os.sched_getaffinity(0))
    busier = max(used["upscale"], used["encode"]) / cores
    result = {
        "machine": describe_machine(),
        "command": "python tools/record_overlap.py",
        "model": MODEL,
        "frames": report.frames,
        "encoder": report.encoder,
        "cores": cores,
        "wall_s": seconds,
        "processor_s": used,
        "fps": round(report.frames / seconds["whole"], 1),
        "whole_to_busier_stage_over_all_cores": round(seconds["whole"] / busier, 3),
        "whole_to_busier_stage_alone": round(seconds["whole"] / max(seconds["upscale"], seconds["encode"]), 3),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
