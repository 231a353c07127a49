"""What the tool puts together of two runs."""

from __future__ import annotations

from typing import Any

import pytest
from record_reuse import with_others, with_vmaf


def _record(psnr_db: float, vmaf: float | None, digest: str = "a") -> dict[str, Any]:
    row = {"clip": "c", "codec": "h264", "kbit_per_s": 300, "model": "small", "mode": "full", "ms": 1.0,
           "computed_share": 1.0, "psnr_db": psnr_db, "vmaf": vmaf}  # fmt: skip
    return {"command": "run", "networks": {"small": digest}, "rows": [row, row | {"mode": "reuse"}]}


def test_vmaf_joins_the_times_of_an_earlier_run() -> None:
    seen = _record(30.0, 80.5)
    seen["rows"] = [seen["rows"][0] | {"ms": 9.0}]
    full, reuse = with_vmaf(_record(30.0, None), seen)["rows"]
    assert (full["ms"], full["vmaf"]) == (1.0, 80.5)
    assert reuse["vmaf"] is None  # it was not measured


@pytest.mark.parametrize(
    ("seen", "told"), [(_record(30.1, 80.5), "other pictures"), (_record(30.0, 80.5, "b"), "another one")]
)
def test_vmaf_of_something_else_is_refused(seen: dict[str, Any], told: str) -> None:
    with pytest.raises(SystemExit, match=told):
        with_vmaf(_record(30.0, None), seen)


def _timed(model: str, ms: float, cpu: str = "one") -> dict[str, Any]:
    record = _record(30.0, None) | {"machine": {"cpu": cpu, "features": [], "cores": 2}, "networks": {model: "a"}}
    record["rows"] = [row | {"model": model, "ms": ms} for row in record["rows"]]
    return record


def test_models_that_are_not_timed_anew_keep_their_rows() -> None:
    kept = _timed("small", 1.0)
    kept["rows"] += [row | {"vmaf": 80.5} for row in _timed("quality", 9.0)["rows"]]
    again = _timed("quality", 8.0)
    again["rows"][1]["psnr_db"] = 30.1
    assert [row["vmaf"] for row in with_others(kept, again)["rows"][:2]] == [None, None]  # of another network, maybe
    now = with_others(kept | {"networks": {"small": "a", "quality": "a"}}, again)
    assert [row["vmaf"] for row in now["rows"][:2]] == [80.5, None]  # the second showed other pictures
    assert [(row["model"], row["ms"]) for row in now["rows"]] == [("quality", 8.0)] * 2 + [("small", 1.0)] * 2
    assert now["networks"] == {"small": "a", "quality": "a"}


def test_times_of_another_kind_of_machine_are_not_kept() -> None:
    with pytest.raises(SystemExit, match="another kind of machine"):
        with_others(_timed("small", 1.0, "other"), _timed("quality", 8.0))
