"""An ONNX file and all that belongs to it, read once: what is hashed for the cache is what is compiled.

Nothing here imports `onnx`: a warm start needs only the bytes. Whatever a file says of other files is checked: they lie
in its own folder or below, no link is followed on the way, and sizes are right.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pocketsr.engine.onnx.wire import External, scan
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["MOST_BYTES", "ModelFile", "read_file"]

MOST_BYTES = 512 * 2**20
"""Of a file, and of all that lie beside it. The largest published networks for images are below 200 MB."""


@dataclass(frozen=True)
class ModelFile:
    """path: as messages name it. external: the numbers of a tensor that lie in another file, by place."""

    path: Path
    content: bytes
    external: dict[tuple[str, str, str], bytes] = field(default_factory=dict)  # location, offset, length

    def key(self) -> bytes:
        """Differs wherever the network does."""
        if not self.external:
            return self.content
        whole = hashlib.sha256()
        for place, data in sorted(self.external.items()):
            whole.update(repr((place, len(data))).encode() + data)
        return self.content + whole.digest()


def _at_once(path: str, flags: int) -> int:
    """Opens without waiting for somebody to write to a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_file(source: Path | ModelFile) -> ModelFile:
    """The file `source` with what it keeps in others.

    Raises UserError where it can't be read, is no ONNX file, is too large, or names a file that it may not.
    """
    if isinstance(source, ModelFile):
        return source
    try:
        with open(source, "rb", opener=_at_once) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):  # a pipe may never end, a device neither
                raise UserError(f"{source}: an ONNX file is expected; this is no plain file")
            if about.st_size > MOST_BYTES:
                raise UserError(f"{source}: {about.st_size / 2**20:.0f} MB; up to {MOST_BYTES // 2**20} are supported")
            content = file.read(MOST_BYTES + 1)[:MOST_BYTES]
    except OSError as error:
        raise UserError(f"{source}: it can't be read ({error.strerror or error})") from error
    try:
        outside = scan(content)
    except ValueError as error:
        raise UserError(f"{source}: not a valid ONNX network ({error})") from error
    if not content:
        raise UserError(f"{source}: not a valid ONNX network (it is empty)")
    found: dict[tuple[str, str, str], bytes] = {}
    total = 0
    for each in outside:
        place = each.location, each.offset, each.length
        if place in found:
            continue
        try:
            found[place] = _numbers(source.parent, each, MOST_BYTES - total)
        except ValueError as error:
            raise UserError(
                f"{source}: the numbers of '{harmless(each.tensor)}' are kept in '{harmless(each.location)}': {error}"
            ) from error
        total += len(found[place])
    return ModelFile(source, content, found)


def _numbers(folder: Path, external: External, most: int) -> bytes:
    """Raises ValueError with the reason in words."""
    try:
        offset = int(external.offset or 0)
        length = int(external.length) if external.length else None
    except ValueError:
        raise ValueError("its offset or length is no number") from None
    with _opened(folder, external.location) as handle:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("that is no plain file")
        if offset < 0 or (length is not None and length < 0):
            raise ValueError("its offset or length is negative")
        rest = about.st_size - offset
        wanted = max(rest, 0) if length is None else length
        if rest < wanted or rest < 0:
            raise ValueError(f"that has {about.st_size} bytes, and {offset + wanted} are needed: copy it again")
        if wanted > most:
            raise ValueError(f"with all others that is more than {MOST_BYTES // 2**20} MB")
        os.lseek(handle, offset, os.SEEK_SET)
        pieces = []
        while wanted and (piece := os.read(handle, min(wanted, 2**24))):
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)


@contextmanager
def _opened(folder: Path, location: str) -> Iterator[int]:
    """A descriptor of the file `location` below `folder`, reached without following a link."""
    parts = PurePosixPath(location).parts
    odd = not parts or location.startswith("/") or ".." in parts or any(c in location for c in "\\:\0")
    if odd or len(location) > 1024:
        raise ValueError("a file in the network's own folder is expected; no path that leads out of it")
    handles: list[int] = []
    try:
        if os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW"):
            handles.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
            for part in parts[:-1]:
                handles.append(os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handles[-1]))
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe is refused later, and not waited for
            handles.append(os.open(parts[-1], flags, dir_fd=handles[-1]))
        else:  # Windows, where making links takes a privilege
            path = folder.joinpath(*parts)
            if path.resolve() != folder.resolve().joinpath(*parts):
                raise ValueError("that is a link: put the file itself there")
            handles.append(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        yield handles[-1]
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise ValueError("there is no such file; it belongs beside the network, under the name it had") from error
        on_the_way = [folder.joinpath(*parts[: count + 1]) for count in range(len(parts))]
        if any(os.path.islink(place) for place in on_the_way):  # noqa: PTH114  (Path.is_symlink raises for a long name)
            raise ValueError("that is a link: put the file itself there") from error
        raise ValueError(f"it can't be read ({error.strerror})") from error
    finally:
        for handle in handles:
            os.close(handle)
