"""`-m auto` on files of the kinds people have, into benchmarks/auto.json: `python tools/record_auto.py DATA`.

Pictures of Set14, B100 and Urban100 (parts of 512x512), photographs that scikit-image brings, captures of screens and
drawn pages, cartoons, scans and windows that hold a photograph, and clips kept apart, each in the states of
`mixed_sources`, as files. `auto` looks at the file as `upscale` does; what it takes and `small` enlarge its luma, and
PSNR against the large original (2 pixels shaved) says what the choice gained or lost, for each state in the mean and at
worst; files that lost are listed. No rule is fitted to these (`fit_source.py --thresholds` has others): they are for
measuring. What was stopped goes on where it was: rows are kept beside the result, in auto.json.part, as long as
networks and what was fitted (source/fitted.json) stay the same. After a change to `source.choice` or to features remove
that file, and measure all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from mixed_sources import (
    CLIP_STATES,
    PICTURE_STATES,
    SCREEN_STATES,
    dark,
    decoded_luma,
    drawing,
    scan,
    viewer,
    window,
    write_clip,
)
from numpy.typing import NDArray
from PIL import Image
from recording import Journal, digests
from screen_samples import APART
from source_samples import pages
from tqdm import tqdm

import pocketsr
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import read_image
from pocketsr.data import read_clip
from pocketsr.engine import takes_strength, upscaled
from pocketsr.image._decode import decode
from pocketsr.image.looking import look_at_animation, look_at_image
from pocketsr.pixels import imresize, luma_to_grey, psnr, rgb_to_luma
from pocketsr.source import Seen, choose, strength
from pocketsr.video.looking import look_at_video

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "auto.json"
PHOTOGRAPHS = (
    "astronaut",
    "chelsea",
    "coffee",
    "motorcycle_left",
    "rocket",
    "retina",
    "hubble_deep_field",
    "brick",
    "grass",
)
CLIPS = (
    "clips/webcam_sister.mkv", "clips/webcam_book.mkv", "clips/people.mp4", "clips/bigbuckbunny.mp4",
    "clips/vid4_walk.mkv", "clips/vid4_city.mkv", "clips/carphone_pristine.mp4", "clips_call/screen_messages.mkv",
    "clips_call/screen_terminal.mkv", "clips_call/screen_wiki.mkv",
)  # fmt: skip
SIDE = 512
FRAMES, TRIED = 24, (6, 15, 23)
NETWORKS = ("small", "photo", "screen", "small-call")
ALLOWED_DB = 0.05  # what `auto` may lose on `small`, in the mean of a kind and state; files that lose more are listed
Rgb = NDArray[np.uint8]
Done = Collection[tuple[str, str, str]]
"""Kind, source and state of files that were measured before."""


@dataclass(frozen=True)
class Source:
    """kind: what it shows. rgb: (H, W, 3) of even sides."""

    kind: str
    name: str
    rgb: Rgb


def _source(kind: str, name: str, pixels: NDArray[Any]) -> Source:
    rgb = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
    top, left = (max(0, side - SIDE) // 4 * 2 for side in rgb.shape[:2])
    part = rgb[top : top + SIDE, left : left + SIDE]
    return Source(kind, name, np.ascontiguousarray(part[: part.shape[0] // 2 * 2, : part.shape[1] // 2 * 2]))


def _set(data: Path, name: str, every: int = 1) -> Iterator[Source]:
    for file in sorted((data / "test" / name).iterdir())[::every]:
        pixels = read_image(file)
        yield _source(name, file.stem, luma_to_grey(pixels) if pixels.ndim == 2 else pixels)


def pictures(data: Path) -> Iterator[Source]:
    """Photographs, and what is made of them."""
    photographs = [*_set(data, "Set14"), *_set(data, "B100", 7), *_set(data, "Urban100", 8)]
    yield from photographs
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    for name in PHOTOGRAPHS:
        (file,) = [path for path in folder.glob(f"{name}.*") if path.suffix in (".png", ".jpg")]
        rgb = np.asarray(Image.open(file).convert("RGB"))
        yield _source(
            "brought",
            name,
            rgb if max(rgb.shape) < 700 else imresize(rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2], 0.5),
        )
    for source in photographs[::6]:
        yield Source("dark", source.name, dark(source.rgb))
    for number in range(6):
        yield _source("cartoon", f"drawing {number}", drawing(number))
    for number, frame in enumerate(read_clip(data / "clips" / "bigbuckbunny.mp4").frames[::60]):
        yield _source("cartoon", f"bunny {number}", luma_to_grey(imresize(frame, 0.5)))


def screens(data: Path) -> Iterator[Source]:
    """Text and windows, and pages as scanners see them."""
    for name in APART:
        yield _source("screen", name, luma_to_grey(read_image(data / "train_more" / "screen" / name)))
    for clip in ("messages", "terminal", "wiki"):
        for number, frame in enumerate(read_clip(data / "clips_call" / f"screen_{clip}.mkv").frames[::20]):
            yield _source("screen", f"{clip} {number}", luma_to_grey(frame))
    drawn = list(pages(10, first=400))
    for number, page in enumerate(drawn):
        yield _source("screen", f"page {number}", page)
        if number % 2 == 0:
            paper = page if page[0, 0] > 128 else 255 - page
            rgb = np.repeat(paper[..., None], 3, axis=2)
            yield _source("scan", f"page {number}", scan(rgb, np.random.default_rng(number)))
    for number, source in enumerate(_set(data, "B100", 12)):
        yield _source("photograph in a window", source.name, viewer(source.rgb))
        page = np.repeat(drawn[number % 10][..., None], 3, axis=2)
        yield _source("photograph in a page", source.name, window(page, source.rgb[::1, :192]))


def _row(
    kind: str, name: str, state: str, seen: Seen, planes: Sequence[tuple[NDArray[np.uint8], NDArray[Any]]],
    networks: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    choice = choose(seen)
    found = {}
    for each in dict.fromkeys(("small", choice.network)):
        net = networks[each]
        told = choice.strength if takes_strength(net) else None
        quality = []
        for luma, truth in planes:
            made = upscaled(net, np.ascontiguousarray(luma), strength=told)
            quality.append(psnr(made[2:-2, 2:-2].astype(np.float64), np.asarray(truth, np.float64)[2:-2, 2:-2]))
        found[each] = round(float(np.mean(quality)), 3)
    return {
        "kind": kind, "source": name, "state": state, "taken": choice.network, "strength": round(seen.strength, 3),
        "why": choice.why, "gain_db": round(found[choice.network] - found["small"], 3), "psnr_db": found,
    }  # fmt: skip


def measured_pictures(
    sources: Sequence[tuple[Source, Sequence[str]]], networks: dict[str, Any], scratch: Path, done: Done
) -> Iterator[dict[str, Any]]:
    for source, states in tqdm(sources, desc="pictures", disable=None):
        for state in states:
            if (source.kind, source.name, state) in done:
                continue
            rng = np.random.default_rng(zlib.crc32(f"{source.name} {state}".encode()))
            file = PICTURE_STATES[state](source.rgb, scratch / "picture", rng)
            seen = look_at_animation(file) if file.suffix == ".gif" else look_at_image(file)
            pixels = np.asarray(Image.open(file).convert("RGB")) if file.suffix == ".gif" else decode(file).pixels
            luma = np.rint(rgb_to_luma(pixels[..., :3])).astype(np.uint8)
            assert seen is not None
            yield _row(source.kind, source.name, state, seen, [(luma, rgb_to_luma(source.rgb))], networks)


def measured_clips(data: Path, networks: dict[str, Any], scratch: Path, done: Done) -> Iterator[dict[str, Any]]:
    for name in tqdm(CLIPS, desc="clips", disable=None):
        kind = "screen clip" if "screen_" in name else "clip"
        frames = []
        for frame in read_clip(data / name, FRAMES).frames:
            top, left = (max(0, side - most) // 4 * 2 for side, most in zip(frame.shape, (480, 640), strict=True))
            part = frame[top : top + 480, left : left + 640]
            frames.append(part[: part.shape[0] // 4 * 4, : part.shape[1] // 4 * 4])
        small = [imresize(frame, 0.5) for frame in frames]
        for state in CLIP_STATES:
            if (kind, Path(name).stem, state) in done:
                continue
            try:
                file = write_clip(small, scratch / "clip", state)
            except (av.FFmpegError, ValueError) as error:
                print(f"{name} {state}: {error}", file=sys.stderr)
                continue
            seen = look_at_video(file)
            if seen is None:
                print(f"{name} {state}: can't be looked at", file=sys.stderr)
                continue
            received = list(decoded_luma(file))
            planes = [(received[k], frames[k]) for k in TRIED if k < len(received)]
            yield _row(kind, Path(name).stem, state, seen, planes, networks)


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each kind and state: what was gained on `small` in the mean, and at worst."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["kind"], row["state"]].append(row)
    made = []
    for (kind, state), each in groups.items():
        gains = [row["gain_db"] for row in each]
        taken: dict[str, int] = {}
        for row in each:
            taken[row["taken"]] = taken.get(row["taken"], 0) + 1
        made.append({"kind": kind, "state": state, "files": len(each), "mean_gain_db": round(float(np.mean(gains)), 3),
                     "worst_db": min(gains), "taken": taken})  # fmt: skip
    return made


def _keep(result: dict[str, Any], known: dict[str, Any]) -> None:
    """Beside what was measured now, what a file says of other kinds, by the same rules and the networks they took."""
    changed = {name for name, digest in result["networks"].items() if known["networks"].get(name) != digest}
    measured = {each["kind"] for each in result["summary"]}
    used = {"small"}.union(*(each["taken"] for each in known["summary"] if each["kind"] not in measured))
    if known["rules"] == result["rules"] and not changed & used:
        for key in ("summary", "lost"):
            result[key] += [each for each in known[key] if each["kind"] not in measured]
        result["lost"].sort(key=lambda row: row["gain_db"])
        result["files"] = sum(each["files"] for each in result["summary"])


def _a_row_a_line(result: dict[str, Any]) -> str:
    """JSON."""
    parts = [
        f"{json.dumps(key)}: " + ("[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]" if isinstance(value, list)
                                 else json.dumps(value))
        for key, value in result.items()
    ]  # fmt: skip
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder that holds test, clips, clips_call and train_more")
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    parser.add_argument("--only", choices=("pictures", "screens", "clips"), help="leave what the file says of others")
    args = parser.parse_args()
    networks = {name: pocketsr.load(name, threads=1) for name in NETWORKS}
    rules = hashlib.sha256(Path(strength.__file__).with_name("fitted.json").read_bytes()).hexdigest()
    head = {"only": args.only, "networks": digests(NETWORKS), "rules": rules}
    journal = Journal(args.output.with_name(f"{args.output.name}.part"), head)
    done = {(row["kind"], row["source"], row["state"]) for row in journal.rows}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        sources: list[tuple[Source, Sequence[str]]] = []
        if args.only in (None, "pictures"):
            sources += [(source, tuple(PICTURE_STATES)) for source in pictures(args.data)]
        if args.only in (None, "screens"):
            sources += [(source, SCREEN_STATES) for source in screens(args.data)]
        for row in measured_pictures(sources, networks, scratch, done):
            journal.add(row)
        if args.only in (None, "clips"):
            for row in measured_clips(args.data, networks, scratch, done):
                journal.add(row)
    result: dict[str, Any] = {
        "machine": describe_machine(),
        "command": "python tools/record_auto.py DATA",
        "networks": head["networks"],
        "rules": rules,
        "files": len(journal.rows),
        "summary": summary(journal.rows),
        "lost": sorted((row for row in journal.rows if row["gain_db"] < -ALLOWED_DB), key=lambda row: row["gain_db"]),
    }
    if args.only and args.output.exists():
        _keep(result, json.loads(args.output.read_text()))
    for each in sorted(result["summary"], key=lambda each: each["mean_gain_db"])[:10]:
        print(f"{each['kind']}, {each['state']}: {each['mean_gain_db']:+.3f} dB, {each['taken']}", file=sys.stderr)
    args.output.write_text(_a_row_a_line(result))
    journal.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
