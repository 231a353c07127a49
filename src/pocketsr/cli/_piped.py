"""An input that comes through a pipe is saved first: it is looked at before it is read, and formats seek in it."""

from __future__ import annotations

import contextlib
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pocketsr.cli._patience import note_after
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["whole_file"]

_CHUNK = 2**20
_PATIENCE_S = 3.0
_RESERVE = 512 * 2**20  # bytes of the disk that a pipe without end leaves to others


@contextlib.contextmanager
def whole_file(path: Path, reserve: int = _RESERVE) -> Iterator[Path]:
    """`path` itself, or, where it is a pipe (`mkfifo`, `<(..)`, /dev/stdin), a file for as long as the context lasts.

    The file has the pipe's name, in a folder of its own under TMPDIR; UserErrors that name it are turned to name
    the pipe.

    Args:
        reserve: bytes that stay free on the disk of TMPDIR.

    Raises:
        UserError: `path` is a device, or more comes than the disk of TMPDIR has room for.
    """
    mode = path.stat().st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise UserError(f"{path} is a device, not a file or a pipe: name a file")
    if not stat.S_ISFIFO(mode):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="pocketsr-") as folder:
        file = Path(folder) / path.name
        _save(path, file, reserve)
        try:
            yield file
        except UserError as error:
            raise UserError(str(error).replace(str(file), str(path))) from error


def _save(pipe: Path, file: Path, reserve: int) -> None:
    line = f"{harmless(pipe)} is a pipe into which nobody writes yet: waiting (Ctrl-C ends it)"
    with note_after(_PATIENCE_S, line):
        opened = pipe.open("rb")  # comes back when somebody opens the other end
    with opened as source, file.open("wb") as target:
        while chunk := source.read(_CHUNK):
            try:
                full = shutil.disk_usage(file.parent).free < reserve
                target.write(chunk)
            except OSError:
                full = True
            if full:
                size = target.tell() >> 20
                target.close()
                raise UserError(
                    f"{pipe}: the disk of {file.parent.parent} has no room for what comes through this pipe ({size} MB "
                    "so far): set TMPDIR to a folder on a larger one"
                )
