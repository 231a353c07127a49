"""Inputs and outputs that are pipes: `-`, `mkfifo`, `<(..)`, /dev/stdin. Videos stream through, in constant memory.

What can't be read without going back in it is saved first: pictures, and MP4 whose table of contents stands at its end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pocketsr.cli._patience import note_after
from pocketsr.errors import UserError
from pocketsr.names import harmless
from pocketsr.pipes import Inflow, Outflow

__all__ = ["STDIN", "STDOUT", "incoming", "is_pipe", "outgoing", "whole_file"]

STDIN, STDOUT = Path("standard input"), Path("standard output")
_PATIENCE_S = 3.0
_RESERVE = 512 * 2**20  # bytes of the disk that a pipe without end leaves to others
_PEEKED = 4096  # bytes
# Formats that are read from the front to the back, by their first bytes.
_STREAMS = (
    b"YUV4MPEG2 ", b"\x1a\x45\xdf\xa3", b"FLV\x01", b"nut/multimedia container\0", b"DKIF", b"OggS", b"\0\0\1\xba",
    b"\0\0\1\xb3", b"\0\0\0\1", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
)  # fmt: skip


def is_pipe(path: Path) -> bool:
    """Whether `path` is `-`, or a FIFO or socket."""
    if str(path) == "-":
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextlib.contextmanager
def incoming(path: Path, *, raw: bool = False, reserve: int = _RESERVE) -> Iterator[Path | Inflow]:
    """What comes through `path` (`-`: standard input), to be read once; a file, for as long as the context lasts, where
    it has to be gone back in; `path` itself where that is a file.

    raw: whether it is raw frames. reserve: bytes that stay free on the disk of TMPDIR.
    Raises UserError for a device or a terminal, and where more comes than the disk has room for.
    """
    if str(path) != "-":
        mode = path.stat().st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise UserError(f"{path} is a device, not a file or a pipe: name a file")
        if not is_pipe(path):
            yield path
            return
    with _opened(path) as pipe:
        if raw or pipe.peek(64).startswith(_STREAMS) or _streams(pipe.peek(_PEEKED)):
            yield pipe
            return
        with tempfile.TemporaryDirectory(prefix="pocketsr-") as folder:
            file = Path(folder) / pipe.name.split("/")[-1]
            _save(pipe, file, reserve)
            try:
                yield file
            except UserError as error:
                raise UserError(str(error).replace(str(file), pipe.name)) from error


@contextlib.contextmanager
def whole_file(path: Path, reserve: int = _RESERVE) -> Iterator[Path]:
    """As `incoming`, but always a file."""
    with incoming(path, reserve=reserve) as found:
        if isinstance(found, Path):
            yield found
            return
        with tempfile.TemporaryDirectory(prefix="pocketsr-") as folder:
            file = Path(folder) / path.name
            _save(found, file, reserve)
            yield file


@contextlib.contextmanager
def outgoing(path: Path) -> Iterator[Outflow]:
    """Where `path` (`-`: standard output) leads. Raises UserError for a terminal, and where nobody can read."""
    if str(path) == "-":
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        if os.isatty(1):
            raise UserError("standard output is a terminal: redirect it to a file or a program, or name a file")
        handle, name = os.dup(1), str(STDOUT)
    else:
        line = f"{harmless(path)} is a pipe from which nobody reads yet: waiting (Ctrl-C ends it)"
        handle, name = _open(path, os.O_WRONLY, line), str(path)
    with Outflow(handle, name) as flow:
        yield flow


def _opened(path: Path) -> Inflow:
    if str(path) != "-":
        line = f"{harmless(path)} is a pipe into which nobody writes yet: waiting (Ctrl-C ends it)"
        return Inflow(_open(path, os.O_RDONLY, line), str(path))
    if os.isatty(0):
        raise UserError("standard input is a terminal: name a file, or let a program write into it")
    if stat.S_ISCHR(os.fstat(0).st_mode) and not os.path.samestat(os.fstat(0), os.stat(os.devnull)):  # noqa: PTH116
        raise UserError("standard input is a device: name a file, or let a program write into it")
    return Inflow(os.dup(0), str(STDIN))


def _open(path: Path, flags: int, line: str) -> int:
    with note_after(_PATIENCE_S, line):
        try:
            return os.open(path, flags | getattr(os, "O_CLOEXEC", 0))  # comes back when the other end is opened
        except OSError as error:
            raise UserError(f"{path} can't be opened: {error.strerror}") from error


def _streams(head: bytes) -> bool:
    """Whether what begins so is a transport stream, or an MP4 that can be read from front to back."""
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] in (b"G", b""):  # MPEG-TS
        return True
    at = 0
    while at + 8 <= len(head) and head[4:8] in (b"ftyp", b"moov"):  # MP4, and what stands first in it
        size, kind = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        if kind == b"moov":
            return not _is_still(head)
        if kind == b"mdat" or size < 8:
            return False
        at += size
    return False


def _is_still(head: bytes) -> bool:
    return head[8:12] in (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"jxl ")


def _save(pipe: Inflow, file: Path, reserve: int) -> None:
    with file.open("wb") as target:
        while chunk := pipe.read():
            try:
                full = shutil.disk_usage(file.parent).free < reserve
                target.write(chunk)
            except OSError:
                full = True
            if full:
                size = target.tell() >> 20
                target.close()
                raise UserError(
                    f"{pipe.name}: the disk of {file.parent.parent} has no room for what comes through this pipe "
                    f"({size} MB so far): set TMPDIR to a folder on a larger one"
                )
