"""An output that is either complete or absent: written beside its place, moved there at the end.

A part file is opened so that nothing that stands there already is written to (O_EXCL, O_NOFOLLOW), under a name that
nobody can guess, and its owner holds a lock on it. What a killed process left behind is therefore known by two
things: its name is one of ours, and nobody holds its lock.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from pocketsr.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there, so nothing is swept either
    fcntl = None  # type: ignore[assignment]

__all__ = ["Beside", "delivered", "is_part", "replacing", "scratch_folder"]

_PART = re.compile(r"\..*\.?pocketsr-[0-9a-f]{16}\.part(\.[^./]{1,15})?", re.DOTALL)
_NAME_MAX = 255  # bytes, where the file system doesn't tell
_STEM, _SUFFIX = 40, 16  # bytes of a target's name that its part file's name repeats
_swept: set[str] = set()


def is_part(name: str) -> bool:
    """Whether a file of this name is the unfinished output of a pocketsr, running or killed."""
    return _PART.fullmatch(name) is not None


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place at the end, or is gone where writing failed.

    Where `path` is a link, what it points to is replaced. The file is on disk (fsync) before it takes its place.
    Raises OSError where the folder can't be written to, or `path` is a link that must not be followed.
    """
    part = _Part(_place(path))
    try:
        yield part.path
        part.keep()
    finally:
        part.discard()


@contextlib.contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder in `folder`, for this process alone, that is gone at the end. Raises OSError."""
    _sweep(folder)
    path = folder / f".pocketsr-{os.urandom(8).hex()}.part"
    path.mkdir(mode=0o700)
    handle = -1
    try:
        if fcntl is not None:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            _lock(handle)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if handle >= 0:
            os.close(handle)


@contextlib.contextmanager
def delivered(folder: Path) -> Iterator[Path]:
    """A folder to write to, whose files and folders go to `folder` at the end, or nowhere where something failed.

    `folder` is made where there is none. Raises UserError where it can't be written, or holds a file where a folder
    goes, the other way round, or a link to a folder.
    """
    fresh = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_folder(folder) as scratch:
            yield scratch
            moves = [(made, folder / made.name) for made in sorted(scratch.iterdir())]
            for made, place in moves:
                _check_place(made, place)
            for made, place in moves:
                if place.is_dir():  # a folder doesn't replace another one: the old one goes with `scratch`
                    place.rename(scratch / f"{place.name}.old")
                made.replace(place)
    except OSError as error:
        raise UserError(f"{folder} can't be written ({error.strerror}); choose another folder with -o") from error
    finally:
        if fresh:
            with contextlib.suppress(OSError):  # it holds what was made, or was never made
                folder.rmdir()


def _check_place(made: Path, place: Path) -> None:
    found = "link to a folder" if place.is_symlink() and place.is_dir() else "folder" if place.is_dir() else "file"
    wanted = "folder" if made.is_dir() else "file"
    if place.exists() and found != wanted:
        raise UserError(f"{place} is a {found}, and a {wanted} of that name is to be written: move it away")


class Beside:
    """Where to write for now, at `path`: a hidden file in the target's folder, with the target's suffix.

    A target that is a link keeps pointing where it points; what it points to is replaced.

    Raises:
        UserError: the target is the source, exists (without `overwrite`), is a folder or a device, its name is too
            long, or its folder is missing or can't be written.
    """

    def __init__(self, target: Path, source: Path, *, overwrite: bool) -> None:
        self.target = target
        try:
            longest, length = _longest_name(target.parent), len(os.fsencode(target.name))
            if length > longest:
                raise UserError(f"the name {target.name[:20]}.. has {length} bytes: {longest} are the most here")
            place = _place(target)
            self._check(place, source, overwrite)
            self._part = _Part(place, target.suffix, overwrite=overwrite)
        except OSError as error:
            raise UserError(f"{target} can't be written: {error.strerror}") from error
        self.path = self._part.path

    def _check(self, place: Path, source: Path, overwrite: bool) -> None:
        target = self.target
        if place.is_dir():
            example = target / f"{source.stem}_2x{source.suffix or '.mkv'}"
            raise UserError(f"{target} is a folder: name the file to write, for instance {example}")
        if place.exists():
            if source.exists() and place.samefile(source):
                raise UserError(f"{target} is the input itself: name another output")
            if not place.is_file():
                raise UserError(
                    f"{target} is not a plain file: name another output, or use --benchmark to write nothing"
                )
            if not overwrite:
                raise UserError(f"{target} exists already: pass -y to replace it")
            if not os.access(place, os.W_OK):
                raise UserError(f"{target} is write-protected: name another output, or make it writable")
        if not place.parent.is_dir():
            raise UserError(f"{target}: there is no folder {place.parent}")

    def keep(self) -> None:
        """Make what was written durable and move it into place.

        Raises:
            OSError: the disk is full, the move failed, or a file that may not be replaced has come up meanwhile; the
                caller then discards.
        """
        self._part.keep()

    def discard(self) -> None:
        """Leave nothing behind."""
        self._part.discard()


class _Part:
    """A new, locked file beside `place`. Raises OSError where it can't be made."""

    def __init__(self, place: Path, suffix: str = "", *, overwrite: bool = True) -> None:
        self._place, self._overwrite = place, overwrite
        _sweep(place.parent)
        self.path, self._handle = _create(place, suffix)

    def keep(self) -> None:
        """Move the file to its place, on disk. Raises OSError; `discard` must follow."""
        os.fsync(self._handle)
        mine, there = os.fstat(self._handle), os.lstat(self.path)
        if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino):
            raise OSError(errno.EBUSY, "another process has put a file in its place", str(self.path))
        # Who could read the old file can read the new one, and nobody else; Windows has no fchmod before Python 3.13.
        with contextlib.suppress(OSError, AttributeError):
            os.fchmod(self._handle, stat.S_IMODE(os.lstat(self._place).st_mode) & 0o777)
        if fcntl is None:  # Windows moves no open file
            os.close(self._handle)
            self._handle = -1
        if self._overwrite:
            self.path.replace(self._place)
        else:
            _move_to_free(self.path, self._place)
        _sync_folder(self._place.parent)

    def discard(self) -> None:
        """Give up the lock; remove the file where it was not kept."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _move_to_free(path: Path, place: Path) -> None:
    """Move a file where nothing may stand. Raises OSError where something does."""
    try:
        os.link(path, place)  # unlike a move it never replaces
    except FileExistsError:
        raise OSError(errno.EEXIST, "a file of that name has come up meanwhile; pass -y to replace it") from None
    except (OSError, AttributeError):  # a file system without hard links
        if os.path.lexists(place):
            raise OSError(errno.EEXIST, "a file of that name has come up meanwhile; pass -y to replace it") from None
        path.replace(place)
    else:
        path.unlink()


def _place(target: Path) -> Path:
    """Where writing to `target` really writes. Raises OSError for links that lead nowhere or come from strangers."""
    place = Path(os.path.realpath(target))
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(target))
    if target.is_symlink() and hasattr(os, "geteuid"):
        # As Linux does with protected_symlinks: in a folder like /tmp nobody else's link says where we write to.
        folder, link = target.parent.stat(), target.lstat()
        shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
        if shared and link.st_uid not in (os.geteuid(), folder.st_uid):
            raise OSError(errno.EACCES, "it is another user's link in a folder that all may write to", str(target))
    return place


def _create(place: Path, suffix: str) -> tuple[Path, int]:
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    flags |= getattr(os, "O_BINARY", 0)
    for _ in range(8):
        path = place.with_name(_part_name(place, suffix))
        handle = os.open(path, flags, 0o666)
        _lock(handle)
        if os.fstat(handle).st_nlink:
            return path, handle
        os.close(handle)  # swept by another process, between opening and locking
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(place))


def _part_name(place: Path, suffix: str) -> str:
    """A name that no one can guess and the file system takes, with `suffix` at its end, by which FFmpeg goes."""
    kept = os.fsencode(suffix)[:_SUFFIX].decode("utf-8", "ignore")
    tail = f".pocketsr-{os.urandom(8).hex()}.part{kept}"
    room = _longest_name(place.parent) - len(os.fsencode(tail)) - 1
    stem = os.fsencode(place.stem)[: max(min(room, _STEM), 0)].decode("utf-8", "ignore")
    return f".{stem}{tail}"


def _longest_name(folder: Path) -> int:
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError, AttributeError):
        return _NAME_MAX


def _lock(handle: int) -> bool:
    """Whether the lock was free. A file system without locks gives none, and then nothing is ever swept there."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(folder: Path) -> None:
    """Remove what killed processes of this user left in `folder`; once a folder, since a folder may be large."""
    key = os.path.realpath(folder)
    if fcntl is None or key in _swept:
        return
    _swept.add(key)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if is_part(entry.name)]:
            with contextlib.suppress(OSError):
                _remove_abandoned(folder / name)


def _remove_abandoned(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if found.st_uid != os.geteuid() or not _lock(handle):
            return
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(path, ignore_errors=True)
        elif stat.S_ISREG(found.st_mode):
            path.unlink()
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make a move in `folder` durable, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
