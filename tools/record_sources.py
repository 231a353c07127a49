"""How the networks for photographs and screens do, into benchmarks/sources.json: `python tools/record_sources.py DATA`.

Photographs: Set14, B100 and pictures of training folders that the split keeps apart, shrunk by the bench's protocol in
R'G'B' and saved as JPEG (4:2:0) of each quality, or left as they are; the file is looked at as `upscale` does, and its
luma enlarged. PSNR and SSIM are of luma, against the original's, 2 pixels shaved.

Screens: frames of the screen clips and captures that training never saw, as they are, shrunk alike; and lines of small
text in DejaVu, a font that `screen` was not trained on, drawn at sizes of 8 to 12 pixels, enlarged and read by
tesseract (Debian's tesseract-ocr), where it is installed: characters wrong in a hundred (Levenshtein distance).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from recording import digests
from tqdm import tqdm

import pocketsr
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import read_image
from pocketsr.data import load_images, read_clip, split
from pocketsr.image.looking import look_at_image
from pocketsr.pixels import imresize, psnr, rgb_to_luma, ssim
from pocketsr.source import Choice, choose

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "sources.json"
QUALITIES = (40, 60, 80, 95, None)
NETWORKS = ("bicubic", "small", "small-call", "photo", "screen")
AUTO = "auto"
WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "seven",
    "wizards",
    "boxed",
    "five",
    "dozen",
    "liquor",
    "jugs",
    "and",
    "people",
    "who",
    "read",
    "small",
    "letters",
    "on",
    "large",
    "screens",
    "would",
    "rather",
    "see",
    "them",
    "sharp",
    "than",
    "soft",
    "because",
    "a",
    "page",
    "is",
    "made",
    "to",
    "be",
    "read",
]
Plane = NDArray[np.uint8]


def _figures(made: NDArray[Any], hr: NDArray[Any]) -> tuple[float, float]:
    inner = (slice(2, -2), slice(2, -2))
    return psnr(made[inner].astype(np.float64), hr[inner]), ssim(made[inner].astype(np.float64), hr[inner])


def _enlarged(luma: Plane, networks: dict[str, Any], seen: Choice, strength: float) -> Iterator[tuple[str, Plane]]:
    made = {}
    for name, net in networks.items():
        more = {"strength": strength} if net.strengths else {}
        made[name] = net(luma, **more)
        yield name, made[name]
    yield AUTO, made[seen.network]


def _pictures(data: Path) -> dict[str, list[tuple[str, Plane]]]:
    """HR pictures, colour or grey, by set."""
    sets = {}
    for name in ("Set14", "B100"):
        files = sorted((data / "test" / name).iterdir())
        sets[name] = [(file.name, read_image(file)) for file in files]
    folders = [data / "train", data / "train_more"]
    _, apart = split(load_images(folders, exclude=["screen/*"]), 0.125, only=("general100/*", "bsds400/*"))
    sets["kept apart"] = [(pair.name, pair.hr) for pair in apart]
    return sets


def _photographs(data: Path, networks: dict[str, Any], scratch: Path) -> list[dict[str, Any]]:
    rows = []
    for name, pictures in _pictures(data).items():
        for quality in QUALITIES:
            found: dict[str, list[tuple[float, float]]] = {}
            taken: dict[str, int] = {}
            for _, hr in tqdm(pictures, desc=f"{name} {quality or 'clean'}", leave=False, disable=None):
                grey = hr.ndim == 2
                lr = imresize(hr, 0.5)
                file = scratch / ("lr.jpg" if quality else "lr.png")
                shown = np.clip(np.rint((lr - 16.0) * (255 / 219)), 0, 255).astype(np.uint8) if grey else lr
                options: dict[str, Any] = {"quality": quality, "subsampling": "4:2:0"} if quality else {}
                Image.fromarray(shown).save(file, **options)
                decoded = np.asarray(Image.open(file).convert("RGB"))
                luma = np.rint(rgb_to_luma(decoded)).astype(np.uint8)
                seen = look_at_image(file)
                choice = choose(seen)
                taken[choice.network] = taken.get(choice.network, 0) + 1
                reference = hr.astype(np.float64) if grey else rgb_to_luma(hr)
                for network, made in _enlarged(luma, networks, choice, seen.strength):
                    found.setdefault(network, []).append(_figures(made, reference))
            rows += [_row("photograph", name, quality, network, each, taken) for network, each in found.items()]
    return rows


def _row(
    kind: str, name: str, quality: int | None, network: str, each: Sequence[tuple[float, float]], taken: dict[str, int]
) -> dict[str, Any]:  # fmt: skip
    means = np.mean(each, axis=0)
    row: dict[str, Any] = {
        "kind": kind,
        "set": name,
        "jpeg_quality": quality,
        "network": network,
        "pictures": len(each),
    }
    row |= {"psnr_db": round(float(means[0]), 3), "ssim": round(float(means[1]), 4)}
    return row | ({"taken": taken} if network == AUTO else {})


def _screens(data: Path, networks: dict[str, Any], scratch: Path) -> list[dict[str, Any]]:
    captures: dict[str, list[Plane]] = {}
    for clip in sorted((data / "clips_call").glob("screen_*.mkv")):
        captures[clip.stem] = list(read_clip(clip).frames[::10])
    apart = [path for path in sorted((data / "train_more" / "screen").iterdir()) if sum(path.name.encode()) % 8 == 0]
    captures["captures"] = [pair.hr for pair in load_images(data / "train_more" / "screen") if pair.file in
                            {path.name for path in apart}]  # fmt: skip
    rows = []
    for name, frames in captures.items():
        found: dict[str, list[tuple[float, float]]] = {}
        taken: dict[str, int] = {}
        for frame in frames:
            hr = frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]
            luma = imresize(hr, 0.5)
            file = scratch / "screen.png"
            Image.fromarray(np.clip(np.rint((luma - 16.0) * (255 / 219)), 0, 255).astype(np.uint8)).save(file)
            seen = look_at_image(file)
            choice = choose(seen)
            taken[choice.network] = taken.get(choice.network, 0) + 1
            for network, made in _enlarged(luma, networks, choice, seen.strength):
                found.setdefault(network, []).append(_figures(made, hr.astype(np.float64)))
        rows += [_row("screen", name, None, network, each, taken) for network, each in found.items()]
    return rows


def _text(networks: dict[str, Any], scratch: Path) -> list[dict[str, Any]]:
    """Characters wrong in a hundred, by network and size."""
    rows = []
    for size in (8, 9, 10, 12):
        rng = np.random.default_rng(size)
        font = ImageFont.truetype("DejaVuSans.ttf", size)
        lines = [" ".join(rng.choice(WORDS, 9)) for _ in range(24)]
        page = Image.new("L", (14 + round(max(map(font.getlength, lines))), 12 + 24 * 2 * size), 255)
        draw = ImageDraw.Draw(page)
        for number, line in enumerate(lines):
            draw.text((6, 6 + number * 2 * size), line, font=font, fill=0)
        luma = np.rint(np.asarray(page) * (219 / 255) + 16).astype(np.uint8)
        page.save(scratch / "text.png")
        seen = look_at_image(scratch / "text.png")
        choice = choose(seen)
        for network, made in _enlarged(luma, networks, choice, seen.strength):
            Image.fromarray(made).save(scratch / "large.png")
            read = subprocess.run(
                ["tesseract", str(scratch / "large.png"), "-", "--psm", "6", "--dpi", "150"],
                capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
            wrong = _distance(" ".join(lines), " ".join(read.split()))
            share = round(100 * wrong / len(" ".join(lines)), 2)
            row: dict[str, Any] = {"kind": "text", "pixels": size, "network": network, "wrong_percent": share}
            rows.append(row | ({"taken": {choice.network: 1}} if network == AUTO else {}))
    return rows


def _distance(a: str, b: str) -> int:
    """Levenshtein's."""
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder that holds test, train, train_more and clips_call")
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    args = parser.parse_args()
    networks = {name: pocketsr.load(name) for name in NETWORKS}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        rows = _screens(args.data, networks, scratch)
        if shutil.which("tesseract"):
            rows += _text(networks, scratch)
        else:
            print("tesseract isn't installed (Debian: tesseract-ocr): no text is read", file=sys.stderr)
        rows += _photographs(args.data, networks, scratch)
    result = {
        "machine": describe_machine(),
        "command": "python tools/record_sources.py DATA",
        "networks": digests(NETWORKS),
        "rows": rows,
    }
    args.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
