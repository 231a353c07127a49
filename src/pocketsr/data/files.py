"""Which files of a folder are used."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pocketsr.errors import UserError

__all__ = ["find_files"]


def find_files(
    folders: Path | Sequence[Path], suffixes: Collection[str], kind: str, exclude: Collection[str]
) -> list[tuple[str, Path]]:  # fmt: skip
    """(path below its folder, path) of the files in `folders` with these suffixes, without those that `exclude` names.

    They are sorted by path, folder by folder.
    kind: what they are, in the plural, for errors.
    exclude: shell patterns ("webcam_*") of a file's path below its folder, of its name, or of its name without suffix.
    Raises UserError for a missing folder, for one that holds nothing to take, and for a pattern that nothing matches:
    what was meant to be held out must not come in through a slip of the pen.
    """
    folders = [folders] if isinstance(folders, Path) else folders
    found = [
        (path.relative_to(folder).as_posix(), path) for folder in folders for path in _inside(folder, suffixes, kind)
    ]
    where = " ".join(map(str, folders))
    for pattern in exclude:
        if not any(_named(pattern, name) for name, _ in found):
            raise UserError(f"{where}: exclude {pattern!r} matches none of its {kind}: correct it, or leave it out")
    taken = [(name, path) for name, path in found if not any(_named(pattern, name) for pattern in exclude)]
    if not taken:
        raise UserError(f"{where}: exclude leaves none of its {len(found)} {kind}: exclude less")
    return taken


def _inside(folder: Path, suffixes: Collection[str], kind: str) -> list[Path]:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {what}: name the folder of the {kind}")
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in suffixes and path.is_file()]
    if not found:
        raise UserError(f"{folder} holds no {kind} ({' '.join(sorted(suffixes))}): name a folder that does")
    return found


def _named(pattern: str, name: str) -> bool:
    path = PurePosixPath(name)
    return any(fnmatchcase(part, pattern) for part in (name, path.name, path.stem))
