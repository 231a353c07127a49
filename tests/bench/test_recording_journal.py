"""A long measurement that was stopped goes on where it was, unless what is measured changed."""

from __future__ import annotations

from pathlib import Path

from recording import Journal

HEAD = {"networks": {"small": "abc"}}


def test_rows_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "auto.json.part"
    first = Journal(file, HEAD)
    first.add({"source": "a", "gain_db": 0.1})
    first.add({"source": "b", "gain_db": -0.2})
    with file.open("a") as beginning:
        beginning.write('{"source": "c", "ga')  # stopped while it was written
    again = Journal(file, HEAD)
    assert again.rows == first.rows
    again.add({"source": "c"})
    assert [row["source"] for row in Journal(file, HEAD).rows] == ["a", "b", "c"]
    again.remove()
    assert not file.exists()


def test_of_other_networks_nothing_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "auto.json.part"
    Journal(file, HEAD).add({"source": "a"})
    assert Journal(file, {"networks": {"small": "abd"}}).rows == []
    assert Journal(file, HEAD).rows == []
