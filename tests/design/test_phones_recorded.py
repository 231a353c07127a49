"""docs/phones.csv is what it says, and benchmarks/phones.json and the page are what its own rows and tools say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from phones_page import CLASSES, UNKNOWN, USES, page
from record_phones import CHECKED, IDLE, SHARED, SOURCES, read_phones, shares, taken

from pocketsr.design.devices import cores

ROOT = Path(__file__).parents[2]
PHONES = read_phones()
RECORD = json.loads((ROOT / "benchmarks" / "phones.json").read_text())
CHECK = json.loads((ROOT / "benchmarks" / "predicted_arm.json").read_text())["check"]
OF_32_BITS = {"cortex-a7", "cortex-a15", "krait-400"}


def test_a_hundred_chips_of_every_year_and_vendor_with_a_source() -> None:
    assert len(PHONES) >= 100
    assert len({phone.name for phone in PHONES}) == len(PHONES)
    assert {phone.year for phone in PHONES} == set(range(2014, 2027))
    assert {phone.vendor for phone in PHONES} == set(SOURCES)


def test_what_was_checked_names_its_source() -> None:
    checked = [phone.checked.split(":") for phone in PHONES if phone.checked]
    assert len(checked) == sum(RECORD["checked"].values()) > 100
    assert {how for how, _ in checked} == {"all", "biggest"}
    assert {source for _, source in checked} == set(CHECKED) == set(RECORD["checked_by"])
    assert all(phone.checked.endswith(":U") == bool(phone.source) for phone in PHONES)


def test_clusters_make_sense() -> None:
    for phone in PHONES:
        clocks = [ghz for _, ghz, _ in phone.clusters]
        assert all(core in cores() or core in OF_32_BITS for core, _, _ in phone.clusters), phone
        assert 1 <= sum(count for _, _, count in phone.clusters) <= 10, phone
        assert clocks == sorted(clocks, reverse=True), phone
        assert 0.9 <= clocks[-1] <= clocks[0] <= 5, phone


def test_the_record_is_of_these_chips_and_sums_up_its_rows() -> None:
    rows = RECORD["rows"]
    assert [(row["name"], row["year"], row["cores"]) for row in rows] == [(p.name, p.year, p.cores) for p in PHONES]
    assert RECORD["phones"] == len(rows)
    for use in USES:
        assert RECORD["shares"][use] == shares([row[use]["level"] for row in rows])
        assert RECORD["shares_if_longer"][use] == shares([row[use]["if_longer"] for row in rows])
        assert sum(RECORD["shares"][use].values()) == pytest.approx(1, abs=0.001)
        for row in rows:
            assert CLASSES.index(row[use]["if_longer"]) <= CLASSES.index(row[use]["level"])
            if row[use]["level"] == "phone":  # there is no time for `tiny`, and it takes longer
                assert row[use]["ms"]["phone"] < row[use]["ms"]["tiny"]
            assert (row[use]["level"] == UNKNOWN) == (not row[use]["ms"])
    assert RECORD["measured"] is False
    assert RECORD["longer"] == round(max(1, *(1 / row["ratio"] for row in CHECK["rows"])), 2)


def test_a_chip_comes_out_as_recorded() -> None:
    name = "Dimensity 9500"
    phone = next(phone for phone in PHONES if phone.name == name)
    row = next(row for row in RECORD["rows"] if row["name"] == name)
    core, ghz, count = phone.clusters[0]
    for use, (threads, slow) in {"half_big_core": (1, SHARED), "big_cluster": (count, IDLE)}.items():
        level, _, ms = taken(core, ghz, threads, slow)
        assert level == row[use]["level"]
        assert ms == pytest.approx(row[use]["ms"], rel=0.02)


def test_a_core_of_32_bits_is_not_predicted() -> None:
    level, reason, ms = taken("krait-400", 2.5, 1, IDLE)
    assert (level, ms) == (UNKNOWN, {})
    assert "32 bits" in reason


def test_the_page_is_that_of_the_record_and_says_what_it_is_not() -> None:
    text = page(RECORD, CHECK)
    assert (ROOT / "docs" / "notes" / "phones.md").read_text() == text
    assert "Nothing on this page was measured on a phone" in text
    assert "power can't be measured" in text.replace("\n", " ")
    assert all(f"| {phone.name} |" in text for phone in PHONES)


def test_the_check_sums_up_its_rows() -> None:
    assert [row["network"] for row in CHECK["rows"]] == ["tiny", "small", "small-w8a8", "medium"]
    for row in CHECK["rows"]:
        assert row["ratio"] == pytest.approx(row["predicted_ms"] / row["measured_ms"], abs=2e-3)
    assert CHECK["largest_error"] == pytest.approx(max(abs(row["ratio"] - 1) for row in CHECK["rows"]), abs=2e-3)
