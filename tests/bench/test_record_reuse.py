"""What the tool puts together of two runs."""

from __future__ import annotations

from typing import Any

import pytest
from record_reuse import with_vmaf


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
