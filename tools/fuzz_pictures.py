"""Broken pictures of a seed, thrown at everything that reads and writes one: no traceback, no hang, no half picture.

    python tools/fuzz_pictures.py [--seconds 3600] [--seed 0] [--keep FOLDER]

Samples of every format that is read are made by Pillow and changed: bits, bytes, lengths, chunks with right checksums.
Each is decoded, upscaled by a network of one line, and written in one of the formats. Counted are what was done,
what was refused in words, and the defects: any other exception, a crash, more than 10 s of processor time or 3 GB, and
a PNG whose pixels came out otherwise although nobody made its checksums right again. Those are kept in FOLDER.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pocketsr.errors import UserError
from pocketsr.image import _decode, upscale_image_file

__all__ = ["Case", "judge", "make_case", "samples"]

SLOW_S = 10.0
_MEMORY, _LARGE = 3 << 30, 1 << 20
_TARGETS = (".png", ".jpg", ".webp", ".tif", ".bmp", ".avif", ".jp2", ".tga", ".ppm", ".qoi")
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" hdrgm:Version="1.0"/></x:xmpmeta>'


class _Twice:
    """The network: every pixel four times."""

    channels, scale, edge_halo = 1, 2, 0

    def __call__(self, y: NDArray[Any], bits: int | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        assert bits in (None, 16) and out is None  # noqa: PT018
        return y.repeat(2, axis=0).repeat(2, axis=1)


class Case:
    """A broken picture. whole: pixels of the one that it was made of; honest: whether checksums were made right."""

    def __init__(self, suffix: str, content: bytes, whole: NDArray[Any], honest: bool, how: str) -> None:
        self.suffix, self.content, self.whole, self.honest, self.how = suffix, content, whole, honest, how


def samples(folder: Path) -> list[tuple[str, bytes, NDArray[Any]]]:
    """(suffix, content, decoded pixels) of pictures of every kind, made in `folder`."""
    y, x = np.mgrid[:24, :36]
    rgb = np.stack([x * 7, y * 10, (x + y) * 4], axis=-1).astype(np.uint8)
    colour, grey = Image.fromarray(rgb), Image.fromarray(rgb[..., 0])
    alpha = colour.copy()
    alpha.putalpha(grey)
    exif = Image.Exif()
    exif.update({270: "words", 271: "Maker", 274: 6})
    exif.get_ifd(34665).update({40962: 36, 40963: 24, 37500: b"maker note"})
    exif.get_ifd(34853).update({1: "N", 2: (48.0, 6.0, 0.0)})
    told = {"exif": exif.tobytes(), "xmp": _XMP, "dpi": (300, 300)}
    made: list[tuple[str, Image.Image, dict[str, Any]]] = [
        (".png", colour, told),
        (".png", grey, {}),
        (".png", alpha, {}),
        (".png", colour.quantize(16), {"transparency": 3}),
        (".png", grey.convert("1"), {}),
        (".png", Image.fromarray(rgb[..., 0].astype(np.uint16) * 257), {}),
        (".jpg", colour, told | {"comment": b"words"}),
        (".jpg", grey, {"progressive": True}),
        (".jpg", colour.convert("CMYK"), {}),
        (".webp", colour, told | {"lossless": True}),
        (".webp", alpha, {}),
        (".bmp", colour, {}),
        (".bmp", grey.convert("1"), {}),
        (".tif", colour, {"compression": "tiff_adobe_deflate"}),
        (".tif", colour, {"compression": "tiff_lzw"}),
        (".tif", grey, told),
        (".tif", grey.convert("1"), {"compression": "group4"}),
        (".tif", colour, {"compression": "jpeg"}),
        (".tif", alpha, {}),
        (".avif", colour, told),
        (".jp2", colour, {}),
        (".j2k", grey, {}),
        (".gif", colour.quantize(8), {"comment": b"words"}),
        (".tga", colour, {"rle": True}),
        (".ppm", colour, {}),
        (".pgm", grey, {}),
        (".qoi", alpha, {}),
        (".pcx", colour, {}),
        (".sgi", colour, {}),
        (".dds", alpha, {}),
        (".ico", alpha, {}),
        (".icns", alpha.resize((32, 32)), {}),
        (".xbm", grey.convert("1"), {}),
    ]
    found = []
    for index, (suffix, image, options) in enumerate(made):
        path = folder / f"sample{index}{suffix}"
        image.save(path, **options)
        found.append((suffix, path.read_bytes(), _decode.decode(path).pixels))
    return found


def make_case(random_: random.Random, every: list[tuple[str, bytes, NDArray[Any]]]) -> Case:
    """One of the samples, changed once to four times."""
    suffix, content, whole = random_.choice(every)
    honest, how = False, []
    for _ in range(random_.randint(1, 4)):
        change = random_.choice(_CHANGES)
        if change is _chunks:
            if suffix != ".png":
                continue
            honest = True
        changed = change(random_, bytearray(content))
        how.append(change.__name__)
        content = bytes(changed)
    return Case(suffix, content, whole, honest, "+".join(how))


def _bits(random_: random.Random, content: bytearray) -> bytearray:
    for _ in range(random_.choice((1, 1, 1, 2, 8, 64))):
        if content:
            content[random_.randrange(len(content))] ^= 1 << random_.randrange(8)
    return content


def _head(random_: random.Random, content: bytearray) -> bytearray:
    """A byte of the beginning, where most formats describe themselves."""
    at = random_.randrange(min(len(content), 200) or 1)
    content[at : at + 1] = bytes([random_.choice((0, 1, 2, 127, 128, 254, 255))])
    return content


def _number(random_: random.Random, content: bytearray) -> bytearray:
    """A length, count or offset of an extreme value."""
    at = random_.randrange(max(1, len(content) - 4))
    value = random_.choice((0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(content), at))
    layout = random_.choice((">H", "<H", ">I", "<I"))
    content[at : at + struct.calcsize(layout)] = struct.pack(layout, value & ((1 << 8 * struct.calcsize(layout)) - 1))
    return content


def _cut(random_: random.Random, content: bytearray) -> bytearray:
    return content[: random_.randrange(len(content) + 1)]


def _hole(random_: random.Random, content: bytearray) -> bytearray:
    at = random_.randrange(len(content) + 1)
    del content[at : at + random_.randint(1, 200)]
    return content


def _again(random_: random.Random, content: bytearray) -> bytearray:
    at = random_.randrange(len(content) + 1)
    part = content[at : at + random_.randint(1, 200)]
    return content[:at] + part * random_.randint(1, 5) + content[at:]


def _noise(random_: random.Random, content: bytearray) -> bytearray:
    at = random_.randrange(len(content) + 1)
    return content[:at] + random_.randbytes(random_.randint(1, 40)) + content[at:]


def _chunks(random_: random.Random, content: bytearray) -> bytearray:
    """A PNG with chunks changed, left out, doubled or exchanged, whose checksums are right."""
    chunks, at = [], 8
    while at + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, at)
        chunks.append((bytes(content[at + 4 : at + 8]), content[at + 8 : at + 8 + size]))
        at += 12 + size
    if not chunks:
        return content
    at, other = random_.randrange(len(chunks)), random_.randrange(len(chunks))
    name, body = chunks[at]
    what = random_.randrange(5)
    if what == 0:
        chunks[at] = (name, random_.choice((_bits, _number, _cut, _noise))(random_, body) if body else body)
    elif what == 1:
        del chunks[at]
    elif what == 2:
        chunks.insert(other, chunks[at])
    elif what == 3:
        chunks[at], chunks[other] = chunks[other], chunks[at]
    else:
        new = random_.choice(
            (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"iCCP", b"tRNS", b"PLTE", b"acTL", b"cICP", b"cHRM", b"pHYs")
        )
        chunks.insert(at, (new, bytearray(random_.randbytes(random_.randint(0, 40)))))
    parts = [
        struct.pack(">I", len(b)) + n + bytes(b) + struct.pack(">I", zlib.crc32(bytes(b), zlib.crc32(n)))
        for n, b in chunks
    ]
    return bytearray(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


_CHANGES: tuple[Callable[[random.Random, bytearray], bytearray], ...] = (
    _bits, _bits, _head, _number, _number, _cut, _hole, _again, _noise, _chunks, _chunks,
)  # fmt: skip


def judge(case: Case, folder: Path, target_suffix: str) -> str:
    """ "done", "refused", or what the defect is, of one case; files are made in `folder`."""
    source, target = folder / f"in{case.suffix}", folder / f"out{target_suffix}"
    source.write_bytes(case.content)
    net, started = _Twice(), time.process_time()
    try:
        picture = _decode.decode(source)
        if picture.pixels.size > _LARGE:  # AVIF takes its time for these
            target = target.with_suffix(".png")
        upscale_image_file(source, target, net, net, overwrite=True)
        verdict = "done"
    except UserError as error:
        picture = None
        verdict = "refused" if "\n" not in str(error) else f"lines: {error}"
    except MemoryError:
        picture, verdict = None, "refused"
    except Exception as error:
        picture, verdict = None, f"{type(error).__name__}: {error}"
    if (took := time.process_time() - started) > SLOW_S:
        verdict = f"slow: {took:.0f} s"
    if picture is not None and case.suffix == ".png" and not case.honest:
        ordinary = picture.pixels.shape == case.whole.shape and np.array_equal(picture.pixels, case.whole)
        turned = picture.pixels.size == case.whole.size  # its EXIF data, or what was kept of it, was damaged
        if not ordinary and not (turned and np.array_equal(np.sort(picture.pixels, None), np.sort(case.whole, None))):
            verdict = "a broken PNG was taken for whole"
    return verdict


def _some(seed: int, count: int, notes: Any, keep: Path) -> None:
    """Judge `count` cases in a process of their own; what is being judged lies in `keep` if it dies."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    except (ImportError, ValueError):
        pass
    random_ = random.Random(seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        every = samples(Path(name))
        for index in range(count):
            case = make_case(random_, every)
            (keep / f"now-{seed}{case.suffix}").write_bytes(case.content)
            verdict = judge(case, Path(name), random_.choice(_TARGETS))
            (keep / f"now-{seed}{case.suffix}").unlink()
            counts[verdict if verdict in ("done", "refused") else "defects"] += 1
            if verdict not in ("done", "refused"):
                (keep / f"{seed}-{index}{case.suffix}").write_bytes(case.content)
                notes.put(f"{seed}-{index}{case.suffix} ({case.how}): {verdict[:300]}")
    notes.put(counts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzzed"))
    args = parser.parse_args()
    args.keep.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    end, seed = time.monotonic() + args.seconds, args.seed
    while time.monotonic() < end:
        notes: Any = multiprocessing.SimpleQueue()
        process = multiprocessing.Process(target=_some, args=(seed, 300, notes, args.keep))
        process.start()
        process.join(300)
        if process.exitcode != 0:
            process.kill()
            process.join()
            counts["defects"] += 1
            print(f"seed {seed}: ended with {process.exitcode}: see now-{seed}.*", flush=True)
        while not notes.empty():
            note = notes.get()
            if isinstance(note, Counter):
                counts += note
            else:
                print(note, flush=True)
        seed += 1
    print(f"{sum(counts.values())} pictures: {dict(counts)}")
    return 1 if counts["defects"] else 0


if __name__ == "__main__":
    sys.exit(main())
