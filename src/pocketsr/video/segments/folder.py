"""The folder beside an output that keeps finished segments, until all are there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from pocketsr.atomic_io import replacing
from pocketsr.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: two runs at once aren't noticed there
    fcntl = None  # type: ignore[assignment]

__all__ = ["SegmentFolder", "is_segment_folder"]

_NAME = re.compile(r"\..{1,40}-[0-9a-f]{8}\.pocketsr-segments", re.DOTALL)
_MOST_JOB = 2**20  # bytes


def is_segment_folder(name: str) -> bool:
    """Whether a folder of this name holds segments of an output beside it."""
    return _NAME.fullmatch(name) is not None


class SegmentFolder:
    """What is there of `target`, for one process at a time: `with SegmentFolder(target, job) as folder`.

    Attributes:
        path: the folder.
        stale: whether it held segments of another job, which are gone.

    Args:
        job: all that a segment's bytes depend on, as JSON takes it.

    Raises:
        UserError: the folder can't be made, isn't this user's alone, or another process works in it.
    """

    def __init__(self, target: Path, job: Mapping[str, object]) -> None:
        place = Path(os.path.realpath(target))
        stem = os.fsencode(place.name)[:40].decode("utf-8", "ignore")
        tag = hashlib.sha256(os.fsencode(place.name)).hexdigest()[:8]
        self.path = place.with_name(f".{stem}-{tag}.pocketsr-segments")
        self.stale = False
        self._target, self._lock = target, -1
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._check()
            self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | _flag("O_NOFOLLOW"), 0o600)
            self._take_lock()
            about = json.dumps(job, sort_keys=True)
            if self._job() != about:
                self.stale = any(self._segments())
                for path in self._segments():
                    path.unlink()
                self._write(self.path / "job.json", about.encode())
        except OSError as error:
            self._release()
            raise _refused(target, self.path, error) from error
        except BaseException:
            self._release()
            raise

    def _check(self) -> None:
        """As for the cache of libraries: nobody else may have put anything there."""
        found = self.path.lstat()
        mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
        if not stat.S_ISDIR(found.st_mode) or not mine or (os.name == "posix" and found.st_mode & 0o022):
            raise UserError(f"{self.path} is not a folder of yours alone: remove it, or name another output")

    def _take_lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{self._target}: another pocketsr is making it: wait for that, or stop it") from None
        except OSError:  # a file system without locks
            return

    def _job(self) -> str | None:
        with contextlib.suppress(OSError, ValueError):
            return _read(self.path / "job.json", _MOST_JOB).decode()
        return None

    def _segments(self) -> Iterator[Path]:
        return (path for path in sorted(self.path.iterdir()) if path.suffix == ".segment")

    def _place(self, number: int) -> Path:
        return self.path / f"{number:06}.segment"

    def has(self, number: int) -> bool:
        """Whether a segment is there."""
        return self._place(number).is_file()

    def read(self, number: int) -> bytes | None:
        """A segment's bytes; None where there is none that can be read."""
        with contextlib.suppress(OSError):
            return _read(self._place(number))
        return None

    def drop(self, number: int) -> None:
        """Leave out a segment that is damaged."""
        with contextlib.suppress(OSError):
            self._place(number).unlink()

    def keep(self, number: int, data: bytes) -> None:
        """Store a segment: durably, and whole or not at all. Raises UserError."""
        try:
            self._write(self._place(number), data)
        except OSError as error:
            raise _refused(self._target, self.path, error) from error

    def _write(self, place: Path, data: bytes) -> None:
        with replacing(place) as path:
            path.write_bytes(data)

    def remove(self) -> None:
        """The output is there: nothing of this is needed any more."""
        shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """Let another process in; a folder without a segment goes."""
        with contextlib.suppress(OSError):
            if not any(self._segments()):
                self.remove()
        self._release()

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> SegmentFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _flag(name: str) -> int:
    return int(getattr(os, name, 0))


def _read(path: Path, most: int = -1) -> bytes:
    """A plain file's bytes. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK") | _flag("O_BINARY"))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        return file.read(most)


def _refused(target: Path, folder: Path, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"{target}: the disk is full; finished segments are kept in {folder}: free some space and run the same "
            "command again"
        )
    return UserError(f"{target} can't be written: {error.strerror}")
