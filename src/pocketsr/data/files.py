"""Which files of a folder are taken."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path

from pocketsr.errors import UserError

__all__ = ["find_files"]


def find_files(folder: Path, suffixes: Collection[str], kind: str, exclude: Collection[str]) -> list[Path]:
    """Files under `folder` with these suffixes, sorted by path, without those that `exclude` names.

    kind: what they are, in the plural, for errors.
    exclude: shell patterns ("webcam_*") of a file's path below `folder`, of its name, or of its name without suffix.
    Raises UserError for a missing folder, for one that holds nothing to take, and for a pattern that nothing matches:
    what was meant to be held out must not come in through a slip of the pen.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {what}: name the folder of the {kind}")
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in suffixes and path.is_file()]
    if not found:
        raise UserError(f"{folder} holds no {kind} ({' '.join(sorted(suffixes))}): name a folder that does")
    names = {path: (path.relative_to(folder).as_posix(), path.name, path.stem) for path in found}
    for pattern in exclude:
        gone = [path for path, known in names.items() if any(fnmatchcase(name, pattern) for name in known)]
        if not gone:
            raise UserError(f"{folder}: exclude {pattern!r} matches none of its {kind}: correct it, or leave it out")
    taken = [p for p in found if not any(fnmatchcase(name, pattern) for name in names[p] for pattern in exclude)]
    if not taken:
        raise UserError(f"{folder}: exclude leaves none of its {len(found)} {kind}: exclude less")
    return taken
