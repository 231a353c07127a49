"""Pictures and frames that were degraded on purpose, with what is known of them: what `fit_source.py` fits to."""

from __future__ import annotations

import io
import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.codec import CodecContext
from av.sidedata.sidedata import SideData
from av.video.codeccontext import VideoCodecContext
from PIL import Image, ImageDraw, ImageFont

from pocketsr.codec.encoding import as_frames, encode
from pocketsr.data import Clip, Pair, load_images, read_clips
from pocketsr.data.clips import luma_plane
from pocketsr.data.codec import CODECS, CodecSetting, scaled_kbps
from pocketsr.data.noise import add_blur, add_jpeg, add_noise
from pocketsr.data.pairs import Plane, pair_from
from pocketsr.pixels import luma_to_grey, rgb_to_luma
from pocketsr.pixels.strength import strength_between
from pocketsr.source import Hints, mean_qp
from pocketsr.source.av1 import Av1Frames, still_quantizer
from pocketsr.source.vp8 import vp8_quantizer

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
KEPT_APART = ("webcam_sister*", "webcam_book*", "people*", "bigbuckbunny*", "vid4_*", "carphone*")  # for measuring only
RATES_KBPS = (150, 300, 600, 1200, 3000)  # at 640x360; the last is a good stream
LR_SIDE = 320  # pixels of a picture that are enough to fit to
FRAMES, FIRST, EVERY = 30, 11, 9
WINDOW = (448, 768)  # HR pixels of a clip that are taken, from its middle: (height, width)
RATES_EACH = 3  # of those above, drawn for each clip and codec
DECODERS = {"h264": "h264", "h265": "hevc", "vp9": "vp9", "av1": "libdav1d"}


@dataclass(frozen=True)
class Sample:
    """group: all samples of one picture or clip. of: how it was degraded, into luma. hr: what it was shrunk from.

    strength: of what encoders and noise changed. What a blur took is none of it: no network wins it back, and one that
    is told as much takes what is left.
    """

    group: str
    of: str
    luma: Plane
    hints: Hints
    strength: float
    hr: Plane


def pictures(most: int) -> Iterator[Sample]:
    """About `most` of the training pictures, each in several states."""
    pairs = [pair for pair in load_images([DATA / "train", DATA / "train_more"]) if min(pair.lr.shape) >= 64]
    for pair in pairs[:: max(1, len(pairs) // most)]:
        yield from states(pair)


def _cut(pair: Pair) -> Pair:
    rng = _rng(pair.name)
    top, left = (int(rng.integers(max(1, side - LR_SIDE + 1))) for side in pair.lr.shape)
    lr = pair.lr[top : top + LR_SIDE, left : left + LR_SIDE]
    height, width = lr.shape
    return replace(pair, lr=lr, hr=pair.hr[2 * top : 2 * (top + height), 2 * left : 2 * (left + width)])


def states(pair: Pair, turn: int = 0) -> Iterator[Sample]:
    """A part of a picture, clean and as files leave it. turn: others are drawn in each."""
    pair = _cut(pair)
    rng, clean = _rng(f"{pair.name} {turn}" if turn else pair.name), pair.lr
    group = "screen" + pair.name if "screen/" in pair.name or pair.name.startswith(_SCREENS) else pair.name

    def sample(of: str, luma: Plane, hints: Hints, shift: int = 0, *, soft: Plane = clean) -> Sample:
        strength = strength_between(soft, luma)
        return Sample(group, of, luma[shift:, shift:], hints, strength, pair.hr[2 * shift :, 2 * shift :])

    yield sample("clean", clean, Hints("png", lossless=True))
    for low, high in ((30, 55), (55, 80), (80, 96), (96, 100)):
        quality = int(rng.integers(low, high))
        known = Hints("jpeg", lossless=False, jpeg_quality=quality)
        yield sample("jpeg", add_jpeg(clean, quality), known)
    quality = int(rng.integers(30, 96))
    yield sample("was a jpeg", add_jpeg(clean, quality), Hints("png", lossless=True), int(rng.integers(1, 8)))
    for low, high in ((30, 60), (60, 85), (85, 99)):
        luma, qp = _webp(clean, int(rng.integers(low, high)))
        yield sample("webp", luma, Hints("webp", lossless=False, qp=qp))
    blurred = add_blur(clean, float(rng.uniform(0.3, 0.8)))
    noisy = add_noise(clean, float(rng.uniform(0.5, 4.0)), rng)
    quality = int(rng.integers(50, 96))
    unknown = Hints("avif", lossless=False)
    yield sample("blur", blurred, unknown, soft=blurred)
    yield sample("noise", noisy, unknown)
    known = Hints("jpeg", lossless=False, jpeg_quality=quality)
    yield sample("noisy jpeg", add_jpeg(noisy, quality), known)
    yield sample("soft jpeg", add_jpeg(blurred, quality), known, soft=blurred)
    for low, high in ((30, 60), (60, 80), (80, 97)):
        luma, qp = _avif(clean, int(rng.integers(low, high)))
        yield sample("avif", luma, Hints("avif", lossless=False, qp=qp))


def _webp(luma: Plane, quality: int) -> tuple[Plane, float | None]:
    """Studio luma as it comes back from a lossy WebP file, and the file's quantizer."""
    file = io.BytesIO()
    Image.fromarray(luma_to_grey(luma)).save(file, "WEBP", quality=quality, method=2)
    data = file.getvalue()
    with Image.open(file) as image:
        back = np.rint(rgb_to_luma(np.asarray(image.convert("RGB")))).astype(np.uint8)
    return back, vp8_quantizer(data[data.index(b"VP8 ") + 8 :][:128])


def _avif(luma: Plane, quality: int) -> tuple[Plane, float | None]:
    """As `_webp` does, of AVIF."""
    file = io.BytesIO()
    Image.fromarray(luma_to_grey(luma)).save(file, "AVIF", quality=quality, speed=8)
    data = file.getvalue()
    with Image.open(file) as image:
        back = np.rint(rgb_to_luma(np.asarray(image.convert("RGB")))).astype(np.uint8)
    return back, still_quantizer(data[data.index(b"mdat") + 4 :])


def clips(only: Sequence[str] = ()) -> Iterator[Sample]:
    """Frames of the training clips, clean and through the encoders of calls; of those that match a pattern alone."""
    found: list[Clip] = []
    for folder, apart in ((DATA / "clips", KEPT_APART), (DATA / "clips_call", ())):
        names = [path.name for path in folder.iterdir()]
        left = [name for name in names if only and not any(fnmatchcase(name, each) for each in only)]
        if len(left) < len(names):
            found += read_clips(folder, exclude=[*apart, *left], most_frames=FRAMES)
    for clip in found:
        rng = _rng(clip.name)
        pairs = [pair_from(clip.name, _middle(frame)) for frame in clip.frames]
        lr = [pair.lr for pair in pairs]
        taken = range(FIRST, len(lr), EVERY)
        height, width = lr[0].shape
        for number in taken:
            yield Sample(clip.name, "clean clip", lr[number], Hints("", moving=True), 0.0, pairs[number].hr)
        for codec, rate in itertools.chain.from_iterable(
            ((codec, int(rate)) for rate in rng.choice(RATES_KBPS, RATES_EACH, replace=False)) for codec in CODECS
        ):
            setting = CodecSetting(codec, scaled_kbps(rate, width, height), 30.0, 150)
            even = [np.pad(f, ((0, height % 2), (0, width % 2)), mode="edge") for f in lr]
            grey = [np.pad(f, ((0, f.shape[0] // 2), (0, 0)), constant_values=128) for f in even]
            packets = encode(as_frames(grey, setting.fps), setting)
            bits = 8 * sum(packet.size for packet in packets) / (len(lr) * height * width)
            decoder = cast(VideoCodecContext, CodecContext.create(DECODERS[codec], "r"))
            decoder.thread_count = 1
            decoder.options = {"export_side_data": "venc_params"}
            frames = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
            told = Av1Frames()
            of_packets = [told.shown(bytes(packet)) for packet in packets] if codec == "av1" else []
            name = "hevc" if codec == "h265" else codec
            for number in taken:
                luma = luma_plane(frames[number])[:height, :width].copy()
                qp = of_packets[number] if of_packets else _qp(frames[number])
                hints = Hints(name, True, False, None, qp, bits)
                yield Sample(
                    clip.name, f"{codec} {rate}", luma, hints, strength_between(lr[number], luma), pairs[number].hr
                )


def _middle(frame: Plane) -> Plane:
    """The window in the middle of a frame."""
    top, left = (max(0, (side - most) // 4 * 2) for side, most in zip(frame.shape, WINDOW, strict=True))
    return frame[top : top + WINDOW[0], left : left + WINDOW[1]]


def _qp(frame: av.VideoFrame) -> float | None:
    for item in frame.side_data:
        data = cast(SideData, item)
        if data.type.name == "VIDEO_ENC_PARAMS" and (found := mean_qp(bytes(data))) is not None:
            return found.qp
    return None


_SCREENS = ("codec_wiki", "gmessages", "graph_", "gui_", "imac_g3", "terminal")
_TEXT = "the quick brown fox jumps over a lazy dog while 0123456789 pixels wait for File Edit View Help"


def pages(count: int, first: int = 0) -> Iterator[Plane]:
    """Text drawn by Pillow with the fonts that it and Matplotlib bring: luma of pages, dark and light."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = [folder / f"{name}.ttf" for name in ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "DejaVuSans-Bold")]
    for number in range(first, first + count):
        rng = np.random.default_rng((7, number))
        paper = int(rng.integers(200, 256)) if rng.random() < 0.6 else int(rng.integers(0, 60))
        ink = 255 - paper if rng.random() < 0.5 else int(np.clip(255 - paper + rng.integers(-60, 60), 0, 255))
        image = Image.new("L", (384, 256), paper)
        draw = ImageDraw.Draw(image)
        size = int(rng.integers(9, 24))
        font = ImageFont.truetype(str(fonts[number % len(fonts)]), size)
        if rng.random() < 0.5:
            draw.rectangle((0, 0, 383, 2 * size), fill=int(rng.integers(0, 256)))
        y = 4
        while y < 250:
            words = rng.choice(_TEXT.split(" "), int(rng.integers(3, 11)))
            draw.text((8, y), " ".join(words), fill=ink, font=font)
            y += int(size * rng.uniform(1.2, 2.5))
        yield np.asarray(image)


def graphics() -> Iterator[Plane]:
    """Pictures by formula that are no screens: flat, ramps, waves, noise."""
    y, x = np.mgrid[:256, :256]
    rng = np.random.default_rng(3)
    for level in (0, 16, 128, 255):
        yield np.full((256, 256), level, np.uint8)
    for step in (1, 2, 3, 5, 7):
        yield ((x * step + y) % 256).astype(np.uint8)
        yield np.rint(127 + 100 * np.sin(x / (3 * step)) * np.cos(y / (5 * step))).astype(np.uint8)
        yield rng.integers(0, 50 * step, (256, 256)).astype(np.uint8)


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))
