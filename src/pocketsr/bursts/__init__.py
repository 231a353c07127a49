"""Several frames of one scene into one sharper picture: arrays and files.

frames ▸ registration ▸ fusion ▸ picture       camera, the model that all frames have to agree with
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pocketsr.bursts.arrays import burst
    from pocketsr.bursts.files import BurstReport, burst_files

__all__ = ["BurstReport", "burst", "burst_files"]

_LATER = {"BurstReport": "files", "burst": "arrays", "burst_files": "files"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return found
