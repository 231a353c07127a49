"""Segments of one build aren't joined with those of another, be it that only its C is another."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketsr.video.segments import job


@pytest.mark.parametrize("name", ["engine/codegen/lanes.h", "cpu_conv/conv.c", "sizing.py"])
def test_a_build_is_told_by_all_its_code(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Path(job.__file__).parents[2] / name).is_file()
    made = tmp_path / name
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text("one")
    monkeypatch.setattr(job, "__file__", str(tmp_path / "video" / "segments" / "job.py"))
    before = job.build.__wrapped__()
    assert job.build.__wrapped__() == before
    made.write_text("two")
    assert job.build.__wrapped__() != before
