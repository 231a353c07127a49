"""Colour of 16 bits a sample, which Pillow (13.0) reads and writes with 8.

PNG goes through FFmpeg's codec. TIFF goes through Pillow and libtiff as grey of 16 bits that is as many times as wide
as there are colours: the samples lie in the same order, whatever compresses them.
"""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from pocketsr.image import _ifd
from pocketsr.image._ifd import Directory, Value
from pocketsr.image._libtiff import decoding_errors

__all__ = ["png_pixels", "ppm_pixels", "tiff_facts", "tiff_pixels", "write_png", "write_ppm", "write_tiff"]

Pixels = NDArray[np.uint16]
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _OFFSETS, _SAMPLES, _COUNTS = 256, 257, 258, 262, 273, 277, 279
_ORIENTATION, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_OFFSETS, _TILE_COUNTS = 274, 284, 317, 322, 324, 325
_EXTRA, _FORMAT = 338, 339
_PREMULTIPLIED, _STRAIGHT = 1, 2
_OF_PIXELS = {
    _WIDTH, _HEIGHT, _BITS, 259, _PHOTOMETRIC, 266, _OFFSETS, 278, _COUNTS, _TILE_WIDTH, 323, _TILE_OFFSETS,
    _TILE_COUNTS,
}  # fmt: skip


def png_pixels(png: bytes) -> Pixels:
    """(H, W), (H, W, 3) or (H, W, 4) of a PNG of 16 bits, whose checksums are right. Raises ValueError."""
    import av

    from pocketsr.frames import Frame

    decoder = av.CodecContext.create("png", "r")
    try:
        frames = decoder.decode(av.Packet(png)) or decoder.decode(None)
    except av.FFmpegError as error:
        raise ValueError(f"its pixels can't be decoded ({error.strerror})") from error
    if not frames:
        raise ValueError("its pixels can't be decoded")
    frame = Frame.from_av(frames[0])
    return _coloured([np.asarray(plane, np.uint16) for plane in frame.components])


def _coloured(planes: list[NDArray[Any]]) -> Pixels:
    """Of one to four planes; grey with alpha becomes colour with alpha, and alpha that is opaque goes."""
    if len(planes) == 2 and (planes[1] == 0xFFFF).all():
        planes = planes[:1]
    if len(planes) == 2:
        planes = [planes[0]] * 3 + [planes[1]]
    pixels: Pixels = np.stack(planes, axis=-1) if len(planes) > 1 else planes[0]
    if pixels.ndim == 3 and pixels.shape[2] == 4 and (pixels[..., 3] == 0xFFFF).all():
        return pixels[..., :3]
    return pixels


def tiff_facts(file: BinaryIO) -> tuple[str, Directory] | None:
    """Order and tags of a TIFF whose pixels `tiff_pixels` reads; None where it holds others."""

    def at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    order, tags = _ifd.read(at)
    samples, photometric = _number(order, tags, _SAMPLES, 1), _number(order, tags, _PHOTOMETRIC, 0)
    formats, bits = _numbers(order, tags, _FORMAT), _numbers(order, tags, _BITS)
    fits = (photometric, samples) in ((1, 2), (2, 3), (2, 4)) and set(bits) == {16} and set(formats) <= {1, 4}
    return (order, tags) if fits and _number(order, tags, _PREDICTOR, 1) in (1, 2) else None


def tiff_pixels(file: BinaryIO, order: str, tags: Directory) -> tuple[Pixels, int]:
    """(H, W), (H, W, 3) or (H, W, 4), not yet upright, and the orientation. Raises ValueError where it is broken."""
    file.seek(0)
    content = file.read()
    samples, planar = _number(order, tags, _SAMPLES, 1), _number(order, tags, _PLANAR, 1) == 2
    if planar:
        planes = [_grey(content, order, _plane_of(order, tags, index, samples), 1) for index in range(samples)]
        pixels = np.concatenate(planes, axis=2)
    else:
        pixels = _grey(content, order, tags, samples)
    orientation = _number(order, tags, _ORIENTATION, 1)
    if samples in (2, 4):
        extra = _number(order, tags, _EXTRA, 0)
        if extra == _PREMULTIPLIED:
            alpha = np.maximum(pixels[..., -1:].astype(np.float32), 1)
            colour = np.rint(pixels[..., :-1] * (np.float32(0xFFFF) / alpha)).clip(0, 0xFFFF).astype(np.uint16)
            pixels = np.concatenate([colour, pixels[..., -1:]], axis=2)
        elif extra != _STRAIGHT:  # a sample that means nothing
            pixels = pixels[..., :-1]
    if pixels.shape[2] == 1:
        return pixels[..., 0], orientation
    return _coloured([pixels[..., index] for index in range(pixels.shape[2])]), orientation


def _plane_of(order: str, tags: Directory, index: int, samples: int) -> Directory:
    """The tags of one plane where each colour is stored by itself."""
    made = dict(tags)
    for tag in (_OFFSETS, _COUNTS, _TILE_OFFSETS, _TILE_COUNTS):
        if tag in tags:
            numbers = _numbers(order, tags, tag)
            share = len(numbers) // samples
            made[tag] = _longs(order, *numbers[index * share : (index + 1) * share])
    return made


def _grey(content: bytes, order: str, tags: Directory, samples: int) -> Pixels:
    """(H, W, samples), read as grey of (H, W * samples)."""
    made: Directory = {tag: value for tag, value in tags.items() if tag in _OF_PIXELS}
    width, tile = _number(order, tags, _WIDTH, 0), _number(order, tags, _TILE_WIDTH, 0)
    made[_WIDTH] = _longs(order, width * samples)
    if tile:
        made[_TILE_WIDTH] = _longs(order, tile * samples)
    made |= {_BITS: _shorts(order, 16), _SAMPLES: _shorts(order, 1), _PHOTOMETRIC: _shorts(order, 1)}
    place = len(content) + len(content) % 2
    head = content[:4] + struct.pack(f"{order}I", place)
    whole = head + content[8:].ljust(place - 8, b"\0") + _ifd.build(order, made, place)
    with TiffImagePlugin.TiffImageFile(io.BytesIO(whole)) as image:
        if not image.mode.startswith("I;16"):
            raise ValueError("its samples aren't those that its tags tell of")
        with decoding_errors("TIFF") as errors:
            image.load()
        if errors:
            raise ValueError(errors[0])
        grey = np.asarray(image).astype(np.uint16)
    pixels = grey.reshape(grey.shape[0], width, samples)
    if _number(order, tags, _PREDICTOR, 1) == 2:  # each sample is stored as the difference from the one before
        step = tile or width
        for left in range(0, width, step):
            part = pixels[:, left : left + step]
            np.cumsum(part, axis=1, dtype=np.uint16, out=part)
    return pixels


def ppm_pixels(content: bytes) -> Pixels:
    """(H, W, 3) of a binary PPM of more than 255 levels, stretched to 16 bits. Raises ValueError."""
    words: list[int] = []
    at = 2
    while len(words) < 3:
        while content[at : at + 1].isspace():
            at += 1
        if content[at : at + 1] == b"#":
            at = content.index(b"\n", at)
            continue
        end = at
        while content[end : end + 1].isdigit():
            end += 1
        words.append(int(content[at:end]))
        at = end
    width, height, top = words
    samples = np.frombuffer(content, ">u2", width * height * 3, at + 1).reshape(height, width, 3)
    if int(samples.max(initial=0)) > top:
        raise ValueError(f"a sample is above {top}")
    return np.rint(samples * (0xFFFF / top)).astype(np.uint16)


def write_png(file: Any, pixels: Pixels, chunks: list[tuple[bytes, bytes]]) -> None:
    """A PNG of pixels (H, W, 3) or (H, W, 4), with `chunks` behind its header."""
    import av
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

    height, width = pixels.shape[:2]
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "rgb48be" if pixels.shape[2] == 3 else "rgba64be"
    encoder.time_base, encoder.options = Fraction(1), {"pred": "mixed"}
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=encoder.pix_fmt)
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    made = memoryview(b"".join(bytes(packet) for packet in packets))
    file.write(made[:8])
    at = 8
    while at < len(made):
        size, name = int.from_bytes(made[at : at + 4], "big"), bytes(made[at + 4 : at + 8])
        if name in (b"IHDR", b"IDAT", b"IEND"):  # and none of FFmpeg's own
            file.write(made[at : at + 12 + size])
        if name == b"IHDR":
            for kind, content in chunks:
                total = zlib.crc32(content, zlib.crc32(kind))
                file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", total))
        at += 12 + size


def write_tiff(file: BinaryIO, pixels: Pixels, **options: Any) -> Directory:
    """A TIFF of pixels (H, W, 3) or (H, W, 4) as grey that is as many times as wide; returns tags that set it right."""
    height, width, samples = pixels.shape
    Image.fromarray(pixels.reshape(height, width * samples)).save(file, format="TIFF", **options)
    tags: Directory = {
        _WIDTH: _longs("<", width), _BITS: _shorts("<", *[16] * samples), _PHOTOMETRIC: _shorts("<", 2),
        _SAMPLES: _shorts("<", samples), _FORMAT: _shorts("<", *[1] * samples), _PLANAR: _shorts("<", 1),
    }  # fmt: skip
    if samples == 4:
        tags[_EXTRA] = _shorts("<", _STRAIGHT)
    return tags


def write_ppm(file: BinaryIO, pixels: Pixels) -> None:
    """A binary PPM of pixels (H, W, 3)."""
    file.write(b"P6\n%d %d\n65535\n" % (pixels.shape[1], pixels.shape[0]))
    file.write(pixels.astype(">u2").tobytes())


def _numbers(order: str, tags: Directory, tag: int) -> tuple[int, ...]:
    value = tags.get(tag)
    return tuple(int(number) for number in value.numbers(order)) if isinstance(value, Value) else ()


def _number(order: str, tags: Directory, tag: int, default: int) -> int:
    numbers = _numbers(order, tags, tag)
    return numbers[0] if numbers else default


def _longs(order: str, *numbers: int) -> Value:
    return Value(_ifd.LONG, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers))


def _shorts(order: str, *numbers: int) -> Value:
    return Value(_ifd.SHORT, len(numbers), struct.pack(f"{order}{len(numbers)}H", *numbers))
