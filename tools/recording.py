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

__all__ = ["digests", "recorded"]


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
