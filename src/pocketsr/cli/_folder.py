"""Several files or a folder in, a folder out: the same names, and one bad file does not stop the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pocketsr.atomic_io import is_part
from pocketsr.cli._formats import ANIMATED, PICTURES
from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.cli._upscaling import Job

__all__ = ["Piece", "pieces", "upscale_many"]

# What FFmpeg reads and writes under the same suffix, and what it only reads, which becomes Matroska.
_VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".m2t", ".mpg", ".mpeg", ".m1v", ".m2v"),
    *(".vob", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".h264", ".264", ".h265"),
    *(".265", ".hevc", ".obu", ".ivf", ".nut", ".wtv"),
)
_READ_ONLY_VIDEO_SUFFIXES = (
    *(".qt", ".mk3d", ".divx", ".xvid", ".mpe", ".mpv", ".m2p", ".mod", ".tod", ".ogm", ".avc", ".av1", ".rmvb"),
    *(".dvr-ms", ".nsv", ".trp", ".tp", ".bik", ".roq", ".gxf", ".dv", ".rm", ".mjp"),
    *(".mjpeg", ".mjpg", ".y4m"),
)
# Files that systems leave in folders of media: said nothing about.
_OF_SYSTEMS = (".ds_store", "thumbs.db", "desktop.ini", ".directory", ".nomedia")


class Piece(NamedTuple):
    """A file to upscale, and its output."""

    source: Path
    target: Path


def pieces(sources: Sequence[Path], target: Path, job: Job) -> list[Piece]:
    """What is to be done. Raises UserError where that is nothing, or where it can't go to `target`."""
    if target.exists() and not target.is_dir():
        what = "several files are" if len(sources) > 1 else "a folder is"
        raise UserError(f"{target} is a file: {what} written into a folder")
    if str(target) == "-":
        raise UserError("several files can't go to standard output: name a folder")
    found = [pair for source in sources for pair in _pairs(source, target)]
    if not found:
        raise UserError(f"{sources[0]} holds no image and no video")
    return [Piece(path, place.with_name(_output_name(path, job.format))) for path, place in found]


def upscale_many(sources: Sequence[Path], target: Path, job: Job, *, overwrite: bool, skip_existing: bool) -> int:
    """Upscale files, and every image and video under folders, into the folder `target`.

    A file goes there by its name, what a folder holds into the same place under `target`. A format that is read but not
    written becomes PNG or Matroska: a.gif.png, a.divx.mkv; pictures become what --format says: a.png of a.jpg.

    Returns the exit code: 2 where at least one file failed, each of which is named on standard error. What is
    neither an image nor a video is skipped with a notice. Raises UserError if nothing can be done at all.
    """
    from tqdm import tqdm

    files = pieces(sources, target, job)
    job.check()
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}") from None
    failed = 0
    made: set[Path] = set()
    with tqdm(files, unit=" files", disable=None, file=sys.stderr, dynamic_ncols=True) as bar:
        for path, out in bar:
            if skip_existing and out not in made and out.exists():
                bar.write(f"pocketsr: skipped {harmless(path, 500)}: {harmless(out, 500)} exists", file=sys.stderr)
                continue
            try:
                if out in made:
                    raise UserError(f"{path}: another of the files became {out} already: rename one of them")
                out.parent.mkdir(parents=True, exist_ok=True)
                report = job.upscale(path, out, overwrite=overwrite)
            except UserError as error:
                why = str(error)
            except MemoryError:
                why = f"{path}: not enough memory to upscale it"
            except Exception as error:  # a file may break anything that reads it, and must not end the run
                what = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
                why = f"{path} failed: {' '.join(what.split())[:300]}"
            else:
                made.add(out)
                for line in report.warnings:
                    bar.write(f"pocketsr: warning: {harmless(line, 2000)}", file=sys.stderr)
                bar.write(f"{harmless(out, 500)}: {report.size[0]}x{report.size[1]}", file=sys.stdout)
                continue
            failed += 1
            bar.write(f"pocketsr: {harmless(why, 2000)}", file=sys.stderr)
    if failed:
        print(f"pocketsr: {failed} of {len(files)} files failed", file=sys.stderr)
    return 2 if failed else 0


def _pairs(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Each file, and its place under `target`. Raises UserError where that lies in the folder that is read."""
    if not source.is_dir():
        yield source, target / source.name
        return
    if target.resolve() == source.resolve() or source.resolve() in target.resolve().parents:
        raise UserError(f"the output {target} lies in the input folder: name one outside of it")
    for path in _media(source):
        yield path, target / path.relative_to(source)


def _output_name(path: Path, form: str | None) -> str:
    """The input's name: a picture's with the suffix that is asked for; with a suffix more where it is only read."""
    from pocketsr.image import ANIMATION_SUFFIXES, is_animation, is_image_file, is_written

    suffix = path.suffix.lower()
    if is_image_file(path):
        if is_animation(path):
            form = form if form in ANIMATED else None
            if suffix in ANIMATION_SUFFIXES:
                return path.name if form in (None, suffix[1:]) else f"{path.stem}.{form}"
            return f"{path.stem}.{form}" if form else f"{path.name}.png"
        if form in PICTURES:
            same = form == {"jpeg": "jpg", "tif": "tiff"}.get(suffix[1:], suffix[1:])
            return path.name if same else f"{path.stem}.{form}"
        return path.name if is_written(path) else f"{path.name}.png"
    if form is not None and form not in PICTURES:
        return f"{path.stem}.{form}"
    return f"{path.name}.mkv" if suffix in _READ_ONLY_VIDEO_SUFFIXES else path.name


def _media(folder: Path) -> Iterator[Path]:
    from pocketsr.image import is_image_file
    from pocketsr.video.segments import is_segment_folder

    for path in sorted(folder.rglob("*")):
        # ._NAME is AppleDouble: what macOS keeps of NAME on foreign disks, under the suffix of a picture
        if any(is_segment_folder(part) for part in path.relative_to(folder).parts):
            continue
        if path.name.startswith("._") or path.name.lower() in _OF_SYSTEMS or is_part(path.name):
            continue
        if not path.is_file():
            continue
        suffix = path.suffix.lower()
        if is_image_file(path) or suffix in _VIDEO_SUFFIXES or suffix in _READ_ONLY_VIDEO_SUFFIXES:
            yield path
        else:
            print(f"pocketsr: skipped {harmless(path, 500)}: neither an image nor a video", file=sys.stderr)
