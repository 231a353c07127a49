"""What an export wrote."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Made", "Report"]


@dataclass(frozen=True)
class Made:
    """A file, and how large it is as it lies and as a web server sends it."""

    name: str
    bytes: int
    bytes_gzip: int


@dataclass(frozen=True)
class Report:
    """target: what was exported to. model: the network's name. files: in `folder`. notes: a line each."""

    target: str
    model: str
    folder: Path
    files: tuple[Made, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder)}
