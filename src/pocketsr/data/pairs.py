"""What networks are trained and validated on: pictures of luma or RGB, large and shrunk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pocketsr.data.files import find_files
from pocketsr.errors import UserError
from pocketsr.models import DEFAULT_SCALE
from pocketsr.pixels import imresize, rgb_to_luma
from pocketsr.pixels.pictures import open_picture

__all__ = ["NextFrame", "Pair", "Plane", "downscale", "load_images", "pair_from", "split"]

Plane = NDArray[np.uint8]

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

_SMALL = ".lr"  # before the suffix: page.lr.png is the LR of page.png

_BLACK, _WHITE = 16, 235  # BT.601


@dataclass(frozen=True)
class NextFrame:
    """The frame behind another: its lr (H, W), and which pixels of HR (scale * H, scale * W) stay as they are."""

    lr: Plane
    still: NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """One picture: hr (scale * H, scale * W) and lr (H, W) of luma (BT.601, studio range), or (.., .., 3) of R'G'B'.

    name: the file's path below its folder; a frame of a clip has "#" and its number behind it, a smaller copy "#" and
    its factor. strength: of what was done to lr beyond shrinking, 0..1, as `pixels.strength` defines it.
    following: of a clip's frame, where it was asked for.
    """

    name: str
    hr: Plane
    lr: Plane
    strength: float = 0.0
    following: NextFrame | None = None

    @property
    def scale(self) -> int:
        return int(self.hr.shape[0] // self.lr.shape[0])

    @property
    def channels(self) -> int:
        return 1 if self.lr.ndim == 2 else int(self.lr.shape[2])

    @property
    def hr_pixels(self) -> int:
        return int(self.hr.shape[0] * self.hr.shape[1])

    @property
    def file(self) -> str:
        """The name of the file alone, which is what decides the side of a split."""
        return PurePosixPath(self.name.partition("#")[0]).name


def pair_from(name: str, hr: Plane, scale: int = DEFAULT_SCALE) -> Pair:
    """The pair by the protocol of the published figures: HR cropped to multiples of `scale`, LR its bicubic shrink."""
    hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
    return Pair(name, hr, imresize(hr, 1 / scale))


def downscale(pair: Pair, factor: float) -> Pair:
    """The picture made smaller (0 < factor < 1) by the protocol's bicubic, as a pair of its own.

    Shrinking makes a soft photograph crisp and gives structures at sizes that the file doesn't hold: FSRCNN's authors
    trained with factors from 0.9 to 0.6 (Dong et al., ECCV 2016).
    """
    return pair_from(f"{pair.name}#{factor:g}", imresize(pair.hr, factor), pair.scale)


def load_images(
    folders: Path | Sequence[Path], *, exclude: Collection[str] = (), grey: Literal["luma", "rgb"] = "luma",
    scale: int = DEFAULT_SCALE, channels: int = 1,
) -> list[Pair]:  # fmt: skip
    """All images under a folder, or several, as pairs, sorted by path: 199 megapixels in 5 s (one Zen 5 core).

    channels: 1 for luma (colour becomes BT.601 studio luma, rounded to 8 bits), 3 for R'G'B'. Transparency is ignored.
    exclude: shell patterns of paths or names to leave out.
    grey: what pictures without colour hold: R = G = B of 0..255, or studio luma, unless there are levels outside of
    16..235 in one, which luma has not. Each becomes what `channels` asks for.
    A file NAME.lr.png beside NAME.png is its LR, in place of its bicubic shrink: small text drawn, not shrunk.
    Raises UserError for a folder without images, for files that can't be read or give no LR pixel, and for an LR of
    another size.
    """
    pairs = []
    files = find_files(folders, _SUFFIXES, "images", exclude)
    paths = {path for _, path in files}
    drawn = {path: path.with_suffix(f"{_SMALL}{path.suffix}") for path in paths}
    small = paths & set(drawn.values())
    for name, path in tqdm([file for file in files if file[1] not in small], desc="images", unit="", disable=None):
        hr = _read(path, grey, channels)
        if min(hr.shape[:2]) < scale:
            raise UserError(f"{path} is too small ({hr.shape[1]}x{hr.shape[0]}): remove it, or exclude it")
        pair = pair_from(name, hr, scale)
        pairs.append(_with_lr(pair, drawn[path], _read(drawn[path], grey, channels)) if drawn[path] in small else pair)
    return pairs


def _with_lr(pair: Pair, path: Path, lr: Plane) -> Pair:
    if lr.shape != pair.lr.shape:
        (height, width), (rows, columns) = pair.lr.shape[:2], lr.shape[:2]
        raise UserError(
            f"{path} is {columns}x{rows}, but {width}x{height} is what {pair.name} is at x{pair.scale}: draw it so "
            "large, or exclude it"
        )
    return replace(pair, lr=lr)


def _read(path: Path, grey: Literal["luma", "rgb"], channels: int) -> Plane:
    """The picture as (H, W) studio luma or (H, W, 3) R'G'B'."""
    try:
        with open_picture(path) as image:
            if image.mode.startswith(("I", "F")):
                raise UserError(f"{path} has more than 8 bits a sample: convert it to 8 bits, or exclude it")
            rgb = np.asarray(image.convert("RGB"))
    except UserError:
        raise
    except Exception as error:  # Pillow fails on broken files with anything
        reason = " ".join(str(error).split())
        raise UserError(f"{path} can't be read as an image ({reason}): replace it, or exclude it") from error
    red = rgb[..., 0]
    in_range = grey == "luma" and red.min() >= _BLACK and red.max() <= _WHITE
    # WebP has no grey pictures: luma comes back as R = G = B
    studio = in_range and np.array_equal(red, rgb[..., 1]) and np.array_equal(red, rgb[..., 2])
    if channels == 3:
        return np.rint((rgb - np.float32(_BLACK)) * (255 / (_WHITE - _BLACK))).astype(np.uint8) if studio else rgb
    return np.ascontiguousarray(red) if studio else np.rint(rgb_to_luma(rgb)).astype(np.uint8)


def split(
    pairs: Iterable[Pair], share: float = 1 / 29, most_pixels: int = 1_000_000, only: Collection[str] = ()
) -> tuple[list[Pair], list[Pair]]:  # fmt: skip
    """(to train with, to validate with): about `share` of the files, chosen by their names, are kept apart.

    A file is for validation when the sum of its name's bytes is a multiple of 1 / share (rounded) and it has less
    than `most_pixels` HR pixels: so that validating stays quick, and that other files coming or going moves none. All
    frames of a clip fall on one side. The defaults are those of the first networks, whose validation figures stay
    comparable. With `only`, a file must also match one of these shell patterns by its path.
    Raises UserError where one side would be empty.
    """
    every = round(1 / share)
    sides: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in pairs:
        kept_apart = sum(pair.file.encode()) % every == 0 and pair.hr_pixels < most_pixels
        kept_apart &= not only or any(fnmatchcase(pair.name, pattern) for pattern in only)
        sides[kept_apart].append(pair)
    if not all(sides):
        count, missing = len(sides[0]) + len(sides[1]), "validate" if sides[0] else "train"
        raise UserError(
            f"none of {count} pictures is left to {missing} with (a share of {share:.3g} of the files is "
            f"for validation, none of {most_pixels} pixels or more): add images, or set data.valid_share"
        )
    return sides
