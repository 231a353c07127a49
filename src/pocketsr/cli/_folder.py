"""A folder in, a folder out: the same names, and one bad file does not stop the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.atomic_io import is_part
from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.cli._upscaling import Job

__all__ = ["upscale_folder"]

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


def upscale_folder(source: Path, target: Path, job: Job, *, overwrite: bool) -> int:
    """Upscale every image and video under `source` into the same place under `target`.

    A format that is read but not written becomes PNG or Matroska: a.gif.png, a.divx.mkv.

    Returns the exit code: 2 where at least one file failed, each of which is named on standard error. What is
    neither an image nor a video is skipped with a notice. Raises UserError if nothing can be done at all.
    """
    from tqdm import tqdm

    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file: a folder is written into a folder")
    if target.resolve() == source.resolve() or source.resolve() in target.resolve().parents:
        raise UserError(f"the output {target} lies in the input folder: name one outside of it")
    files = list(_media(source))
    if not files:
        raise UserError(f"{source} holds no image and no video")
    job.net  # noqa: B018  an unknown model is one error, not one a file
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}") from None
    failed = 0
    made: set[Path] = set()
    with tqdm(files, unit=" files", disable=None, file=sys.stderr, dynamic_ncols=True) as bar:
        for path in bar:
            out = target / path.relative_to(source)
            out = out.with_name(_output_name(path))
            try:
                if out in made:
                    raise UserError(f"{path}: another file of the folder became {out} already: rename one of them")
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
                continue
            failed += 1
            bar.write(f"pocketsr: {harmless(why, 2000)}", file=sys.stderr)
    if failed:
        print(f"pocketsr: {failed} of {len(files)} files failed", file=sys.stderr)
    return 2 if failed else 0


def _output_name(path: Path) -> str:
    """The input's name, with a suffix more where its format is only read."""
    from pocketsr.image import IMAGE_SUFFIXES, is_image_file

    suffix = path.suffix.lower()
    if is_image_file(path):
        return path.name if suffix in IMAGE_SUFFIXES else f"{path.name}.png"
    return f"{path.name}.mkv" if suffix in _READ_ONLY_VIDEO_SUFFIXES else path.name


def _media(folder: Path) -> Iterator[Path]:
    from pocketsr.image import is_image_file

    for path in sorted(folder.rglob("*")):
        # ._NAME is AppleDouble: what macOS keeps of NAME on foreign disks, under the suffix of a picture
        if path.name.startswith("._") or path.name.lower() in _OF_SYSTEMS or is_part(path.name):
            continue
        if not path.is_file():
            continue
        suffix = path.suffix.lower()
        if is_image_file(path) or suffix in _VIDEO_SUFFIXES or suffix in _READ_ONLY_VIDEO_SUFFIXES:
            yield path
        else:
            print(f"pocketsr: skipped {harmless(path, 500)}: neither an image nor a video", file=sys.stderr)
