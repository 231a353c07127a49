"""`tools/record_additions.py`: what each addition to training is worth, and what was recorded of it."""

from __future__ import annotations

import json
import statistics

import numpy as np
import pytest
import record_additions as additions
from PIL import Image
from record_additions import ADDITIONS, ALL, BASE, SEEDS, SUBJECTS, VARIANTS, Places, Variant

from pocketsr.pixels import imresize

RECORDED = json.loads(additions.RESULTS.read_text())
TINY = ("steps=4", "validate_every=4", "patch=14", "batch=2", "net.config.expansion=4")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Folders as ../shared/data has them, of eight pictures each; of eight names that follow, one is kept apart."""
    data = tmp_path_factory.mktemp("data")
    for folder in ("train/general100", "train/t91", "train/div2k_crops", "train_more/clic_half", "train_more/screen"):
        (data / folder).mkdir(parents=True)
        for number in range(8):
            coarse = np.random.default_rng(number).uniform(30, 220, (12, 16))
            picture = np.clip(imresize(coarse, 4), 0, 255).astype(np.uint8)
            Image.fromarray(picture).save(data / folder / f"{number}.png")
    return Places(data, data / "runs", data / "cache")


def test_the_smallest_run_is_measured_once(places: Places) -> None:
    pictures = additions.Pictures(places, ("teacher=null", *TINY))
    assert {pair.name.partition("/")[0] for pair in pictures.valid} == {"general100", "t91", "div2k_crops"}
    variant = Variant("some", ("soap", "borders", "sizes"))
    found = additions.measured("tiny", variant, 0, places, pictures, TINY)
    assert found.keys() == {"all", "seconds", *additions.KINDS}
    counts = {kind: len(pictures.of_kind(kind)) for kind in additions.KINDS}
    mean = sum(found[kind] * count for kind, count in counts.items()) / sum(counts.values())
    assert found["all"] == pytest.approx(mean, abs=2e-4)
    begun = (places.runs / "tiny_some_0" / "best.pt").stat().st_mtime_ns
    assert additions.measured("tiny", variant, 0, places, pictures, TINY) == found
    assert (places.runs / "tiny_some_0" / "best.pt").stat().st_mtime_ns == begun


def test_a_run_that_was_interrupted_is_made_anew(places: Places) -> None:
    pictures = additions.Pictures(places, ("teacher=null", *TINY))
    (places.runs / "small_base_1").mkdir(parents=True)
    (places.runs / "small_base_1" / "last.pt").write_bytes(b"half of it")
    found = additions.measured("small", Variant(BASE), 1, places, pictures, TINY[:-1])
    assert found["seconds"] > 0


def test_each_addition_changes_what_it_says_and_nothing_else(places: Places) -> None:
    base = additions.recipe_of("small", VARIANTS[0], 0, places)
    assert (base.init, base.teacher, base.borders_every, base.optimiser.kind) == (None, None, 0, "adam")
    changed = {
        "data": {"data"},
        "teacher": {"teacher"},
        "soap": {"optimiser"},
        "borders": {"borders_every"},
        "sizes": {"data"},
    }
    for name in ADDITIONS:
        other = additions.recipe_of("small", Variant(name, (name,)), 0, places)
        fields = {key for key in base.__struct_fields__ if getattr(base, key) != getattr(other, key)}
        assert fields == changed[name], name


def test_the_record_is_of_networks_and_variants_that_there_are() -> None:
    known = {(subject, variant.name) for subject in SUBJECTS for variant in VARIANTS}
    found = [(row["network"], row["variant"]) for row in RECORDED["rows"]]
    assert len(set(found)) == len(found)
    assert set(found) <= known
    assert {(network, BASE) for network, _ in found} <= set(found)
    for row in RECORDED["rows"]:
        assert 1 <= len(row["psnr_db"]) <= len(SEEDS)
        assert row["mean_db"] == pytest.approx(statistics.mean(row["psnr_db"]), abs=1e-4)
        assert row["seconds"] > 0
    assert {"machine", "command", "common", "subjects", "validation_pictures"} <= RECORDED.keys()


def test_gains_are_those_of_the_figures_with_the_same_seed() -> None:
    rows = {(row["network"], row["variant"]): row for row in RECORDED["rows"]}
    for (network, _), row in rows.items():
        for key, other in (("over_base", BASE), ("over_all", ALL)):
            against = rows.get((network, other), {"psnr_db": []})["psnr_db"]
            gains = [one - its for one, its in zip(row["psnr_db"], against, strict=False)]
            assert (f"{key}_db" in row) == bool(gains)
            if gains:
                assert row[f"{key}_db"] == pytest.approx(statistics.mean(gains), abs=2e-4)
            if len(gains) > 1:
                error = statistics.stdev(gains) / len(gains) ** 0.5
                assert row[f"{key}_error_db"] == pytest.approx(error, abs=2e-4)


def test_the_table_is_made_of_the_record() -> None:
    made = additions.table(RECORDED["rows"], RECORDED["steps"], RECORDED["validation_pictures"])
    assert additions.RESULTS.with_suffix(".md").read_text() == made
