"""Candidates in one HTML file that needs no network: points to hover over, filters, and the table behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from pocketsr.design.draw import families_of
from pocketsr.design.profile import Profile
from pocketsr.design.rank import Row, slopes

__all__ = ["make_report"]


def make_report(rows: Sequence[Row], profile: Profile, drawings: Sequence[str]) -> str:
    """The page: `rows` as points, `drawings` (SVG elements) below."""
    template = Template(files("pocketsr.design").joinpath("report.html").read_text())
    data = {
        "rows": [row.values() for row in rows],
        "colours": families_of(rows),
        "slopes": {name: round(slope) for name, slope in slopes(rows).items()},
    }
    kind = f"Simulated: {profile.simulated}." if profile.simulated else "Measured."
    if profile.derived:
        kind += f" Not measured but derived: the costs of {', '.join(profile.derived)}."
    return template.substitute(
        device=escape(f"{profile.name}, {profile.threads} threads"),
        kind=escape(kind),
        count=f"{len(rows):,}",
        data=json.dumps(data).replace("<", "\\u003c"),  # or a name could end the script
        drawings="\n".join(f"<figure>{drawing}</figure>" for drawing in drawings),
    )
