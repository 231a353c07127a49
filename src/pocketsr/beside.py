"""An output that is either complete or absent: written beside its place, moved there at the end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pocketsr.errors import UserError

__all__ = ["Beside", "replacing"]


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place at the end, or is gone where writing failed."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class Beside:
    """Where to write for now, at `path`: a hidden file in the target's folder, with the target's suffix.

    Raises:
        UserError: the target is the source, exists (without `overwrite`), is a folder or a device, or its
            folder is missing or can't be written.
    """

    def __init__(self, target: Path, source: Path, *, overwrite: bool) -> None:
        self.target = target
        place = Path(os.path.realpath(target))  # a link keeps pointing where it points
        if place.is_dir():
            example = target / f"{source.stem}_2x.mkv"
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
        self._place = place
        self.path = place.with_name(f".{place.stem[:40]}.{os.getpid()}.part{place.suffix}")
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o666))
        except OSError as error:
            raise UserError(f"{target} can't be written: {error.strerror}") from error

    def keep(self) -> None:
        """Make what was written durable and move it into place.

        Raises:
            OSError: the disk is full, or the move failed; the caller then discards.
        """
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        self.path.replace(self._place)

    def discard(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):
            self.path.unlink()
