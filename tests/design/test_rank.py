"""Fronts, limits and tables, and the page and drawings made of them."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from design_profiles import profile

from pocketsr.design.candidate import Candidate
from pocketsr.design.precision import Precision
from pocketsr.design.rank import Limits, Row, as_csv, as_json, best, evaluate, front, slopes, weights_of
from pocketsr.errors import UserError

CANDIDATES = tuple(
    Candidate(family, "pocket", depth, width, groups=groups)
    for family, groups in (("dense", 1), ("grouped", 2))
    for depth in (3, 5)
    for width in (8, 16)
)


def _row(name: str, params: int, ms: float, gmacs: float = 1.0) -> Row:
    return Row(Candidate(name, "pocket", 3, 8), params, gmacs, 9, 1.0, 1.0, ms)


def test_the_front_by_hand() -> None:
    rows = [_row("a", 10, 1.0), _row("a", 30, 3.0), _row("b", 20, 3.0), _row("b", 25, 2.0), _row("a", 30, 4.0)]
    assert front(rows) == [0, 3, 1]
    assert front(rows, family="b") == [3]
    marked = evaluate(CANDIDATES, profile(products=1.0))
    assert [row.front for row in marked] == [i in front(marked) for i in range(len(marked))]
    assert all(row.family_front for row in marked if row.front)


def test_each_precision_has_a_front_of_its_own() -> None:
    few = tuple(replace(each, precision="w8a8") for each in CANDIDATES)
    device = profile(precisions=("fp32", "w8a8"), products=1.0, calls=1.0, into_rows=1.0, into_both=1.0, dots=0.1)
    alone, both = evaluate(CANDIDATES, device), evaluate((*CANDIDATES, *few), device)
    assert both[: len(CANDIDATES)] == alone  # though w8a8 is faster for as many parameters
    assert all(one.predicted_ms > other.predicted_ms for one, other in zip(both, both[len(alone) :], strict=False))
    assert weights_of(both) == ["fp32", "w8a8"]
    assert {row.candidate.precision for row in both if row.front} == {"fp32", "w8a8"}


def test_chosen_kernels_have_fronts_of_their_own() -> None:
    device = profile(products=1.0, chosen=0.5, calls=1.0, into_rows=1.0, into_both=1.0)
    steep = tuple(replace(each, family="steep", chosen="all") for each in CANDIDATES)
    alone, both = evaluate(CANDIDATES, device), evaluate((*steep, *CANDIDATES), device)
    assert both[len(steep) :] == alone  # though the others have more parameters in the same time
    assert weights_of(both) == ["fp32", "fp32 chosen"]
    assert {row.candidate.weights for row in both if row.front} == {"fp32", "fp32 chosen"}
    assert [row.candidate.weights for row in best(both, 4)] == ["fp32", "fp32 chosen"] * 2
    assert slopes(both)["steep"] > 4 * slopes(both)["dense"]


def test_limits_leave_only_what_fits() -> None:
    every = evaluate(CANDIDATES, profile(products=1.0))
    assert len(every) == len(CANDIDATES)
    middle = sorted(row.predicted_ms for row in every)[3]
    assert {row.candidate for row in evaluate(CANDIDATES, profile(products=1.0), Limits(budget_ms=middle))} == {
        row.candidate for row in every if row.predicted_ms <= middle
    }
    assert all(row.params <= 1500 for row in evaluate(CANDIDATES, profile(), Limits(max_params=1500)))
    assert all(row.gmacs <= 0.3 for row in evaluate(CANDIDATES, profile(), Limits(max_gmacs=0.3)))


def test_the_best_are_the_fronts_largest_first() -> None:
    rows = [
        replace(_row("a", 10, 1.0), front=True, family_front=True),
        replace(_row("a", 99, 9.0)),
        replace(_row("b", 50, 5.0), family_front=True),
        replace(_row("a", 30, 3.0), front=True, family_front=True),
    ]
    assert [row.params for row in best(rows, 3)] == [30, 10, 50]


def test_the_best_are_of_each_precision_in_turn() -> None:
    def row(precision: Precision, params: int) -> Row:
        plain = _row("a", params, 1.0)
        return replace(plain, candidate=replace(plain.candidate, precision=precision))

    rows = [row("w2a8", 90), row("w2a8", 80), row("w2a8", 70), row("fp32", 10), row("w8a8", 40), row("w8a8", 50)]
    assert [each.params for each in best(rows, 5)] == [10, 50, 90, 40, 80]


def test_slopes_by_hand() -> None:
    rows = [_row("a", 10, 1, 1.0), _row("a", 30, 1, 2.0), _row("a", 50, 1, 3.0), _row("b", 10, 1, 1.0)]
    assert slopes(rows) == {"a": pytest.approx(20.0)}


def test_a_precision_without_figures_is_refused() -> None:
    with pytest.raises(UserError, match="not calibrated for w8a8, only for fp32"):
        evaluate([replace(CANDIDATES[0], precision="w8a8")], profile())


def test_files_hold_every_row() -> None:
    rows = evaluate(CANDIDATES, profile(products=1.0))
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    listed = json.loads(as_json(rows, {"device": "here"}))
    assert [row["name"] for row in read] == [row["name"] for row in listed["candidates"]]
    assert len(read) == len(rows)
    assert float(read[3]["predicted_ms"]) == pytest.approx(rows[3].predicted_ms, abs=1e-4)
    assert listed["device"] == "here"


def test_page_and_drawings_show_all() -> None:
    pytest.importorskip("matplotlib")
    from pocketsr.bench.plot import as_svg
    from pocketsr.design.draw import draw_capacity, draw_work
    from pocketsr.design.report import make_report

    rows = evaluate(CANDIDATES, profile(products=1.0))
    low_bit = profile(precisions=("fp32", "w8a8", "w2a8"), dots=1.0, added=1.0, products=1.0)
    work, capacity = draw_work(rows), draw_capacity(rows, "a machine", 10.0)
    assert len(work.axes[0].lines) == 2  # a curve a family
    said = [text.get_text() for text in work.axes[0].get_legend().get_texts()]
    steep = slopes(rows)
    assert said == [f"{name}: {steep[name]:,.0f} parameters for each GMAC" for name in ("dense", "grouped")]
    names = {text.get_text() for text in capacity.axes[0].texts}
    assert rows[front(rows)[-1]].candidate.name in names
    few = [replace(each, precision=name) for each in CANDIDATES for name in ("w8a8", "w2a8")]
    chosen = [replace(each, chosen="all") for each in (*CANDIDATES, *few) if each.precision != "w2a8"]
    every = [*rows, *evaluate(chosen + few, low_bit)]
    lines = draw_capacity(every, "a machine").axes[0].get_legend().get_texts()
    assert [line.get_text() for line in lines][-5:] == [
        f"most parameters within a time, {weights}"
        for weights in ("fp32", "w8a8", "w2a8", "fp32 chosen", "w8a8 chosen")
    ]
    page = make_report(rows, replace_name(profile(products=1.0), "<b>x</b>"), [as_svg(work), as_svg(capacity)])
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert [row["name"] for row in json.loads(data[1])["rows"]] == [row.candidate.name for row in rows]
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)  # nothing comes from elsewhere


def replace_name(device: object, name: str) -> object:
    import msgspec

    return msgspec.structs.replace(device, name=name)  # type: ignore[type-var]
