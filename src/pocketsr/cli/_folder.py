"""A folder in, a folder out: the same names, and one bad file does not stop the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.cli._upscaling import Job

__all__ = ["upscale_folder"]

_VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg"),
    *(".wmv", ".flv", ".3gp", ".ogv", ".y4m"),
)


def upscale_folder(source: Path, target: Path, job: Job, *, overwrite: bool) -> int:
    """Upscale every image and video under `source` into the same place under `target`.

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
    failed = 0
    with tqdm(files, unit=" files", disable=None, file=sys.stderr, dynamic_ncols=True) as bar:
        for path in bar:
            out = target / path.relative_to(source)
            try:
                out.parent.mkdir(parents=True, exist_ok=True)
                report = job.upscale(path, out, overwrite=overwrite)
            except UserError as error:
                failed += 1
                bar.write(f"pocketsr: {error}", file=sys.stderr)
                continue
            except OSError as error:
                raise UserError(f"cannot write {out.parent}: {error.strerror}") from None
            for line in report.warnings:
                bar.write(f"pocketsr: warning: {harmless(line, 2000)}", file=sys.stderr)
    if failed:
        print(f"pocketsr: {failed} of {len(files)} files failed", file=sys.stderr)
    return 2 if failed else 0


def _media(folder: Path) -> Iterator[Path]:
    from pocketsr.image import is_image_file

    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if is_image_file(path) or path.suffix.lower() in _VIDEO_SUFFIXES:
            yield path
        else:
            print(f"pocketsr: skipped {harmless(path, 500)}: neither an image nor a video", file=sys.stderr)
