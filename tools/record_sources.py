"""How the networks for photographs and screens do, into benchmarks/sources.json: `python tools/record_sources.py DATA`.

Photographs: Set14, B100 and pictures of training folders that the split keeps apart, shrunk by the bench's protocol in
R'G'B' and saved as JPEG (4:2:0) of each quality, or left as they are; the file is looked at as `upscale` does, and its
luma enlarged. PSNR and SSIM are of luma, against the original's, 2 pixels shaved.

Screens: frames of the screen clips and captures that training never saw, as they are, shrunk alike. Text: small letters
as `small_text` says, enlarged and read by tesseract (Debian's tesseract-ocr), where it is installed.

`--only` measures a part anew, and leaves what the file says of the others.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from recording import digests
from small_text import IDEAL, compared, distance, pages, read_lines, tesseract_version
from tqdm import tqdm

import pocketsr
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import read_image
from pocketsr.data import load_images, read_clip, split
from pocketsr.image.looking import look_at_image
from pocketsr.pixels import imresize, luma_to_grey, psnr, rgb_to_luma, ssim
from pocketsr.source import Choice, choose

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "sources.json"
QUALITIES = (40, 60, 80, 95, None)
NETWORKS = ("bicubic", "small", "small-call", "photo", "screen")
PHOTO_NETWORKS = (*NETWORKS, "photo-quality")  # what photographs are enlarged by
AUTO = "auto"
TEXT_NETWORKS = ("bicubic", "small", "screen")  # reading takes long
KINDS = ("screen", "text", "photograph")
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
                shown = luma_to_grey(lr) if grey else lr
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
            Image.fromarray(luma_to_grey(luma)).save(file)
            seen = look_at_image(file)
            choice = choose(seen)
            taken[choice.network] = taken.get(choice.network, 0) + 1
            for network, made in _enlarged(luma, networks, choice, seen.strength):
                found.setdefault(network, []).append(_figures(made, hr.astype(np.float64)))
        rows += [_row("screen", name, None, network, each, taken) for network, each in found.items()]
    return rows


def _text(networks: dict[str, Any], scratch: Path) -> list[dict[str, Any]]:
    """Characters wrong in a hundred, by network, size and how the text came to be small; and of all of it."""
    wrong: dict[tuple[str, str, int], list[int]] = {}
    characters: dict[tuple[str, int], int] = {}
    taken: dict[str, int] = {}
    for page in tqdm(list(pages()), desc="text", unit=" pages", leave=False, disable=None):
        file = scratch / "text.png"
        Image.fromarray(luma_to_grey(page.luma)).save(file)
        seen = look_at_image(file)
        choice = choose(seen)
        taken[choice.network] = taken.get(choice.network, 0) + 1
        read: dict[str, list[int]] = {}
        for network, made in (*_enlarged(page.luma, networks, choice, seen.strength), (IDEAL, page.ideal)):
            if network in (*TEXT_NETWORKS, choice.network, IDEAL):
                said = zip(page.lines, read_lines(page, made), strict=True)
                read[network] = [distance(line, each) for line, each in said]
        read = {name: read[name] for name in (*TEXT_NETWORKS, IDEAL)} | {AUTO: read[choice.network]}
        for network, each in read.items():
            wrong.setdefault((network, page.origin, page.pixels), []).extend(each)
        characters[page.origin, page.pixels] = characters.get((page.origin, page.pixels), 0) + sum(map(len, page.lines))
    rows: list[dict[str, Any]] = [
        {"kind": "text", "of": of, "pixels": pixels, "network": network, "characters": characters[of, pixels],
         "wrong_percent": round(100 * sum(each) / characters[of, pixels], 2)}
        for (network, of, pixels), each in wrong.items()
    ]  # fmt: skip
    for of in ("drawn", "shrunk", "all"):
        total = sum(count for (origin, _), count in characters.items() if of in (origin, "all"))
        lines: dict[str, list[int]] = {}
        for (network, origin, _), each in wrong.items():
            if of in (origin, "all"):
                lines.setdefault(network, []).extend(each)
        ratios = compared(lines, ("bicubic", "small"))
        for network, each in lines.items():
            row: dict[str, Any] = {"kind": "text", "of": of, "pixels": None, "network": network, "characters": total}
            row |= {"wrong_percent": round(100 * sum(each) / total, 2), **ratios[network]}
            rows.append(row | ({"taken": taken} if (network, of) == (AUTO, "all") else {}))
    return rows


def _merged(known: dict[str, Any], rows: list[dict[str, Any]], kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Rows that were measured now, and in their places those of other kinds that were there before."""
    kept = [row for row in known.get("rows", []) if row["kind"] not in kinds]
    return sorted([*kept, *rows], key=lambda row: KINDS.index(row["kind"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder that holds test, train, train_more and clips_call")
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    parser.add_argument(
        "--only", nargs="+", choices=KINDS, metavar="KIND", help=f"leave the others: {', '.join(KINDS)}"
    )
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME", help="for --only text: just these")
    args = parser.parse_args()
    kinds = args.only or KINDS
    known: dict[str, Any] = json.loads(args.output.read_text()) if args.only and args.output.exists() else {}
    networks = {name: pocketsr.load(name) for name in NETWORKS}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if "screen" in kinds:
            rows += _screens(args.data, networks, scratch)
        if "text" in kinds and shutil.which("tesseract"):
            rows += _text(networks, scratch)
        elif "text" in kinds:
            print("tesseract isn't installed (Debian: tesseract-ocr): no text is read", file=sys.stderr)
        if "photograph" in kinds:
            more = {name: pocketsr.load(name) for name in PHOTO_NETWORKS if name not in networks}
            rows += _photographs(args.data, networks | more, scratch)
    measured = {row["kind"] for row in rows}
    used = {kind: digests(PHOTO_NETWORKS if kind == "photograph" else NETWORKS) for kind in KINDS if kind in measured}
    result = {
        "machine": describe_machine(),
        "command": "python tools/record_sources.py DATA",
        "networks": known.get("networks", {}) | used,
        "tesseract": tesseract_version() if "text" in measured else known.get("tesseract"),
        "rows": _merged(known, rows, list(measured)),
    }
    args.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
