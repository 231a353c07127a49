"""What the scripts share that record a bench: it runs once, on networks that stay what they are meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocketsr.bench.machine import describe_machine
from pocketsr.cli import main
from pocketsr.models import resolve

__all__ = ["Journal", "digests", "recorded"]


def digests(models: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each network's file, by its name: figures belong to exactly these."""
    return {Path(model).stem: hashlib.sha256(resolve(model).read_bytes()).hexdigest() for model in models}


def recorded(bench: Sequence[str], models: Sequence[str], command: str) -> dict[str, Any]:
    """What `pocketsr bench BENCH --json` prints, behind the machine, `command` and the digests of `models`.

    Exits with the bench's code where it fails, and with a word where a network changed.
    """
    printed = io.StringIO()
    before = digests(models)
    with contextlib.redirect_stdout(printed):
        code = main(["bench", *bench, "--json"])
    if code != 0:
        raise SystemExit(code)
    if digests(models) != before:
        raise SystemExit("a network changed while it was measured: run this again")
    head = {"machine": describe_machine(), "command": command, "networks": before}
    result: dict[str, Any] = json.loads(printed.getvalue())
    return head | result


class Journal:
    """Rows of a long measurement, a line each in a file beside its result: one that was stopped goes on behind them."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        """head: what the rows belong to (digests, say). A file of another one is begun anew."""
        self._path, self.rows = path, list[dict[str, Any]]()
        said, *lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else [""]
        whole = json.dumps(head)
        if said == whole:
            for line in lines:
                with contextlib.suppress(json.JSONDecodeError):  # of a line that was being written
                    self.rows.append(json.loads(line))
        path.write_text("".join(f"{line}\n" for line in (whole, *map(json.dumps, self.rows))), encoding="utf-8")

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def remove(self) -> None:
        """Once the result is written."""
        self._path.unlink()
