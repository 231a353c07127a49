"""What an export made, and how good it is: as JSON, and as a page of Markdown beside the files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pocketsr.export._operators import Coverage
from pocketsr.names import harmless

__all__ = ["Operator", "Report", "write_report"]

_KEYS = ("target", "files", "partitions", "max_levels", "differing_share", "psnr_db", "ms", "operators")


@dataclass(frozen=True)
class Operator:
    """name: as the format calls it. unit: what runs it here (XNNPACK, CPU); None where nothing here does."""

    name: str
    unit: str | None


@dataclass(frozen=True)
class Report:
    """files: their names in the folder. partitions: pieces that the runtime's accelerated unit takes the graph in.

    max_levels, differing_share, psnr_db: of the result's 8-bit samples against this package's engine, over three
    pictures. ms: processor time of one picture on one thread, on the machine at hand. None: can't be known here.
    """

    target: str
    model: str
    files: tuple[str, ...]
    bytes: int
    partitions: int | None = None
    max_levels: int | None = None
    differing_share: float | None = None
    psnr_db: float | None = None
    ms: float | None = None
    operators: tuple[Operator, ...] = ()
    precision: str | None = None
    size: tuple[int, int] | None = None  # width, height that were tried
    checked_by: str | None = None  # what ran it: a runtime and its version
    notes: tuple[str, ...] = field(default=())
    coverage: Coverage | None = None  # of the operators, by the vendor's own list, where there is one

    def to_json(self) -> dict[str, Any]:
        """What `pocketsr export --json` prints."""
        every = self.to_full_json()
        return {key: every[key] for key in _KEYS}

    def to_full_json(self) -> dict[str, Any]:
        """All that is known, as the report's file holds it."""
        return asdict(self)

    def to_markdown(self) -> str:
        """A page about the files."""
        lines = [f"# {harmless(self.model)} for {self.target}", "", *_table(self._facts())]
        if self.operators:
            counted = Counter((each.name, each.unit or "unknown here") for each in self.operators)
            rows = [(name, unit, str(number)) for (name, unit), number in counted.items()]
            lines += ["", "| operator | unit | times |", "|---|---|--:|"]
            lines += [f"| {name} | {unit} | {number} |" for name, unit, number in rows]
        if self.coverage is not None:
            lines += ["", *_page_of(self.coverage)]
        lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines).rstrip() + "\n"

    def _facts(self) -> list[tuple[str, str]]:
        def said(value: object) -> str:
            return "not known here" if value is None else str(value)

        share = None if self.differing_share is None else f"{self.differing_share:.2e}"
        size = "" if self.size is None else f" ({self.size[0]}x{self.size[1]})"
        return [
            ("files", ", ".join(self.files)),
            ("bytes", f"{self.bytes:,}"),
            ("precision", said(self.precision)),
            ("checked by", said(self.checked_by)),
            ("partitions", said(self.partitions)),
            ("largest difference to pocketsr, levels of 255", said(self.max_levels)),
            ("share of samples that differ", said(share)),
            ("PSNR to pocketsr, dB", "no sample differs" if self.max_levels == 0 else said(self.psnr_db)),
            (f"ms of processor time{size}, one thread", said(self.ms)),
        ]


def _table(facts: list[tuple[str, str]]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts)]


def _page_of(coverage: Coverage) -> list[str]:
    others = ", ".join(coverage.unlisted) or "none"
    return [
        f"By {coverage.source} ({coverage.version}, {coverage.date}): "
        f"listed are {', '.join(coverage.listed) or 'none'}; not listed: {others}.",
        *(f"- {name}: {remark}" for name, remark in coverage.remarks.items()),
    ]


def write_report(report: Report, folder: Path, stem: str) -> None:
    """STEM-TARGET.json and .md into `folder`."""
    stem = f"{stem}-{report.target}"
    (folder / f"{stem}.json").write_text(json.dumps(report.to_full_json(), indent=1) + "\n")
    (folder / f"{stem}.md").write_text(report.to_markdown())
