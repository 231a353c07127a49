"""What libtiff says of a broken file, caught: Pillow (13.0) lets it print on standard error, and goes on."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator

__all__ = ["decoding_errors"]

_LINE = re.compile(r"[A-Za-z_][\w.]*: (?!Warning).+")
# Complaints about tags, which leave the pixels what they are.
_OF_TAGS = ("TIFFFetch", "TIFFReadDir", "TIFFReadCustomDir", "TIFFVGet", "TIFFVSet", "TIFFSet", "TIFFClient", "_TIFF")


@contextlib.contextmanager
def decoding_errors(name: str) -> Iterator[list[str]]:
    """A list that holds, once the block is left, what libtiff wrote in it to descriptor 2 about pixels.

    name: of the format; for any other than TIFF nothing is done.

    A fax or LZW strip with a bad code is filled up with white or with what came before, and no error is raised. What
    others print meanwhile is passed on afterwards.
    """
    found: list[str] = []
    if name != "TIFF":
        yield found
        return
    try:
        error, scratch = os.dup(2), _scratch()
    except OSError:  # no standard error, or no more descriptors: then nothing is printed, or it is printed
        yield found
        return
    os.dup2(scratch, 2)
    try:
        yield found
    finally:
        os.dup2(error, 2)
        with contextlib.suppress(OSError):
            os.lseek(scratch, 0, os.SEEK_SET)
            for line in os.read(scratch, 1 << 20).splitlines(keepends=True):
                text = line.decode("utf-8", "replace").strip()
                if not _LINE.fullmatch(text):
                    os.write(error, line)
                elif not text.startswith(_OF_TAGS):
                    found.append(text)
        os.close(scratch)
        os.close(error)


def _scratch() -> int:
    """A file without a name: in memory where the system can do that, since the disk for such files may be full."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("libtiff")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
