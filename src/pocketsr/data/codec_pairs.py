"""Pairs whose LR frames went through an encoder, under settings drawn at random and kept on disk."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import av
import numpy as np
from tqdm import tqdm

from pocketsr.atomic_io import replacing
from pocketsr.data.clips import Clip, frame_name
from pocketsr.data.codec import CODECS, Codec, CodecSetting, degrade_clip, ladder
from pocketsr.data.pairs import NextFrame, Pair, Plane, pair_from
from pocketsr.models import DEFAULT_SCALE
from pocketsr.pixels.strength import strength_between

__all__ = ["codec_pairs", "draw_setting"]

_FPS = (15.0, 24.0, 30.0)
_KEYFRAME_INTERVALS = (60, 150, 300)  # frames


def draw_setting(
    width: int, height: int, rng: np.random.Generator, codecs: Collection[Codec] = CODECS
) -> CodecSetting:  # fmt: skip
    """A codec, a rung of the ladder for LR frames of width x height, a frame rate and a key frame interval."""
    rates = ladder(width, height)
    return CodecSetting(
        codec=sorted(codecs)[rng.integers(len(codecs))],
        bit_rate_kbps=rates[rng.integers(len(rates))],
        fps=_FPS[rng.integers(len(_FPS))],
        keyframe_interval=_KEYFRAME_INTERVALS[rng.integers(len(_KEYFRAME_INTERVALS))],
    )


def codec_pairs(
    clips: Sequence[Clip], seed: int, *, scale: int = DEFAULT_SCALE, encodings: int = 1,
    codecs: Collection[Codec] = CODECS, skip: int = 10, take_every: int = 10, cache: Path | None = None,
    following: bool = False,
) -> tuple[list[Pair], list[dict[str, Any]]]:  # fmt: skip
    """HR frames of the clips with the decoded LR frames, and a record of how each was made, fit for JSON.

    Each clip is shrunk by the protocol frame by frame, and encoded as a whole `encodings` times. A drawing depends on
    `seed`, the clip's name and its number alone: other clips coming or going changes nothing.

    skip: frames left out at the start, where the encoder still finds its way.
    take_every: of the frames behind them, which to take: neighbours are alike, and memory is short.
    cache: a folder where decoded frames are kept, by a hash of frames, setting and FFmpeg's version.
    following: whether pairs get the frame that follows theirs too, where there is one.
    Raises UserError as `degrade_clip` does.
    """
    pairs, records = [], []
    for clip in tqdm(clips, desc="encoding", unit=" clips", disable=None):
        shrunk = [pair_from(frame_name(clip.name, number), frame, scale) for number, frame in enumerate(clip.frames)]
        lr = [pair.lr for pair in shrunk]
        height, width = lr[0].shape
        taken = range(skip, len(lr), take_every)
        read = sorted({*taken, *(n + 1 for n in taken if n + 1 < len(lr))}) if following else taken
        for draw in range(encodings):
            setting = draw_setting(width, height, np.random.default_rng((seed, draw, *clip.name.encode())), codecs)
            record = {"clip": clip.name, "seed": seed, "draw": draw, "skip": skip, "take_every": take_every}
            record |= asdict(setting)
            if following:
                record["following"] = True
            frames = dict(zip(read, _decoded(lr, read, setting, record, cache), strict=True))
            for number in taken:
                name = f"{shrunk[number].name} {setting.codec} {setting.bit_rate_kbps} kbps {draw}"
                strength = strength_between(shrunk[number].lr, frames[number])
                hr, after = shrunk[number].hr, frames.get(number + 1) if following else None
                more = None if after is None else NextFrame(after, hr == shrunk[number + 1].hr)
                pairs.append(Pair(name, hr, frames[number], strength, more))
            records.append(record)
    return pairs, records


def _decoded(
    lr: Sequence[Plane], taken: Sequence[int], setting: CodecSetting, record: dict[str, Any], cache: Path | None
) -> Sequence[Plane]:  # fmt: skip
    """The frames `taken` of `lr` as they come back from the codec, from the cache where it has them."""
    if cache is None:
        return _encoded(lr, taken, setting)
    content = zlib.crc32(b"".join(frame.tobytes() for frame in lr))
    made_by = {"frames_crc32": content, "frames": len(lr), "ffmpeg": av.ffmpeg_version_info}
    text = json.dumps(record | made_by, indent=1, sort_keys=True)
    stem = PurePosixPath(record["clip"]).stem
    entry = cache / f"{stem}-{setting.codec}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"
    try:
        with np.load(entry, allow_pickle=False) as kept:
            frames: Sequence[Plane] = kept["frames"]
            return frames
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        frames = _encoded(lr, taken, setting)  # absent or broken: made anew
    cache.mkdir(parents=True, exist_ok=True)
    with replacing(entry) as part, part.open("wb") as file:
        np.savez_compressed(file, frames=np.stack(frames) if len(frames) else np.empty((0, 0, 0), np.uint8))
    entry.with_suffix(".json").write_text(text)
    return frames


def _encoded(lr: Sequence[Plane], taken: Sequence[int], setting: CodecSetting) -> list[Plane]:
    decoded = degrade_clip(lr[: taken[-1] + 1] if len(taken) else lr, setting)
    return [decoded[number] for number in taken]
