"""Compiled networks on disk, by content.

What is broken or foreign is made anew, and two processes never harm each other. A library is code: it is loaded only
from a folder that nobody else may write to, and only where folder and files are this user's (or the system's) own.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import json
import logging
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from pocketsr.engine.runtime.owned import NotOursError, check_above, check_folder, read_owned
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["Entry", "Make", "NoCacheError", "cache_folder", "entry_for", "machine_key"]

Entry = tuple[Path, dict[str, object]]  # the library; what to remember of it, as JSON
Make = Callable[[Path], Entry]
T = TypeVar("T")

_MOST_ABOUT, _MOST_LIBRARY = 2**16, 2**30  # bytes
_OLD_S = 86400.0
_UNUSABLE = (OSError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_log = logging.getLogger("pocketsr")


class NoCacheError(Exception):
    """Why the cache folder can't be used, and what to do about it."""


def cache_folder() -> Path:
    """$POCKETSR_CACHE, else the user's cache folder of this system. Raises NoCacheError where the user has no home."""
    if own := os.environ.get("POCKETSR_CACHE"):
        return Path(own)
    try:
        match platform.system():
            case "Windows":
                base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
            case "Darwin":
                base = Path.home() / "Library" / "Caches"
            case _:
                stated = Path(os.environ.get("XDG_CACHE_HOME", ""))  # relative ones don't count: XDG says so
                base = stated if stated.is_absolute() else Path.home() / ".cache"
    except RuntimeError as error:
        raise NoCacheError("no cache folder is known, since the user has no home; set POCKETSR_CACHE") from error
    return base / "pocketsr"


@cache
def _machine() -> str:
    """What the compiled code depends on beside the network: processor, chosen compiler, this engine's own source."""
    own = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.*")):
        if path.suffix in (".py", ".h"):
            own.update(path.read_bytes())
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = "\n".join(sorted({x for x in lines if x.startswith(("flags", "Features", "model name"))}))
    except OSError:
        processor = platform.processor()
    return "\n".join([own.hexdigest(), platform.machine(), processor, os.environ.get("CC", "")])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def machine_key() -> str:
    """Differs where processor, compiler or engine do: for figures that are kept of them."""
    return _digest(_machine().encode())


def _sum(library: bytes, info: dict[str, object]) -> str:
    """Of all that an entry holds: a damaged scale in `info` would make the library write beyond its result."""
    return _digest(library + json.dumps(info, sort_keys=True).encode())


def _read(folder: Path) -> Entry | None:
    """The entry in `folder`, where it is whole and ours."""
    try:
        about = json.loads(read_owned(folder, "about.json", _MOST_ABOUT))
        name, info = about["library"], about["info"]
        if not isinstance(info, dict) or _sum(read_owned(folder, name, _MOST_LIBRARY), info) != about["sha256"]:
            return None
        return folder / name, info
    except (NotOursError, RecursionError, *_UNUSABLE):
        return None


def entry_for(content: bytes, make: Make, use: Callable[[Entry], T]) -> T:
    """What `use` makes of the cached entry for `content`; `make(folder)` builds one where there is none, or a bad one.

    `make` returns the library that it wrote in the folder, and what to remember. An entry that `use` can't load is bad
    too. Where the cache can't be written, or is open to others, the entry lives in a private folder as long as this
    process, and the log says why, once. Raises UserError where nothing can be written at all.
    """
    key = _digest(content + _machine().encode())[:32]
    try:
        return _from(cache_folder(), key, make, use)
    except NoCacheError as error:
        folder = _private(str(error))
    try:
        return _from(folder, key, make, use, private=True)
    except NoCacheError as error:
        raise UserError(str(error)) from error


def _from(place: Path, key: str, make: Make, use: Callable[[Entry], T], private: bool = False) -> T:
    place = _prepare(place, private)
    entry = _read(place / key)
    if entry is not None:
        with contextlib.suppress(*_UNUSABLE):
            return use(entry)
    made = _made(place, key, make, fresh=entry is not None)
    try:
        return use(made)
    except OSError as error:
        raise NoCacheError(
            f"{_where(place)}: what was compiled there can't be loaded ({_reason(error)}); if its disk "
            "is mounted noexec, set POCKETSR_CACHE to a folder elsewhere"
        ) from error


def _reason(error: OSError) -> str:
    """What the loader said, without the library's name: it is said once, and not once a network."""
    return harmless(str(error).rsplit(": ", 1)[-1], 200)


def _where(place: Path) -> str:
    return f"the cache folder {harmless(str(place), 200)}"


def _prepare(place: Path, private: bool) -> Path:
    """Sees to it that `place` is there, and that nobody else may write to it; returns it by its real name.

    private: the name is new and random; the place for temporary files is as safe as this system made it."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = Path(os.path.realpath(place))  # what is checked is what is loaded from, wherever a link leads by then
        if not os.environ.get("POCKETSR_CACHE") and hasattr(os, "getuid"):
            about = place.stat()
            if about.st_uid == os.geteuid() and about.st_mode & 0o022:
                place.chmod(stat.S_IMODE(about.st_mode) & ~0o022)  # our own place: no other has business here
        check_folder(place)
        if not private:
            check_above(place)
        return place
    except NotOursError as error:
        raise NoCacheError(f"{_where(place)} is not used: {error}") from error
    except OSError as error:
        raise NoCacheError(
            f"{_where(place)} can't be written ({error.strerror}); set POCKETSR_CACHE to one that can"
        ) from error


def _made(place: Path, key: str, make: Make, *, fresh: bool) -> Entry:
    """A new entry, built beside its place and renamed, so that two processes at once both end with a whole one.

    fresh: what lies there now is of no use, even if it looks whole.
    """
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(dir=place, prefix=f".{key}-"))
        library, info = make(folder)
        about = {"library": library.name, "sha256": _sum(library.read_bytes(), info), "info": info}
        (folder / "about.json").write_text(json.dumps(about))
        for path in folder.iterdir():  # whatever the umask says
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o077 | 0o600)
        entry = _install(folder, place / key, fresh=fresh)
    except OSError as error:
        raise NoCacheError(
            f"{_where(place)} can't be written ({error.strerror}); "
            f"{'free some space, or ' * (error.errno == errno.ENOSPC)}set POCKETSR_CACHE to one that can"
        ) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    _sweep(place)
    return entry


def _install(folder: Path, place: Path, *, fresh: bool) -> Entry:
    for _ in range(10):
        try:
            folder.rename(place)
            break
        except OSError:  # something is there: another process's whole entry, or a broken one
            if not fresh and _read(place) is not None:
                break
            aside = place.with_name(f".broken-{place.name}-{os.getpid()}")
            try:
                place.rename(aside)
            except OSError:
                continue  # another process was quicker
            fresh = False
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside, ignore_errors=True)
            else:
                aside.unlink(missing_ok=True)
    entry = _read(place)
    if entry is None:
        raise NoCacheError(f"the cache entry {harmless(str(place), 200)} can't be replaced; remove it")
    return entry


def _sweep(place: Path) -> None:
    """Removes what processes that were killed left half done, a day or more ago."""
    with contextlib.suppress(OSError):
        for path in place.glob(".*-*"):
            if time.time() - path.lstat().st_mtime > _OLD_S and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)


@cache
def _private(why: str) -> Path:
    """A folder for this process alone, gone at its end; says why there is one."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="pocketsr-"))
    except OSError as error:
        raise UserError(f"{why}; nor is there a folder for temporary files ({error.strerror})") from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _log.warning("pocketsr: %s; networks are compiled for this run only", why)
    return folder
