"""C compiled for this machine, once, and how tensors are handed to it."""

from __future__ import annotations

import ctypes
from pathlib import Path

from torch import Tensor

from pocketsr.engine.codegen.target import host_target
from pocketsr.engine.runtime.build import build_library
from pocketsr.engine.runtime.cache import entry_for
from pocketsr.errors import UserError

__all__ = ["compiled", "pointer"]


def compiled(source: str) -> ctypes.CDLL | None:
    """The library of the C text `source`, from the cache after the first time; None without a compiler."""

    def make(folder: Path) -> tuple[Path, dict[str, object]]:
        library = folder / "conv.so"
        build_library(source, library, host_target())
        return library, {}

    try:
        return entry_for(source.encode(), make, lambda entry: ctypes.CDLL(str(entry[0])))
    except (OSError, UserError):
        return None


def pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    """To its first number; NULL for None."""
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())
