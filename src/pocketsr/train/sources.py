"""What a recipe trains on and validates with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from pocketsr.data import Pair, add_blur, add_jpeg, add_noise, add_webp, downscale, load_images, split
from pocketsr.errors import PocketsrWarning, UserError
from pocketsr.models import DEFAULT_SCALE
from pocketsr.nets import SRNet
from pocketsr.pixels.strength import strength_between
from pocketsr.train.degraded import load_degraded
from pocketsr.train.origins import origin
from pocketsr.train.recipe import Data, Files, Net, Subject

__all__ = ["SCALES", "Loaded", "check_net", "load_pairs"]

CHANNELS = (1, 3)  # luma, RGB
SCALES = (1, 2, 3, 4)
Loaded = tuple[list[Pair], list[Pair], list[dict[str, Any]]]
"""Pairs to train with, pairs to validate with, and a record of each drawing."""


def load_pairs(
    data: Data, seed: int = 0, scale: int = DEFAULT_SCALE, channels: int = 1, following: bool = False
) -> Loaded:
    """(to train with, to validate with, a record of each sample), split by file.

    seed: of what is drawn: codecs, noise, JPEG. channels: of the network, 1 for luma, 3 for RGB. following: as
    `load_degraded` has it.
    Only codecs are drawn before training begins; the record is empty without them.
    Raises UserError where there is nothing to use, and for codecs with RGB: these give luma.
    """
    if data.codec is not None and channels != 1:
        raise UserError(
            "data.codec gives frames of luma, and this network is of RGB: leave it out, or train one of luma"
        )
    if data.codec is not None:
        train, valid, drawn = load_degraded(data, data.codec, seed, scale, following)
    else:
        images = load_images(data.folders(), exclude=data.exclude, scale=scale, channels=channels)
        if channels == 3 and not any(_has_colour(pair) for pair in images):
            where = " ".join(map(str, data.folders()))
            line = f"no picture in {where} has colour: a network of RGB learns nothing of it there; add some that have"
            warnings.warn(line, PocketsrWarning, stacklevel=2)
        kept_apart = data.valid_patterns
        if kept_apart and not any(_matches(pair, pattern) for pair in images for pattern in kept_apart):
            raise UserError(_no_picture("valid_patterns", kept_apart[0]))
        train, valid = split(images, data.valid_share, only=data.valid_patterns)
        train, drawn = _resize(train, data), []
    for pattern in data.sampling_weights:  # here, since a teacher's pictures may take an hour before patches are drawn
        if not any(_matches(pair, pattern) for pair in train):
            raise UserError(_no_picture("sampling_weights", pattern))
    if data.files:
        rng = np.random.default_rng(seed)
        train, valid = ([_through_files(pair, data.files, rng) for pair in pairs for _ in range(data.files.copies)]
                        for pairs in (train, valid))  # fmt: skip
    elif data.noise_levels or data.jpeg_quality:
        rng = np.random.default_rng(seed)
        train, valid = ([_degrade(pair, data, rng) for pair in pairs] for pairs in (train, valid))
    return train, valid, drawn


def _matches(pair: Pair, pattern: str) -> bool:
    return fnmatchcase(pair.name, pattern)


def _no_picture(key: str, pattern: str) -> str:
    known = origin(pattern)
    return f"{key} {pattern!r} matches no picture{f' ({known})' if known else ''}: correct it, or leave it out"


def _has_colour(pair: Pair) -> bool:
    return bool((pair.lr != pair.lr[..., :1]).any())


def _resize(pairs: Sequence[Pair], data: Data) -> list[Pair]:
    """The pairs at the sizes that `data.sizes` asks for. Raises UserError for a pattern that matches none."""
    for pattern in data.sizes:
        if not any(_matches(pair, pattern) for pair in pairs):
            raise UserError(_no_picture("sizes", pattern))
    found = []
    for pair in pairs:
        sizes = next((sizes for pattern, sizes in data.sizes.items() if _matches(pair, pattern)), (1,))
        found += [pair if size == 1 else downscale(pair, size) for size in sizes]
    return found


def _degrade(pair: Pair, data: Data, rng: np.random.Generator) -> Pair:
    """`pair` with noise, then JPEG, on its LR picture, as strong as is drawn."""
    lr = add_noise(pair.lr, rng.uniform(0, data.noise_levels), rng)
    if data.jpeg_quality:
        lr = add_jpeg(lr, int(rng.integers(*data.jpeg_quality, endpoint=True)))
    return replace(pair, lr=lr)


def _through_files(pair: Pair, files: Files, rng: np.random.Generator) -> Pair:
    """A copy of `pair` whose LR picture went through what is drawn of `files`, with its strength."""
    lr = pair.lr
    clean, blurred, noisy = rng.random(3) < (files.clean_share, 0.5, 0.5)
    sigma, noise = rng.uniform(0, files.blur_sigma), rng.uniform(0, files.noise_levels)
    webp = files.webp_quality is not None and (files.jpeg_quality is None or rng.random() < 0.25)
    qualities = files.webp_quality if webp else files.jpeg_quality
    quality = None if qualities is None else int(rng.integers(*qualities, endpoint=True))
    if clean:
        return pair
    if blurred and sigma > 0.1:
        lr = add_blur(lr, sigma)
    if noisy:
        lr = add_noise(lr, noise, rng)
    if quality is not None:
        lr = add_webp(lr, quality) if webp else add_jpeg(lr, quality)
    return replace(pair, lr=lr, strength=strength_between(pair.lr, lr))


def check_net(subject: Subject, stages: Sequence[tuple[int, int]], net: SRNet) -> None:
    """Raises UserError for a network that this room can't train, or that computes no pixel of a patch unpadded.

    stages: (first step, side of a patch in LR pixels).
    """
    name = f"net {subject.name}" if isinstance(subject, Net) else f"quant.model {subject.model}"
    if net.scale not in SCALES or net.channels not in CHANNELS:
        raise UserError(
            f"{name} is x{net.scale} of {net.channels} channels: x1 to x4 of luma (1) or RGB (3) is trained"
        )
    if not any(weight.requires_grad for weight in net.parameters()):
        raise UserError(f"{name} has no weights to train: choose another")
    for _, patch in stages:
        if patch <= 2 * net.halo:
            raise UserError(
                f"patch {patch}: this network looks {net.halo} pixels to each side, so that nothing of a patch would "
                f"be left; use {4 * net.halo} or more"
            )
