"""Every candidate's costs, what fits a budget, and what no other beats."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pocketsr.design.candidate import Candidate
from pocketsr.design.cost import predict_ms, schedule_of_chain
from pocketsr.design.precision import PRECISIONS
from pocketsr.design.profile import Profile
from pocketsr.errors import UserError

__all__ = ["Limits", "Row", "as_csv", "as_json", "best", "evaluate", "front", "slopes", "weights_of"]


@dataclass(frozen=True)
class Limits:
    """None: no limit."""

    budget_ms: float | None = None
    max_params: int | None = None
    max_gmacs: float | None = None

    def allow(self, row: Row) -> bool:
        return (
            (self.budget_ms is None or row.predicted_ms <= self.budget_ms)
            and (self.max_params is None or row.params <= self.max_params)
            and (self.max_gmacs is None or row.gmacs <= self.max_gmacs)
        )


@dataclass(frozen=True)
class Row:
    """A candidate and what it costs. written_mb: of all maps, made one after the other; live_kb: what a thread of the
    engine goes through in each band. front: no other candidate with its kind of weights has as many parameters in less
    time; family_front: none of its own family has. What a parameter is worth that is low-bit, or chosen, only training
    says."""

    candidate: Candidate
    params: int
    gmacs: float
    receptive_field: int
    written_mb: float
    live_kb: float
    predicted_ms: float
    front: bool = False
    family_front: bool = False

    def values(self) -> dict[str, object]:
        """As plain values: name, settings, costs."""
        costs = {
            "params": self.params,
            "gmacs": round(self.gmacs, 6),
            "receptive_field": self.receptive_field,
            "written_mb": round(self.written_mb, 3),
            "live_kb": round(self.live_kb, 1),
            "predicted_ms": round(self.predicted_ms, 4),
            "front": self.front,
            "family_front": self.family_front,
        }
        return {"name": self.candidate.name, **self.candidate.settings(), **costs}


def evaluate(
    candidates: Sequence[Candidate],
    profile: Profile,
    limits: Limits = Limits(),
    tell: Callable[[int], None] = lambda _: None,
) -> list[Row]:
    """The candidates within `limits`, in their order, with fronts marked; `tell` hears how many were looked at.

    Raises UserError for a precision that `profile` was not calibrated for.
    """
    for candidate in candidates:
        if candidate.precision not in profile.precisions:
            raise UserError(
                f"the profile '{profile.name}' was not calibrated for {candidate.precision}, only for "
                f"{', '.join(profile.precisions)}; leave it out of precision:"
            )
    target = profile.vectors.target()
    rows: list[Row] = []
    for index, candidate in enumerate(candidates):
        chain, (width, height) = candidate.chain(), candidate.size
        schedule = schedule_of_chain(chain, target)
        row = Row(
            candidate,
            chain.params,
            chain.gmacs(width, height),
            chain.receptive_field,
            chain.written_per_pixel * width * height / 1e6,
            schedule.live_bytes(width) / 1e3,
            predict_ms(schedule, candidate.size, profile),
        )
        if limits.allow(row):
            rows.append(row)
        tell(index + 1)
    first = {index for weights in weights_of(rows) for index in front(rows, weights)}
    kinds = {(row.candidate.weights, row.candidate.family) for row in rows}
    own = {index for kind in kinds for index in front(rows, *kind)}
    return [replace(row, front=i in first, family_front=i in own) for i, row in enumerate(rows)]


def weights_of(rows: Sequence[Row]) -> list[str]:
    """The kinds of weights (`Candidate.weights`): in the order in which `PRECISIONS` has them, then the chosen ones."""
    found = {(row.candidate.chosen != "none", PRECISIONS.index(row.candidate.precision)): row for row in rows}
    return [found[key].candidate.weights for key in sorted(found)]


def front(rows: Sequence[Row], weights: str = "fp32", family: str | None = None) -> list[int]:
    """The Pareto front of a kind of weights by place in `rows`, fastest first, each larger than all before."""
    chosen = [
        i for i, row in enumerate(rows) if row.candidate.weights == weights and family in (None, row.candidate.family)
    ]
    chosen.sort(key=lambda i: (rows[i].predicted_ms, -rows[i].params, i))
    found: list[int] = []
    most = -1
    for i in chosen:
        if rows[i].params > most:
            found.append(i)
            most = rows[i].params
    return found


def best(rows: Sequence[Row], count: int) -> list[Row]:
    """`count` rows, of each kind of weights in turn, since parameters of different ones aren't alike.

    Within a kind most parameters first: the front, then the fronts of single families, then the rest.
    """
    order = sorted(rows, key=lambda row: (not row.front, not row.family_front, -row.params, row.predicted_ms))
    parts = [[row for row in order if row.candidate.weights == weights] for weights in weights_of(rows)]
    turns = itertools.zip_longest(*parts)
    return [row for turn in turns for row in turn if row is not None][:count]


def slopes(rows: Iterable[Row]) -> dict[str, float]:
    """Of each family, parameters for each further GMAC, by least squares; families of one size are left out.

    Where all work is done at the size of the LR picture and each weight is used once a pixel, no family can be much
    steeper than another: what differs is what a multiply-add costs in time. Only kernels chosen by classes are steeper.
    """
    points: dict[str, list[tuple[float, int]]] = {}
    for row in rows:
        points.setdefault(row.candidate.family, []).append((row.gmacs, row.params))
    found = {}
    for name, pairs in points.items():
        x, y = np.array(pairs, float).T
        if np.ptp(x) > 0:
            found[name] = float(np.polyfit(x, y, 1)[0])
    return found


def as_json(rows: Sequence[Row], about: dict[str, object]) -> str:
    """{"candidates": [..], ..}, `about` beside them."""
    return json.dumps({"candidates": [row.values() for row in rows], **about}, indent=1)


def as_csv(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    values = [row.values() for row in rows]
    writer = csv.DictWriter(out, list(values[0]) if values else ["name"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(values)
    return out.getvalue()
