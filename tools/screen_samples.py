"""Screens and what may be taken for some, in the states of files: what `fit_source.py --thresholds` fits `screen` to.

Captures (never those that `record_auto.py` measures), pages and windows that are drawn, text that was drawn small, all
of them scaled and softened too, since a capture of a scaled page looks like text but has no sharp edges to win back,
and faded, since `screen` learned from ink that is far from its paper, and makes both of greys that lie close;
photographs, dark ones too, photographs in windows and pages, cartoons, scans; and screens that scroll, as videos.
Nothing here is of a test set or of clips kept apart.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from draw_pages import page as drawn_page
from draw_pages import small_page
from mixed_sources import PICTURE_STATES, dark, decoded_luma, drawing, scan, viewer, window, write_clip
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from source_samples import DATA, pages
from tqdm import tqdm

from pocketsr.bench.quality import read_image
from pocketsr.data.pairs import Plane
from pocketsr.image._decode import decode
from pocketsr.image.looking import look_at_animation
from pocketsr.pixels import imresize, luma_to_grey, rgb_to_luma
from pocketsr.source import Hints
from pocketsr.video.looking import look_at_video

__all__ = ["APART", "FileSample", "screen_files", "scrolling_files"]

APART = ("gui_0.webp", "imac_g3_2.webp", "terminal_1.webp")  # captures kept apart: `record_auto` measures on them
STATES = (
    "png", "png lanczos", "png area", "jpeg 30", "jpeg 60", "jpeg 85", "jpeg 95", "was jpeg 80", "webp 75",
    "gif dithered", "gif", "64 colours", "phone 80", "soft", "noisy png",
)  # fmt: skip
CLIP_STATES = ("h264 crf 16", "h264 crf 23", "h264 crf 30", "vp9 crf 32", "mpeg4 q 3", "ffv1")
WOVEN = "interlaced"
PHOTOGRAPHS = {"train_more/bsds400": 37, "train_more/gb82": 4, "train/general100": 10, "train/cid22": 15}
SCALES = (0.5, 0.75, 1.5, 2.0)
CONTRASTS = (30, 180)  # levels
SIDE, FRAMES, SCROLL = 512, 6, 4
FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "DejaVuSans-Bold", "STIXGeneral")
Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class FileSample:
    """group: all that comes of one picture. kind: what it shows. state: of its file. pixels: as `source.look` takes
    them. hr: luma of what it was shrunk from."""

    group: str
    kind: str
    state: str
    pixels: NDArray[Any]
    luma: Plane
    hints: Hints
    hr: NDArray[Any]


@dataclass(frozen=True)
class _Picture:
    group: str
    kind: str
    rgb: Rgb


def screen_files() -> Iterator[FileSample]:
    """All samples; thousands."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "file"
        for picture in tqdm(list(_pictures()), desc="pictures", disable=None):
            yield from _states(picture, scratch)
        for number in range(24):
            yield from _drawn_small(number, scratch)
    yield from scrolling_files()


def scrolling_files() -> Iterator[FileSample]:
    """Frames of screens that scroll, as videos."""
    with tempfile.TemporaryDirectory() as folder:
        for picture in tqdm([each for each in _pictures() if each.kind in ("capture", "window")][::4], disable=None):
            yield from _scrolling(picture, Path(folder) / "file")


def _pictures() -> Iterator[_Picture]:
    made: Iterable[_Picture] = (*_screens(), *_others())
    for each in made:
        part = each.rgb[:SIDE, :SIDE]
        part = part[: part.shape[0] // 2 * 2, : part.shape[1] // 2 * 2]
        if min(part.shape[:2]) >= 100:
            yield _Picture(each.group, each.kind, np.ascontiguousarray(part))


def _screens() -> Iterator[_Picture]:
    for path in sorted((DATA / "train_more" / "screen").iterdir()):
        if path.name not in APART:
            rgb = _grey(luma_to_grey(read_image(path)))
            yield from (_Picture(path.name, "capture", rgb), _Picture(path.name, "capture", rgb[1:, 1:]))
            yield from (_Picture(path.name, "scaled", _scaled(rgb, factor)) for factor in SCALES)
            yield _Picture(
                path.name, "softened", np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(0.8)))
            )
    for number in range(36):
        page = _grey(next(pages(1, first=120 + number)))
        yield _Picture(f"page {number}", "page", page)
        if number % 3 == 0:
            yield _Picture(f"page {number}", "scaled", _scaled(page, SCALES[number // 3 % len(SCALES)]))
        if number % 2 == 1:
            paper = page if page[0, 0, 0] > 128 else 255 - page
            yield _Picture(f"page {number}", "scan", scan(paper, np.random.default_rng(900 + number)))
        shown = np.asarray(drawn_page(5000 + number, _fonts()).convert("RGB"))
        yield _Picture(f"window {number}", "window", shown)
        if number % 3 == 0:
            yield _Picture(f"window {number}", "scaled", _scaled(shown, SCALES[number // 3 % len(SCALES)]))
    yield from _faded_screens()


def _faded_screens() -> Iterator[_Picture]:
    """As dark themes, dimmed pages and greyed text are."""
    for path in sorted((DATA / "train_more" / "screen").iterdir()):
        if path.name not in APART:
            yield _Picture(path.name, "faded", _faded(_grey(luma_to_grey(read_image(path))), path.name))
    for number in range(0, 36, 2):
        yield _Picture(f"page {number}", "faded", _faded(_grey(next(pages(1, first=120 + number))), f"page {number}"))
    for number in range(1, 36, 3):
        shown = np.asarray(drawn_page(5000 + number, _fonts()).convert("RGB"))
        yield _Picture(f"window {number}", "faded", _faded(shown, f"window {number}"))


def _others() -> Iterator[_Picture]:
    """Photographs, some of them dark, alone and within text and windows, and cartoons."""
    files: list[Path] = []
    for folder, every in PHOTOGRAPHS.items():
        files += sorted((DATA / folder).iterdir())[::every]
    for number, path in enumerate(files):
        rgb = _grey(luma_to_grey(read_image(path)))
        yield _Picture(path.name, "photograph", rgb)
        if number % 2 == 1:
            yield _Picture(path.name, "dark photograph", dark(rgb))
        if number % 4 == 0:
            yield _Picture(path.name, "photograph in a window", viewer(rgb[:320, :480]))
        if number % 4 == 1:
            text = _grey(next(pages(1, first=200 + number)))
            yield _Picture(path.name, "photograph in a page", window(text, rgb[:SIDE, :192]))
    yield from (_Picture(f"drawing {number}", "cartoon", drawing(number)) for number in range(100, 108))


def _states(picture: _Picture, scratch: Path) -> Iterator[FileSample]:
    for state in STATES:
        rng = np.random.default_rng(zlib.crc32(f"{picture.group} {state}".encode()))
        yield _sample(picture, state, PICTURE_STATES[state](picture.rgb, scratch, rng), picture.rgb)
    moved = np.roll(picture.rgb, 8, axis=1)  # two fields of a picture that moves, woven
    half, then = imresize(picture.rgb, 0.5), imresize(moved, 0.5)
    half[1::2] = then[1::2]
    truth = picture.rgb.copy()
    truth[2::4], truth[3::4] = moved[2::4], moved[3::4]
    yield _sample(picture, WOVEN, _png(half, scratch), truth)


def _drawn_small(number: int, scratch: Path) -> Iterator[FileSample]:
    """Text that was drawn small, and the same drawn twice as large."""
    lr, hr = (np.asarray(image.convert("RGB")) for image in small_page(5000 + number, _fonts()))
    picture = _Picture(f"small {number}", "drawn small", hr)
    yield _sample(picture, "png", _png(lr, scratch), hr)
    for quality in (85, 95):
        file = scratch.with_suffix(".jpg")
        Image.fromarray(lr).save(file, quality=quality)
        yield _sample(picture, f"jpeg {quality}", file, hr)


def _scrolling(picture: _Picture, scratch: Path) -> Iterator[FileSample]:
    luma = np.rint(rgb_to_luma(picture.rgb)).astype(np.uint8)
    top = luma.shape[0] // 4 * 4 - SCROLL * FRAMES
    large = [luma[SCROLL * k : SCROLL * k + top // 4 * 4, : luma.shape[1] // 4 * 4] for k in range(FRAMES)]
    small = [imresize(frame, 0.5) for frame in large]
    for state in CLIP_STATES:
        file = write_clip(small, scratch, state)
        seen = look_at_video(file)
        if seen is not None:
            received = list(decoded_luma(file))
            luma, truth = received[-1], large[len(received) - 1]
            yield FileSample(picture.group, "scrolling", state, luma, luma, seen.hints, truth)


def _sample(picture: _Picture, state: str, file: Path, truth: Rgb) -> FileSample:
    if file.suffix == ".gif":
        seen = look_at_animation(file)
        assert seen is not None
        pixels, hints = np.asarray(Image.open(file).convert("RGB")), seen.hints
    else:
        decoded = decode(file)
        pixels, hints = decoded.pixels, decoded.hints
    luma = np.rint(rgb_to_luma(pixels[..., :3])).astype(np.uint8)
    return FileSample(picture.group, picture.kind, state, pixels, luma, hints, rgb_to_luma(truth))


def _png(rgb: Rgb, scratch: Path) -> Path:
    file = scratch.with_suffix(".png")
    Image.fromarray(rgb).save(file, compress_level=1)
    return file


def _scaled(rgb: Rgb, factor: float) -> Rgb:
    image = Image.fromarray(rgb)
    return np.asarray(
        image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)
    )


def _faded(rgb: Rgb, name: str) -> Rgb:
    """All levels within a part of theirs, which is drawn by the name."""
    rng = np.random.default_rng(zlib.crc32(f"{name} faded".encode()))
    contrast = rng.uniform(*CONTRASTS)
    made: Rgb = np.rint(rng.uniform(0, 255 - contrast) + rgb * (contrast / 255)).astype(np.uint8)
    return made


def _grey(plane: Plane) -> Rgb:
    return np.repeat(plane[..., None], 3, axis=2) if plane.ndim == 2 else plane


def _fonts() -> list[Path]:
    """That Matplotlib brings, none of which `screen` was trained with but DejaVu's Mono, which Hack resembles."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [folder / f"{name}.ttf" for name in FONTS]
