"""PSNR and SSIM of networks on folders of HR images, by the one protocol that published figures share.

For each image: HR is cropped to a multiple of the scale s (2, 3 or 4); LR is MATLAB's bicubic `imresize(HR, 1/s)`
of the R'G'B' image in uint8. The network upscales LR's luma (BT.601, studio range, unrounded: it travels as 16 bits),
bicubic its chroma; both go back to R'G'B', rounded to uint8. That image's luma, by the unrounded conversion, is
compared with HR's, s border pixels shaved. This is the way of `pocketsr upscale` with an image (which also repeats the
edges; here a network is measured as it is), and how RGB networks are measured: their published weights read as
published, IMDN 37.996 and 33.627 dB (38.00, 33.63) and ECBSR-M4C16 37.17 (37.18). A luma network's plane alone,
as uint8, reads 0.01 to 0.03 dB less, and 0.04 to 0.08 dB less if LR's luma is rounded too.

The `bicubic` row calibrates sets and metrics, so it is computed as the papers' MATLAB scripts did, in one plane:
uint8 luma of HR, downscaled and rounded, upscaled in double precision and left unrounded. That reads 33.66, 30.23,
29.56 and 26.87 dB (published: 33.66, 30.24, 29.56, 26.88). The way of the networks would read 0.016 dB more on
Set5, 0.004 on B100, and 0.096 on Set14, where those scripts took one grey file as its own luma (see
`_GREY_ORIGINALS`) while networks are published with it as a colour image: both are as published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import Upscaler
from pocketsr.errors import UserError
from pocketsr.models import DEFAULT_SCALE
from pocketsr.pixels import imresize, psnr, rgb_to_luma, rgb_to_ycbcr, ssim, ycbcr_to_rgb
from pocketsr.pixels.pictures import open_picture

__all__ = [
    "Quality",
    "Row",
    "Sample",
    "bicubic_quality",
    "calibration",
    "find_sets",
    "mean_psnr_db",
    "mean_quality",
    "measure",
    "network_quality",
    "read_image",
    "read_sample",
]

_SCALES = (2, 3, 4)
_SMALLEST = 16  # HR pixels: SSIM's window of 11 and the shaved border must fit
_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_USUAL = ("Set5", "Set14", "B100", "Urban100")
# Set14's bridge is an 8-bit grey file. MATLAB scripts took that as luma in 0..255, without the studio range,
# which costs 1.32 dB (20 log10(255/219)): bicubic reads 30.23 on Set14 so, 30.33 otherwise. Networks are
# published with R = G = B and the studio range (IMDN reads 33.63 as published so, 33.53 otherwise).
_GREY_ORIGINALS = frozenset({("Set14", "bridge")})


@dataclass(frozen=True)
class Quality:
    """Of one image, or the mean of several."""

    psnr_db: float
    ssim: float


@dataclass(frozen=True)
class Row:
    """Mean figures of one model on one set."""

    model: str
    set: str
    scale: int
    images: int
    psnr_db: float
    ssim: float


@dataclass(frozen=True)
class Sample:
    """An image of a test set: what stands for the truth, and what a network gets; (H, W, 3) R'G'B'."""

    hr: NDArray[np.uint8]
    lr: NDArray[np.uint8]
    scale: int
    grey: bool
    """Whether MATLAB scripts took it as its own luma (see the module's docstring)."""


def find_sets(data: Path, names: Sequence[str] | None = None) -> dict[str, list[Path]]:
    """The image files of each set (a folder in `data`), the usual sets first; all sets when `names` is None.

    Raises UserError where `data` or a set is missing, or holds no images.
    """
    if not data.is_dir():
        raise UserError(f"no such folder: {data}")
    folders = {f.name: _images(f) for f in data.iterdir() if f.is_dir()}
    found = {name: files for name, files in folders.items() if files}
    if names is None:
        if not found:
            raise UserError(f"no sets in {data}: expected a folder of HR images a set, as {data / 'Set5'}")
        names = sorted(found, key=lambda n: (_USUAL.index(n) if n in _USUAL else len(_USUAL), n))
    if not names:
        raise UserError("no sets named: give at least one, or leave the choice out for all")
    for name in names:
        if name not in folders:
            raise UserError(f"no set '{name}' in {data}: it holds {', '.join(sorted(found)) or 'no sets'}")
        if name not in found:
            raise UserError(f"no images in {data / name}: expected {', '.join(sorted(_SUFFIXES))}")
    return {name: found[name] for name in names}


def _images(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in _SUFFIXES and f.is_file())


def read_image(path: Path, scale: int = DEFAULT_SCALE) -> NDArray[np.uint8]:
    """(H, W, 3) R'G'B', cropped to multiples of `scale`; grey has R = G = B. UserError where it can't be used."""
    try:
        with open_picture(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except Exception as error:  # Pillow fails on broken files with anything
        raise UserError(f"can't read image {path}: {error}") from error
    height, width = pixels.shape[:2]
    if min(height, width) < _SMALLEST:
        least = f"{_SMALLEST}x{_SMALLEST}"
        raise UserError(f"image {path} is {width}x{height}: too small to measure, {least} is the least")
    return pixels[: height - height % scale, : width - width % scale]


def _round8(image: NDArray[Any]) -> NDArray[np.uint8]:
    return np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8)


def _inner(plane: NDArray[Any], scale: int) -> NDArray[Any]:
    return plane[scale:-scale, scale:-scale]


def _compare(luma: NDArray[Any], reference: NDArray[Any], scale: int) -> Quality:
    luma, reference = _inner(luma, scale), _inner(reference, scale)
    return Quality(psnr(luma, reference), ssim(luma, reference))


def bicubic_quality(hr: NDArray[np.uint8], grey: bool = False, scale: int = DEFAULT_SCALE) -> Quality:
    """The calibration figure of `hr` (H, W, 3), in one plane (see the module's docstring).

    grey: take the image as its own luma, in 0..255, as MATLAB scripts took a grey file.
    """
    plane = hr[..., 0] if grey else _round8(rgb_to_luma(hr))
    small = imresize(plane, 1 / scale).astype(np.float64)
    return _compare(imresize(small, scale), plane, scale)


def network_quality(net: Upscaler, hr: NDArray[np.uint8], lr: NDArray[np.uint8]) -> Quality:
    """Upscale `lr` as the protocol says and compare with `hr`; both (H, W, 3) R'G'B'."""
    return _compare(rgb_to_luma(_upscale(net, lr)), rgb_to_luma(hr), net.scale)


def _upscale(net: Upscaler, lr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if net.channels == 3:
        out: NDArray[np.uint8] = net(lr)
        return out
    ycbcr = rgb_to_ycbcr(lr.astype(np.float64))
    luma = net(np.floor(ycbcr[..., 0] * 257 + 0.5).astype(np.uint16)) / 257  # 255 * 257 = 65535
    return _round8(ycbcr_to_rgb(np.dstack([luma, imresize(ycbcr[..., 1:], net.scale)])))


def read_sample(name: str, path: Path, scale: int = DEFAULT_SCALE) -> Sample:
    """The image at `path` of the set `name`. Raises UserError where it can't be used."""
    hr = read_image(path, scale)
    return Sample(hr, imresize(hr, 1 / scale), scale, (name, path.stem) in _GREY_ORIGINALS)


def mean_psnr_db(net: Upscaler, samples: Iterable[Sample]) -> float:
    """The first half of `mean_quality`, in much less than half of the time."""
    lumas = ((rgb_to_luma(_upscale(net, sample.lr)), rgb_to_luma(sample.hr)) for sample in samples)
    pairs = ((_inner(luma, net.scale), _inner(reference, net.scale)) for luma, reference in lumas)
    return float(np.mean([psnr(luma, reference) for luma, reference in pairs]))


def mean_quality(net: Upscaler, samples: Iterable[Sample]) -> Quality:
    """Of `net` over `samples` of its scale. Raises UserError for samples of another."""
    figures = []
    for sample in samples:
        if sample.scale != net.scale:
            raise UserError(f"the network is x{net.scale}, the test images and their figures are x{sample.scale}")
        figures.append(network_quality(net, sample.hr, sample.lr))
    return _mean_of(figures)


def calibration(samples: Iterable[Sample]) -> Quality:
    """Of bicubic, as papers quote it."""
    return _mean_of([bicubic_quality(sample.hr, sample.grey, sample.scale) for sample in samples])


def measure(nets: dict[str, Upscaler], name: str, files: Iterable[Path]) -> list[Row]:
    """A row for each of `nets` on the set `name`, after one for bicubic at each of their scales (x2 without any).

    Raises UserError for a net that is not x2, x3 or x4.
    """
    for model, net in nets.items():
        if net.scale not in _SCALES:
            raise UserError(f"model '{model}' is x{net.scale}: the test sets have figures for x2, x3 and x4")
    scales = sorted({net.scale for net in nets.values()}) or [2]
    kinds = [("bicubic", scale) for scale in scales] + [(model, net.scale) for model, net in nets.items()]
    figures: dict[tuple[str, int], list[Quality]] = {kind: [] for kind in kinds}
    for path in files:
        samples = {scale: read_sample(name, path, scale) for scale in scales}
        for scale, sample in samples.items():
            figures["bicubic", scale].append(bicubic_quality(sample.hr, sample.grey, scale))
        for model, net in nets.items():
            figures[model, net.scale].append(network_quality(net, samples[net.scale].hr, samples[net.scale].lr))
    means = {kind: _mean_of(each) for kind, each in figures.items()}
    return [
        Row(model, name, scale, len(figures[model, scale]), mean.psnr_db, mean.ssim)
        for (model, scale), mean in means.items()
    ]


def _mean_of(each: list[Quality]) -> Quality:
    return Quality(float(np.mean([q.psnr_db for q in each])), float(np.mean([q.ssim for q in each])))
