"""What was measured already, a line a figure: an interrupted bench goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pocketsr.errors import UserError

__all__ = ["Journal"]

_NAME, _STILLS = "measured.jsonl", "stills"


class Journal:
    """Figures by what they depend on. folder: where they are kept; None keeps them in memory alone.

    Raises UserError where the folder can't be used. A line that is torn, since the bench was killed, is left out.
    """

    def __init__(self, folder: Path | None) -> None:
        self._known: dict[str, dict[str, Any]] = {}
        self._path = None if folder is None else folder / _NAME
        self._stills = None if folder is None else folder / _STILLS
        if folder is None or self._path is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = self._path.read_text(errors="replace").splitlines() if self._path.exists() else []
            if self._path.exists() and not self._path.read_bytes().endswith(b"\n"):
                with self._path.open("a") as file:  # what comes next isn't to be torn too
                    file.write("\n")
        except OSError as error:
            raise UserError(f"{folder} can't be used: {error.strerror}") from error
        for line in lines:
            try:
                entry = json.loads(line)
                key, figures = entry["key"], entry["figures"]
            except (ValueError, KeyError, TypeError):
                continue
            if isinstance(key, str) and isinstance(figures, dict):
                self._known[key] = figures

    @staticmethod
    def key(**depends_on: Any) -> str:
        return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:32]

    def get(self, key: str) -> dict[str, Any] | None:
        return self._known.get(key)

    def add(self, key: str, figures: dict[str, Any], still: bytes | None = None) -> None:
        """Kept at once. still: a picture beside the figures."""
        self._known[key] = figures
        if self._path is None or self._stills is None:
            return
        try:
            if still is not None:
                self._stills.mkdir(exist_ok=True)
                (self._stills / f"{key}.webp").write_bytes(still)
            with self._path.open("a") as file:
                file.write(json.dumps({"key": key, "figures": figures}) + "\n")
        except OSError as error:
            raise UserError(f"{self._path} can't be written: {error.strerror}") from error

    def lacks_still(self, key: str) -> bool:
        """Whether there is a folder for stills, but none of this."""
        return self._stills is not None and self.still(key) is None

    def still(self, key: str) -> bytes | None:
        try:
            return None if self._stills is None else (self._stills / f"{key}.webp").read_bytes()
        except OSError:
            return None
