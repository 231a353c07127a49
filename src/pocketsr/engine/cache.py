"""Compiled networks on disk, by content.

What is broken or foreign is made anew, and two processes never harm each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pocketsr.errors import UserError

__all__ = ["Entry", "cache_folder", "entry_for"]

Entry = tuple[Path, dict[str, Any]]  # the library, what is known about it


def cache_folder() -> Path:
    """$POCKETSR_CACHE, else the user's cache folder of this system."""
    if own := os.environ.get("POCKETSR_CACHE"):
        return Path(own)
    match platform.system():
        case "Windows":
            base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
        case "Darwin":
            base = Path.home() / "Library" / "Caches"
        case _:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "pocketsr"


@cache
def _machine() -> str:
    """What the compiled code depends on beside the network: processor, chosen compiler, this engine's own source."""
    own = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.*")):
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


def _read(folder: Path) -> Entry | None:
    """The entry in `folder`, where it is whole and ours."""
    try:
        if hasattr(os, "getuid") and folder.stat().st_uid not in (os.getuid(), 0):
            return None
        about = json.loads((folder / "about.json").read_text())
        library = folder / about["library"]
        if _digest(library.read_bytes()) != about["sha256"]:
            return None
        return library, about["info"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def entry_for(content: bytes, make: Callable[[Path], tuple[Path, dict[str, Any]]]) -> Entry:
    """The cached entry for `content`; `make(folder)` builds it where there is none, or a broken one.

    `make` returns the library that it wrote in the folder, and what to remember. A new entry is built beside its
    place and renamed, so that two processes at once both end with a whole one.
    """
    key = _digest(content + _machine().encode())[:32]
    place = cache_folder() / key
    if (entry := _read(place)) is not None:
        return entry
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{key}-"))
    except OSError as error:
        raise UserError(
            f"the cache folder {place.parent} can't be written ({error.strerror}); set POCKETSR_CACHE to one that can"
        ) from error
    try:
        library, info = make(folder)
        about = {"library": library.name, "sha256": _digest(library.read_bytes()), "info": info}
        (folder / "about.json").write_text(json.dumps(about))
        return _install(folder, place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install(folder: Path, place: Path) -> Entry:
    for _ in range(10):
        try:
            folder.rename(place)
        except OSError:  # something is there: another process's whole entry, or a broken one
            if _read(place) is not None:
                break
            aside = place.with_name(f".broken-{place.name}-{os.getpid()}")
            try:
                place.rename(aside)
            except OSError:
                continue  # another process was quicker
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside, ignore_errors=True)
            else:
                aside.unlink(missing_ok=True)
        else:
            break
    entry = _read(place)
    if entry is None:
        raise UserError(f"the cache entry {place} can't be replaced; remove it")
    return entry
