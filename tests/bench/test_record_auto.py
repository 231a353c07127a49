"""What a record of `-m auto` keeps of other kinds: rows of rules and networks that are still the same."""

from __future__ import annotations

from typing import Any

import pytest
import record_auto


def _record(kind: str, taken: dict[str, int], **networks: str) -> dict[str, Any]:
    own = {"small": "a", "photo": "a", "small-call": "a"} | networks
    group = {"kind": kind, "state": "s", "files": sum(taken.values()), "mean_gain_db": 0.0, "taken": taken}
    return {"networks": own, "rules": "r", "files": group["files"], "summary": [group], "lost": []}


@pytest.mark.parametrize(
    ("networks", "rules", "kept"),
    [({}, "r", True), ({"small-call": "b"}, "r", True), ({"photo": "b"}, "r", False), ({"small": "b"}, "r", False),
     ({}, "other", False)],
)  # fmt: skip
def test_rows_are_kept_while_what_they_took_stays(networks: dict[str, str], rules: str, kept: bool) -> None:
    known = _record("photographs", {"small": 2, "photo": 3})
    result = _record("clip", {"small-call": 4}, **networks) | {"rules": rules}
    record_auto._keep(result, known)
    assert [each["kind"] for each in result["summary"]] == (["clip", "photographs"] if kept else ["clip"])
    assert result["files"] == (9 if kept else 4)


def test_a_kind_that_was_measured_anew_is_not_kept() -> None:
    result = _record("clip", {"small": 1})
    record_auto._keep(result, _record("clip", {"small": 5}))
    assert result["files"] == 1
