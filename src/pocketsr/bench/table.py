"""Networks in one table: what each costs and how good it is, as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pocketsr.atomic_io import replacing
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = [
    "Figures",
    "Network",
    "Origin",
    "Table",
    "as_csv",
    "as_json",
    "as_markdown",
    "gmacs_written",
    "read_table",
    "write_table",
]

Origin = Literal["published", "reproduced", "trained here", "ours"]
"""Figures from the paper; the authors' weights measured by us; the authors' network trained by us; our network."""


@dataclass(frozen=True)
class Figures:
    """Means over a test set; None where a paper doesn't say."""

    psnr_db: float | None
    ssim: float | None


@dataclass(frozen=True)
class Network:
    """A row. MACs are for 1280x720 out, `ms` a frame of that size; None where it is not known.

    runtime: what runs it here, and took `ms`: "pocketsr" is our engine. sha256: of the file of weights that was
    measured. source: what that file is, or the paper that a published row is from. program: of a network that ships,
    what tells its graph from others.
    """

    model: str
    origin: Origin
    params: int | None
    gmacs: float | None
    ms: float | None
    sets: dict[str, Figures]
    runtime: str | None = None
    sha256: str | None = None
    source: str | None = None
    program: str | None = None


@dataclass(frozen=True)
class Table:
    """machine: what `ms` was measured on, in words or as `describe_machine` says it.

    images: of each set that was measured on, the SHA-256 of its files.
    """

    machine: str | dict[str, Any]
    rows: tuple[Network, ...]
    images: dict[str, str] = field(default_factory=dict)

    @property
    def sets(self) -> tuple[str, ...]:
        """The test sets, in the order in which they first come."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.sets))

    @property
    def machine_name(self) -> str:
        return self.machine if isinstance(self.machine, str) else str(self.machine.get("cpu", "unknown"))


def as_json(table: Table) -> str:
    rows = [asdict(row) for row in table.rows]
    return json.dumps({"machine": table.machine, "images": table.images, "rows": rows}, indent=1) + "\n"


def as_csv(table: Table) -> str:
    """A line a network; two columns a set, SET_psnr_db and SET_ssim; empty where nothing is known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"{name}_{figure}" for name in table.sets for figure in ("psnr_db", "ssim")]
    writer.writerow(["model", "origin", "params", "gmacs", "ms", "runtime", *columns])
    for row in table.rows:
        found = [row.sets.get(name, Figures(None, None)) for name in table.sets]
        figures = [value for each in found for value in (each.psnr_db, each.ssim)]
        writer.writerow([row.model, row.origin, row.params, row.gmacs, row.ms, row.runtime, *figures])
    return text.getvalue()


def as_markdown(table: Table) -> str:
    """A line a network; a column a set, PSNR in dB and SSIM."""
    lines = [
        f"| network | origin | parameters | GMAC | ms | runtime | {' | '.join(map(harmless, table.sets))} |",
        f"|---|---|--:|--:|--:|---|{'--:|' * len(table.sets)}",
    ]
    for row in table.rows:
        params = "" if row.params is None else f"{row.params:,}"
        gmacs = "" if row.gmacs is None else gmacs_written(row.gmacs)
        ms = "" if row.ms is None else f"{row.ms:.2f}"
        sets = [_written(row.sets.get(name)) for name in table.sets]
        name = harmless(row.model).replace("|", "\\|")
        name = f"**{name}**" if row.origin == "ours" else name
        lines.append(f"| {' | '.join([name, row.origin, params, gmacs, ms, harmless(row.runtime or ''), *sets])} |")
    note = f"GMAC and ms are for 1280x720 out; ms on {table.machine_name}. Sets: PSNR in dB / SSIM, luma."
    return "\n".join([*lines, "", note, ""])


def gmacs_written(gmacs: float) -> str:
    """Four digits, or all of a large number's."""
    return f"{gmacs:.4g}" if gmacs < 1000 else f"{gmacs:,.0f}"


def _written(figures: Figures | None) -> str:
    if figures is None or figures.psnr_db is None:
        return ""
    return f"{figures.psnr_db:.2f}" + ("" if figures.ssim is None else f" / {figures.ssim:.4f}")


_FORMATS: dict[str, Callable[[Table], str]] = {".csv": as_csv, ".json": as_json, ".md": as_markdown}


def write_table(table: Table, path: Path) -> None:
    """Write `table` as the suffix of `path` says: .csv, .json or .md.

    Raises UserError for another suffix, or where the file can't be written.
    """
    make = _FORMATS.get(path.suffix.lower())
    if make is None:
        raise UserError(f"{path}: a table can be written as {', '.join(_FORMATS)}")
    try:
        with replacing(path) as part:
            part.write_text(make(table))
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}") from error


def read_table(path: Path) -> Table:
    """A table that `write_table` wrote as JSON. UserError where `path` is missing or holds something else."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"can't read {path}: {error}") from error
    try:
        machine, rows = found["machine"], found["rows"]
        if not isinstance(machine, str | dict) or not isinstance(rows, Sequence):
            raise TypeError
        images = {str(name): str(digest) for name, digest in found.get("images", {}).items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f'{path} holds no table: {{"machine": .., "rows": [..]}} is expected') from error
    return Table(machine, tuple(_network(f"{path}, row {number}", row) for number, row in enumerate(rows, 1)), images)


def _network(where: str, row: Any) -> Network:
    if not isinstance(row, dict) or not isinstance(row.get("model"), str) or not isinstance(row.get("sets"), dict):
        raise UserError(f"{where}: 'model' (a name) and 'sets' (an object) are expected")
    where += f" ({row['model']})"
    if row.get("origin") not in get_args(Origin):
        raise UserError(f"{where}: 'origin' is one of {', '.join(get_args(Origin))}, not {row.get('origin')!r}")
    numbers = {key: _number(where, key, row.get(key)) for key in ("params", "gmacs", "ms")}
    sets = {}
    for name, figures in row["sets"].items():
        if not isinstance(figures, dict):
            raise UserError(f"{where}: '{name}' holds 'psnr_db' and 'ssim'")
        each = (_number(where, f"{name}: {key}", figures.get(key)) for key in ("psnr_db", "ssim"))
        sets[name] = Figures(*each)
    words = {key: _word(where, key, row.get(key)) for key in ("runtime", "sha256", "source", "program")}
    params = None if numbers["params"] is None else int(numbers["params"])
    return Network(row["model"], row["origin"], params, numbers["gmacs"], numbers["ms"], sets, **words)


def _word(where: str, key: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise UserError(f"{where}: '{key}' is text or null, not {value!r}")


def _number(where: str, key: str, value: Any) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")):
        return value
    raise UserError(f"{where}: '{key}' is a number, 0 or more, or null; not {value!r}")
