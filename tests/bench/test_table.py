from __future__ import annotations

import json
from pathlib import Path

import pytest

from pocketsr import UserError
from pocketsr.bench.table import (
    Figures,
    Network,
    Table,
    as_csv,
    as_json,
    as_markdown,
    gmacs_written,
    read_table,
    write_table,
)

PUBLISHED = {"Set5": Figures(38.0, 0.9605), "Set14": Figures(33.63, None)}
TABLE = Table(
    {"cpu": "Some CPU", "cores": 2},
    (
        Network(
            "imdn", "published", 694_400, 159.6, None, {"Set5": Figures(38.0, 0.9605), "Set14": Figures(33.63, None)}
        ),
        Network(
            "small", "ours", 5_848, 1.3188096, 5.4321, {"Set5": Figures(37.076, 0.95677)}, "pocketsr", "abc", "x", "p"
        ),
    ),
    {"Set5": "def"},
)


def test_csv() -> None:
    assert as_csv(TABLE) == (
        "model,origin,params,gmacs,ms,runtime,Set5_psnr_db,Set5_ssim,Set14_psnr_db,Set14_ssim\n"
        "imdn,published,694400,159.6,,,38.0,0.9605,33.63,\n"
        "small,ours,5848,1.3188096,5.4321,pocketsr,37.076,0.95677,,\n"
    )


def test_markdown() -> None:
    assert as_markdown(TABLE).splitlines()[:4] == [
        "| network | origin | parameters | GMAC | ms | runtime | Set5 | Set14 |",
        "|---|---|--:|--:|--:|---|--:|--:|",
        "| imdn | published | 694,400 | 159.6 |  |  | 38.00 / 0.9605 | 33.63 |",
        "| **small** | ours | 5,848 | 1.319 | 5.43 | pocketsr | 37.08 / 0.9568 |  |",
    ]
    assert "Some CPU" in as_markdown(TABLE)


def test_json_is_read_back(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "field.json")
    assert read_table(tmp_path / "field.json") == TABLE
    row = json.loads(as_json(TABLE))["rows"][0]
    assert list(row) == ["model", "origin", "params", "gmacs", "ms", "sets", "runtime", "sha256", "source", "program"]
    assert row["sets"]["Set14"] == {"psnr_db": 33.63, "ssim": None}


def test_suffix_chooses_the_format(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "field.md")
    assert (tmp_path / "field.md").read_text() == as_markdown(TABLE)
    with pytest.raises(UserError, match=r"\.csv, \.json, \.md"):
        write_table(TABLE, tmp_path / "field.txt")
    with pytest.raises(UserError, match="can't be written"):
        write_table(TABLE, tmp_path / "absent" / "field.md")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "can't read"),
        ("[]", "holds no table"),
        ('{"machine": "", "rows": [{}]}', "row 1: 'model'"),
        ('{"machine": "", "rows": [{"model": "a", "sets": {}, "origin": "mine"}]}', r"row 1 \(a\): 'origin'.*'mine'"),
        ('{"machine": "", "rows": [{"model": "a", "sets": {}, "origin": "ours", "ms": "5"}]}', "'ms' is a number.*'5'"),
        ('{"machine": "", "rows": [{"model": "a", "sets": {"S": 3}, "origin": "ours"}]}', "'S' holds"),
        ('{"machine": "", "rows": [{"model": "a", "sets": {}, "origin": "ours", "runtime": 1}]}', "'runtime' is text"),
        ('{"machine": "", "images": [], "rows": []}', "holds no table"),
    ],
)
def test_what_is_no_table_is_named(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "field.json").write_text(content)
    with pytest.raises(UserError, match=words):
        read_table(tmp_path / "field.json")


def test_large_amounts_are_written_out() -> None:
    assert [gmacs_written(gmacs) for gmacs in (0.21574, 158.77, 17974.3)] == ["0.2157", "158.8", "17,974"]
