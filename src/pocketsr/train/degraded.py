"""What a network for calls trains on: clips, and pans over photographs, that went through the encoders of calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pocketsr.data import Clip, Pair, codec_pairs, load_images, pan, read_clips, split
from pocketsr.errors import UserError
from pocketsr.models import DEFAULT_SCALE
from pocketsr.train.recipe import CodecData, Data

__all__ = ["load_degraded"]

_WINDOWS = ((720, 1280), (540, 960), (480, 640), (360, 640))  # HR (height, width) of pans
_MOST_VALID = 48  # frames: they show what all would, and validating stays quick


def load_degraded(
    data: Data, codec: CodecData, seed: int, scale: int = DEFAULT_SCALE, following: bool = False
) -> tuple[list[Pair], list[Pair], list[dict[str, Any]]]:
    """(to train with, to validate with, how each clip was encoded, fit for JSON), split by clip and by photograph.

    following: whether pairs of clips know the frame behind theirs.

    Raises UserError where clips or photographs are missing, and as `pocketsr.data.codec_pairs` does.
    """
    clips = [*_pieces(codec), *_pans(data, codec, seed)]
    cache = Path(codec.cache) if codec.cache else None
    pairs, records = codec_pairs(
        clips, seed, scale=scale, encodings=codec.encodings, take_every=codec.take_every, cache=cache,
        following=following,
    )  # fmt: skip
    train, valid = split(pairs, data.valid_share, only=data.valid_patterns)
    valid = valid[:: -(-len(valid) // _MOST_VALID)]
    if codec.clean:
        clean, kept_apart = split(load_images(data.folders(), exclude=data.exclude, scale=scale), data.valid_share)
        train, valid = train + clean, valid + kept_apart[:: -(-len(kept_apart) // _MOST_VALID)]
    return train, valid, records


def _pieces(codec: CodecData) -> Iterator[Clip]:
    """The clips in pieces as long as the pans, so that each piece is encoded in its own way."""
    for clip in read_clips(codec.folders(), exclude=codec.exclude):
        for start in range(0, len(clip.frames) - codec.frames + 1, codec.frames):
            yield Clip(f"{clip.name}#{start}", clip.frames[start : start + codec.frames], clip.fps)


def _pans(data: Data, codec: CodecData, seed: int) -> Iterator[Clip]:
    """Pans over photographs that can hold the smallest window, each drawn as often as it is large."""
    if not codec.panned_clips:
        return
    smallest = _WINDOWS[-1]
    photos = [pair for pair in load_images(data.folders(), exclude=data.exclude) if _fitting(pair, [smallest])]
    if not photos:
        raise UserError(
            f"no picture in {' '.join(map(str, data.folders()))} has {smallest[1]}x{smallest[0]} pixels, as pans need: "
            "add larger photographs, or set data.codec.panned_clips to 0"
        )
    sizes = np.array([pair.hr.size for pair in photos], np.float64)
    for number in range(codec.panned_clips):
        rng = np.random.default_rng((seed, number))
        photo = photos[rng.choice(len(photos), p=sizes / sizes.sum())]
        windows = _fitting(photo, _WINDOWS)
        window = windows[rng.integers(len(windows))]
        yield Clip(f"{photo.name}#{number}", pan(photo.hr, window, codec.frames, rng))


def _fitting(photo: Pair, windows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    height, width = photo.hr.shape
    return [window for window in windows if window[0] <= height and window[1] <= width]
