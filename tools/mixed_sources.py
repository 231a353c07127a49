"""Files of the kinds people have, beside the large pictures they were made from: what `-m auto` is tried on.

Each source is a large picture or clip that no network was trained on; each state is what cameras, phones, web sites,
screens and encoders make of it at half the size, as a file. The truth is the large one's luma.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pocketsr.pixels import imresize

__all__ = ["CLIP_STATES", "PICTURE_STATES", "SCREEN_STATES", "drawing", "scan", "viewer", "window", "write_clip"]

Rgb = NDArray[np.uint8]
Save = Callable[[Rgb, Path, np.random.Generator], Path]
"""Writes the state of an HR picture, (2H, 2W, 3) R'G'B', at half its size as a file that begins with that path."""


def _half(rgb: Rgb) -> Rgb:
    return imresize(rgb, 0.5)


def _saved(image: Image.Image, path: Path, suffix: str, **options: Any) -> Path:
    file = path.with_suffix(suffix)
    image.save(file, **options)
    return file


def _png(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
    return _saved(Image.fromarray(_half(rgb)), path, ".png", compress_level=1)


def _resampled(kernel: Image.Resampling, suffix: str = ".png", **options: Any) -> Save:
    def save(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
        image = Image.fromarray(rgb)
        return _saved(image.resize((image.width // 2, image.height // 2), kernel), path, suffix, **options)

    return save


def _coded(suffix: str, **options: Any) -> Save:
    def save(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
        return _saved(Image.fromarray(_half(rgb)), path, suffix, **options)

    return save


def _through(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _was_jpeg(quality: int) -> Save:
    """A capture or a conversion of a JPEG, whose blocks begin anywhere."""

    def save(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
        made = np.asarray(_through(Image.fromarray(_half(rgb)), quality))
        return _saved(Image.fromarray(made), path, ".png", compress_level=1)

    return save


def _jpeg_again(first: int, then: int) -> Save:
    def save(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
        return _saved(_through(Image.fromarray(_half(rgb)), first), path, ".jpg", quality=then)

    return save


def _phone(quality: int) -> Save:
    """The large picture is denoised and sharpened by the camera, saved, and shrunk by a messenger."""

    def save(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
        taken = _through(Image.fromarray(rgb).filter(ImageFilter.UnsharpMask(1.2, 60, 2)), 92)
        small = taken.resize((taken.width // 2, taken.height // 2), Image.Resampling.BILINEAR)
        return _saved(small, path, ".jpg", quality=quality)

    return save


def _sharpened(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
    image = Image.fromarray(rgb).resize((rgb.shape[1] // 2, rgb.shape[0] // 2), Image.Resampling.LANCZOS)
    return _saved(image.filter(ImageFilter.UnsharpMask(0.8, 50, 0)), path, ".jpg", quality=88)


def _noisy(sigma: float, suffix: str, **options: Any) -> Save:
    def save(rgb: Rgb, path: Path, rng: np.random.Generator) -> Path:
        small = _half(rgb)
        noise = rng.normal(0, sigma, small.shape)
        made = np.clip(np.rint(small + noise), 0, 255).astype(np.uint8)
        return _saved(Image.fromarray(made), path, suffix, **options)

    return save


def _soft(sigma: float) -> Save:
    def save(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
        return _saved(Image.fromarray(_half(rgb)).filter(ImageFilter.GaussianBlur(sigma)), path, ".jpg", quality=92)

    return save


def _gif(dither: Image.Dither) -> Save:
    def save(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
        small = Image.fromarray(_half(rgb))
        palette = small.quantize(256, Image.Quantize.MEDIANCUT)
        return _saved(small.quantize(palette=palette, dither=dither), path, ".gif")

    return save


def _few_colours(rgb: Rgb, path: Path, _: np.random.Generator) -> Path:
    return _saved(
        Image.fromarray(_half(rgb)).quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE), path, ".png"
    )


PICTURE_STATES: Mapping[str, Save] = {
    "png": _png,
    "png lanczos": _resampled(Image.Resampling.LANCZOS),
    "png area": _resampled(Image.Resampling.BOX),
    "jpeg 30": _coded(".jpg", quality=30),
    "jpeg 60": _coded(".jpg", quality=60),
    "jpeg 75": _coded(".jpg", quality=75),
    "jpeg 85": _coded(".jpg", quality=85),
    "jpeg 90 444": _coded(".jpg", quality=90, subsampling=0),
    "jpeg 95": _coded(".jpg", quality=95),
    "jpeg 98": _coded(".jpg", quality=98),
    "jpeg web": _coded(".jpg", quality="web_high", progressive=True),
    "was jpeg 50": _was_jpeg(50),
    "was jpeg 80": _was_jpeg(80),
    "was jpeg 92": _was_jpeg(92),
    "jpeg 55 then 90": _jpeg_again(55, 90),
    "webp 50": _coded(".webp", quality=50),
    "webp 75": _coded(".webp", quality=75),
    "webp 92": _coded(".webp", quality=92),
    "webp lossless": _coded(".webp", lossless=True),
    "avif 40": _coded(".avif", quality=40, speed=8),
    "avif 75": _coded(".avif", quality=75, speed=8),
    "jpeg 2000": _coded(".jp2", quality_mode="rates", quality_layers=[24]),
    "tiff jpeg": _coded(".tif", compression="jpeg", quality=75),
    "phone 80": _phone(80),
    "phone 92": _phone(92),
    "sharpened": _sharpened,
    "noisy png": _noisy(4.0, ".png", compress_level=1),
    "noisy jpeg": _noisy(6.0, ".jpg", quality=88),
    "soft": _soft(0.7),
    "gif dithered": _gif(Image.Dither.FLOYDSTEINBERG),
    "gif": _gif(Image.Dither.NONE),
    "64 colours": _few_colours,
}
"""By name."""

SCREEN_STATES: Sequence[str] = (
    "png", "png lanczos", "png area", "jpeg 30", "jpeg 60", "jpeg 75", "jpeg 85", "jpeg 95", "was jpeg 50",
    "was jpeg 80", "jpeg 55 then 90", "webp 50", "webp 75", "webp lossless", "avif 40", "avif 75", "gif",
    "gif dithered", "64 colours", "phone 80", "soft",
)  # fmt: skip


def dark(rgb: Rgb) -> Rgb:
    """As if taken at night."""
    return np.rint(255 * (rgb / 255.0) ** 1.8 * 0.4).astype(np.uint8)


def drawing(number: int, side: int = 512) -> Rgb:
    """A cartoon: flat areas with outlines and soft shades, drawn four times as large."""
    rng = np.random.default_rng((31, number))
    big = Image.new("RGB", (4 * side, 4 * side), tuple(int(v) for v in rng.integers(120, 256, 3)))
    draw = ImageDraw.Draw(big)
    for _ in range(int(rng.integers(25, 60))):
        x, y = rng.integers(0, 4 * side, 2)
        w, h = rng.integers(80, 1400, 2)
        fill, line = tuple(int(v) for v in rng.integers(0, 256, 3)), int(rng.choice([0, 8, 12, 20]))
        box = (int(x - w // 2), int(y - h // 2), int(x + w // 2), int(y + h // 2))
        kind = rng.integers(4)
        if kind == 0:
            draw.ellipse(box, fill=fill, outline=(20, 20, 30), width=line)
        elif kind == 1:
            draw.rounded_rectangle(box, 60, fill=fill, outline=(20, 20, 30), width=line)
        elif kind == 2:
            corners = [(int(x + rng.integers(-w, w)), int(y + rng.integers(-h, h))) for _ in range(4)]
            draw.polygon(corners, fill=fill, outline=(20, 20, 30), width=line)
        else:
            draw.arc(box, int(rng.integers(360)), int(rng.integers(360)), fill=(20, 20, 30), width=max(8, line))
    small = np.asarray(big.reduce(4), np.float64)
    if number % 2:  # as painted films: shaded
        shade = np.linspace(0.75, 1.1, side)[:, None, None]
        small = small * shade
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def scan(page: Rgb, rng: np.random.Generator) -> Rgb:
    """A page as a scanner sees it: on paper that isn't white, softer, a little uneven."""
    height, width, _ = page.shape
    light = 232 + 12 * np.sin(np.linspace(0, 3, width))[None, :, None] - 10 * np.linspace(0, 1, height)[:, None, None]
    soft = np.asarray(Image.fromarray(page).filter(ImageFilter.GaussianBlur(0.8)), np.float64) / 255
    grain = rng.normal(0, 2.0, (height, width, 1))
    return np.clip(np.rint(40 + soft * (light - 40) + grain), 0, 255).astype(np.uint8)


def window(page: Rgb, photo: Rgb) -> Rgb:
    """A web page: a photograph within text."""
    made = page.copy()
    height, width = (
        min(a, b // 2 * 2) for a, b in zip((2 * page.shape[0] // 3, page.shape[1] // 2), photo.shape, strict=False)
    )
    made[20 : 20 + height, -width - 20 : -20] = photo[:height, :width][: made.shape[0] - 20]
    return made


def viewer(photo: Rgb) -> Rgb:
    """A photograph in a window: flat borders and a bar above it."""
    height, width, _ = photo.shape
    made = np.full((height + 88, width + 80, 3), 32, np.uint8)
    made[:40] = 54
    made[48 : 48 + height, 40 : 40 + width] = photo
    draw = Image.fromarray(made)
    ImageDraw.Draw(draw).text((12, 10), "holiday-0417.jpg (2 of 36)", fill=(230, 230, 230), font_size=20)
    return np.asarray(draw)


CLIP_STATES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "h264 crf 16": ("libx264", ".mp4", {"crf": "16", "preset": "faster"}),
    "h264 crf 20": ("libx264", ".mp4", {"crf": "20", "preset": "faster"}),
    "h264 crf 23": ("libx264", ".mp4", {"crf": "23", "preset": "faster"}),
    "h264 crf 26": ("libx264", ".mp4", {"crf": "26", "preset": "faster"}),
    "h264 crf 30": ("libx264", ".mp4", {"crf": "30", "preset": "faster"}),
    "h264 crf 35": ("libx264", ".mp4", {"crf": "35", "preset": "faster"}),
    "h264 call": ("libx264", ".mp4", {"crf": "33", "preset": "ultrafast", "tune": "zerolatency"}),
    "h264 lossless": ("libx264", ".mkv", {"qp": "0", "preset": "ultrafast"}),
    "hevc crf 22": ("libx265", ".mp4", {"crf": "22", "preset": "ultrafast", "x265-params": "log-level=none"}),
    "hevc crf 28": ("libx265", ".mp4", {"crf": "28", "preset": "ultrafast", "x265-params": "log-level=none"}),
    "hevc crf 34": ("libx265", ".mp4", {"crf": "34", "preset": "ultrafast", "x265-params": "log-level=none"}),
    "vp9 crf 20": ("libvpx-vp9", ".webm", {"crf": "20", "b": "0", "cpu-used": "7", "deadline": "realtime"}),
    "vp9 crf 32": ("libvpx-vp9", ".webm", {"crf": "32", "b": "0", "cpu-used": "7", "deadline": "realtime"}),
    "vp9 crf 44": ("libvpx-vp9", ".webm", {"crf": "44", "b": "0", "cpu-used": "7", "deadline": "realtime"}),
    "vp8 crf 10": ("libvpx", ".webm", {"crf": "10", "b": "2M", "cpu-used": "8", "deadline": "realtime"}),
    "vp8 crf 30": ("libvpx", ".webm", {"crf": "30", "b": "300k", "cpu-used": "8", "deadline": "realtime"}),
    "av1 crf 20": ("libsvtav1", ".mp4", {"crf": "20", "preset": "11", "svtav1-params": "lp=1"}),
    "av1 crf 30": ("libsvtav1", ".mp4", {"crf": "30", "preset": "11", "svtav1-params": "lp=1"}),
    "av1 crf 40": ("libsvtav1", ".mp4", {"crf": "40", "preset": "11", "svtav1-params": "lp=1"}),
    "av1 crf 52": ("libsvtav1", ".mp4", {"crf": "52", "preset": "11", "svtav1-params": "lp=1"}),
    "mpeg4 q 3": ("mpeg4", ".avi", {"qmin": "3", "qmax": "3"}),
    "mpeg4 q 8": ("mpeg4", ".avi", {"qmin": "8", "qmax": "8"}),
    "mpeg2 q 5": ("mpeg2video", ".mpg", {"qmin": "5", "qmax": "5"}),
    "mjpeg q 4": ("mjpeg", ".avi", {"qmin": "4", "qmax": "4"}),
    "mjpeg q 10": ("mjpeg", ".avi", {"qmin": "10", "qmax": "10"}),
    "prores": ("prores_ks", ".mov", {"profile": "2"}),
    "ffv1": ("ffv1", ".mkv", {}),
}  # fmt: skip
"""Encoder, suffix and options, by name."""


def write_clip(luma: Sequence[NDArray[np.uint8]], path: Path, state: str, fps: int = 25) -> Path:
    """Studio luma (H, W) of even sides with grey chroma, as a file. Raises av.FFmpegError where the encoder won't."""
    codec, suffix, options = CLIP_STATES[state]
    file = path.with_suffix(suffix)
    layout = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}.get(codec, "yuv420p")
    with av.open(str(file), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps, options=dict(options))
        stream.height, stream.width = luma[0].shape
        stream.pix_fmt = layout
        stream.codec_context.thread_count = 1
        if layout == "yuv420p":
            stream.codec_context.color_range = 1
        for number, plane in enumerate(luma):
            chroma = np.full((plane.shape[0] // 2, plane.shape[1]), 128, np.uint8)
            frame = VideoFrame.from_ndarray(np.concatenate([plane, chroma]), format="yuv420p")
            frame.color_range = 1
            if layout != "yuv420p":
                frame = frame.reformat(format=layout, dst_color_range=2 if layout == "yuvj420p" else 1)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file


def decoded_luma(file: Path) -> Iterator[NDArray[np.uint8]]:
    """Studio luma of a file's frames, in 8 bits."""
    with av.open(str(file)) as container:
        for frame in container.decode(video=0):
            if frame.format.name != "yuv420p":
                frame = frame.reformat(format="yuv420p", dst_color_range=1)  # noqa: PLW2901
            plane = frame.planes[0]
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            yield rows[:, : plane.width].copy()
