"""Files that are this user's own, or the system's, and that nobody else may write to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pocketsr.names import harmless

__all__ = ["NotOursError", "check_above", "check_folder", "read_owned"]

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_CHECKED = os.open in os.supports_dir_fd and hasattr(os, "geteuid") and hasattr(os, "O_NOFOLLOW")
"""Windows has neither: there a user's cache folder is the user's own by inherited access lists."""


class NotOursError(Exception):
    """Why a file or folder isn't trusted, and what to do about it."""


def _check(about: os.stat_result, name: str) -> None:
    name = harmless(name, 200)
    if about.st_uid not in (os.geteuid(), 0):
        raise NotOursError(f"it belongs to another user (uid {about.st_uid}); set POCKETSR_CACHE to a folder of yours")
    if about.st_mode & _OTHERS:
        raise NotOursError(f"others may write to it, and what lies in it is run; chmod go-w '{name}'")


def check_folder(folder: Path) -> None:
    """Raises NotOursError where others may put files into `folder`; OSError where it can't be looked at."""
    if _CHECKED:
        _check(folder.stat(), str(folder))


def check_above(folder: Path) -> None:
    """Raises NotOursError where others may put another folder in the place of `folder`; OSError as above.

    `folder` has to be what links lead to (os.path.realpath): a link may lead elsewhere a moment later.
    """
    for child, parent in zip((folder, *folder.parents), folder.parents, strict=False) if _CHECKED else ():
        mode = parent.stat().st_mode
        if not mode & stat.S_IWOTH:
            continue
        if not mode & stat.S_ISVTX:
            name = harmless(str(parent), 200)
            raise NotOursError(f"all may write to '{name}' above it, and put another in its place; chmod o-w '{name}'")
        if child.stat().st_uid not in (os.geteuid(), 0):  # in a place like /tmp: its owner may do with it what he likes
            name = harmless(str(child), 200)
            raise NotOursError(f"'{name}' above it belongs to another user; set POCKETSR_CACHE to a folder of yours")


def read_owned(folder: Path, name: str, most: int) -> bytes:
    """The plain file `name` directly in `folder`, neither reached by a link.

    Raises OSError, and NotOursError for one of another user, one that others may write to, and one of more than
    `most` bytes.
    """
    if not isinstance(name, str) or name != Path(name).name or name in ("", ".", ".."):
        raise NotOursError("a name is expected, not a path")
    if not _CHECKED:
        return (folder / name).read_bytes()
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check(os.fstat(inside), str(folder))
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=inside)
    finally:
        os.close(inside)
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        _check(about, str(folder / name))
        if not stat.S_ISREG(about.st_mode) or about.st_size > most:
            raise NotOursError("a plain file is expected")
        return file.read()
