"""PNG as chunks: checked by their sums, read without Pillow, kept as they are."""

from __future__ import annotations

import binascii
import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pocketsr.errors import UserError

__all__ = ["AfterHeader", "PngFile", "is_plain_srgb", "read_png", "text_chunk"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")
_FRAMES = (b"acTL", b"fcTL", b"fdAT")
_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_LARGEST_CHUNK = 2**31 - 1
_MOST_TEXT = 64 << 20  # bytes of text chunks that are kept, as they are stored
_MOST_UNPACKED = 32 << 20  # bytes of a profile or an XMP packet; the largest in use have a few
_XMP = b"XML:com.adobe.xmp"
_INCH_M = 0.0254


@dataclass
class PngFile:
    """What a PNG file holds. pixels: the same picture without anything else, for Pillow to decode.

    colour, text: (name, content) of chunks. frames: of an animation. bits: a sample. has_key: whether a colour means
    transparent. damaged: names of chunks whose sum is wrong, and which are not needed for the picture.
    """

    pixels: io.BytesIO = field(default_factory=io.BytesIO)
    bits: int = 8
    colour_type: int = 2
    has_key: bool = False
    frames: int = 1
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    aspect: bool = False
    colour: list[tuple[bytes, bytes]] = field(default_factory=list)
    text: list[tuple[bytes, bytes]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def read_png(file: BinaryIO, path: Any, *, animated: bool = False) -> PngFile:
    """Read the PNG in `file`. Raises ValueError where a chunk that the picture needs is broken or missing.

    animated: whether all its frames go into `pixels`.

    Pillow (13.0) doesn't compare the CRC-32 of the pixels' chunks (IDAT), and refuses pictures whose texts or profile
    are larger than 1 MB unpacked. So the chunks are taken apart here.
    """
    png = PngFile()
    png.pixels.write(_SIGNATURE)
    text = 0
    ended = False
    for name, content, whole in _chunks(file):
        if name in _PIXELS or (animated and name in _FRAMES):
            if not whole:
                raise ValueError(f"the checksum of {name.decode()} is wrong")
            png.pixels.write(_chunk(name, content))
            png.has_key = png.has_key or name == b"tRNS"
            ended = name == b"IEND"
            if name == b"IHDR" and len(content) == 13:
                png.bits, png.colour_type = content[8], content[9]
        elif not whole:
            png.damaged.append(name.decode("latin-1"))
        elif name in _TEXT:
            text += len(content)
            if text > _MOST_TEXT:
                raise UserError(f"{path} holds more than {_MOST_TEXT >> 20} MB of text: remove it first")
            _add_text(png, name, content)
        else:
            _add(png, name, content)
        if ended:
            break
    if not ended:
        raise ValueError("it ends before its last chunk")
    png.pixels.seek(0)
    return png


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name, content, and whether the sum is right, of each chunk."""
    file.seek(len(_SIGNATURE))
    while len(head := file.read(8)) == 8:
        (size,), name = struct.unpack(">I", head[:4]), head[4:]
        if size > _LARGEST_CHUNK or not name.isalpha():
            raise ValueError("a chunk has no name")
        content = file.read(size)
        end = file.read(4)
        if len(content) < size or len(end) < 4:
            raise ValueError(f"it ends inside of {name.decode('latin-1')}")
        yield name, content, struct.unpack(">I", end)[0] == zlib.crc32(content, zlib.crc32(name))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))


def _add(png: PngFile, name: bytes, content: bytes) -> None:
    if name in _COLOUR:
        png.colour.append((name, content))
    elif name == b"eXIf":
        png.exif = content.removeprefix(b"Exif\0\0")
    elif name == b"iCCP":
        png.icc = _unpacked(content.partition(b"\0")[2][1:])
        if png.icc is None:
            png.damaged.append("iCCP")
    elif name == b"acTL" and len(content) == 8:
        png.frames = struct.unpack(">I", content[:4])[0]
    elif name == b"pHYs" and len(content) == 9:
        x, y, unit = struct.unpack(">IIB", content)
        if unit == 1 and x and y:
            png.dpi = (x * _INCH_M, y * _INCH_M)
        elif x != y:
            png.lost.append("pixel aspect")
    elif name == b"caBX":
        png.lost.append("content credentials (C2PA), which are of the old picture")
    elif name[:1].isupper():
        raise ValueError(f"it has a chunk {name.decode()}, which is not of the PNG standard")


def _add_text(png: PngFile, name: bytes, content: bytes) -> None:
    key, _, rest = content.partition(b"\0")
    if name == b"iTXt" and key == _XMP and len(rest) > 2:
        packed, rest = rest[0], rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        png.xmp = _unpacked(rest) if packed else rest
    elif key == b"Raw profile type exif" and png.exif is None:  # as ImageMagick and exiftool did before eXIf
        words = (_unpacked(rest[1:]) or b"") if name == b"zTXt" else rest
        try:
            png.exif = binascii.unhexlify(b"".join(words.split()[2:])).removeprefix(b"Exif\0\0")
        except ValueError:
            png.damaged.append("Raw profile type exif")
    else:
        png.text.append((name, content))


def _unpacked(content: bytes) -> bytes | None:
    """None where it is broken or larger than anything honest."""
    inflater = zlib.decompressobj()
    try:
        unpacked = inflater.decompress(content, _MOST_UNPACKED)
    except zlib.error:
        return None
    return unpacked if inflater.eof else None


def is_plain_srgb(colour: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether these chunks say no more than what is taken for granted where nothing is said: sRGB."""
    found = dict(colour)
    if cicp := found.get(b"cICP"):
        return cicp[:2] == b"\x01\x0d"
    if b"sRGB" in found:
        return True
    gamma = struct.unpack(">I", found[b"gAMA"])[0] if len(found.get(b"gAMA", b"")) == 4 else 45455
    usual = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    chroma = struct.unpack(">8I", found[b"cHRM"]) if len(found.get(b"cHRM", b"")) == 32 else usual
    alike = all(abs(one - other) <= 100 for one, other in zip(chroma, usual, strict=True))
    return 45000 <= gamma <= 46000 and alike and not {b"mDCV", b"cLLI"} & found.keys()


def text_chunk(key: str, words: bytes) -> tuple[bytes, bytes]:
    """Text as a chunk: UTF-8 where it is that, else Latin-1, which any bytes are."""
    words = words.replace(b"\0", b"")
    try:
        words.decode("ascii")
    except UnicodeDecodeError:
        try:
            words.decode("utf-8")
        except UnicodeDecodeError:
            return b"tEXt", key.encode() + b"\0" + words
        return b"iTXt", key.encode() + b"\0\0\0\0\0" + words
    return b"tEXt", key.encode() + b"\0" + words


class AfterHeader:
    """A file to write a PNG to, which puts `chunks` right behind its header.

    Pillow's own PngInfo drops chunks that it doesn't know (mDCV, cLLI) without a word.
    """

    def __init__(self, file: BinaryIO, chunks: Sequence[tuple[bytes, bytes]]) -> None:
        self._file, self._left = file, len(_SIGNATURE) + 25  # the signature and IHDR
        self._chunks = b"".join(_chunk(name, content) for name, content in chunks)

    def write(self, data: bytes) -> int:
        view = bytes(data)
        if self._left:
            head, view = view[: self._left], view[self._left :]
            self._left -= len(head)
            self._file.write(head)
            if not self._left:
                self._file.write(self._chunks)
        self._file.write(view)
        return len(data)

    def flush(self) -> None:
        self._file.flush()
