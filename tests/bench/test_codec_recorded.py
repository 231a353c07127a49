"""What codec.json, codec_rule.json and correction.json say; the rule keeps its promise on clips it wasn't fitted to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bjontegaard")

from fit_codec_aware import LEAST_DB, plain_from
from fit_codec_rule import CLIPS, fit
from record_codec import CLIPS as TEST_CLIPS

from pocketsr.bench.codec_curve import compare
from pocketsr.codec import choose
from pocketsr.codec.rule import NETWORK, TABLE
from pocketsr.source import PLAIN_FROM

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BENCHMARKS / "codec.json").read_text())
    return found


def test_the_table_is_what_the_fit_gives() -> None:
    found = json.loads((BENCHMARKS / "codec_rule.json").read_text())
    assert sorted(found["clips"]) == sorted(CLIPS)
    table = fit(found["clips"])
    assert table == found["table"]
    for codec, lines in table.items():
        assert [[line.softness_db, line.bpp_2x, line.bpp_1_5x] for line in TABLE[codec]] == lines


def test_no_clip_is_fitted_and_tested() -> None:
    fitted = json.loads((BENCHMARKS / "codec_rule.json").read_text())["clips"]
    tested = json.loads((BENCHMARKS / "codec.json").read_text())["settings"]["clips"]
    assert not {each["sha256"] for each in fitted.values()} & {each["sha256"] for each in tested.values()}
    assert list(tested) == [Path(name).stem for name in TEST_CLIPS]


def test_plain_enlargement_begins_where_no_network_gained() -> None:
    found = json.loads((BENCHMARKS / "codec_aware.json").read_text())
    assert found["plain_from"] == plain_from(found["rows"]) == PLAIN_FROM
    assert {row["clip"] for row in found["rows"]} == {Path(name).name for name in CLIPS}
    coarse = [row["psnr_db"] for row in found["rows"] if row["strength"] >= PLAIN_FROM]
    assert sum(each["bicubic"] - each["small-call"] for each in coarse) >= -LEAST_DB * len(coarse)


def _curve(recorded: dict[str, Any], clip: str, codec: str, path: str) -> list[tuple[float, float]]:
    return [
        (row["bpp"], row["psnr_db"])
        for row in recorded["rows"]
        if (row["clip"], row["codec"], row["path"]) == (clip, codec, path)
    ]


@pytest.mark.parametrize("codec", ["h264", "vp9", "av1"])
@pytest.mark.parametrize("clip", [Path(name).stem for name in TEST_CLIPS])
def test_the_rule_never_loses_to_native_coding(recorded: dict[str, Any], clip: str, codec: Any) -> None:
    """At most 1 % of bits at the same PSNR, over all rates; and where it picks another size that one is the better."""
    softness = recorded["settings"]["clips"][clip]["softness_db"]
    native = _curve(recorded, clip, codec, "native")
    chosen = []
    for number, rate in enumerate(recorded["settings"]["rates_bpp"]):
        scale = choose(codec, rate, softness_db=softness).scale
        path = "native" if scale == 1 else f"{scale:g}x {NETWORK}"
        chosen.append(_curve(recorded, clip, codec, path)[number])
    if chosen == native:
        return
    found = compare(native, chosen, 1)
    assert found.bd_rate_percent is not None, found.reason
    assert found.bd_rate_percent <= 1


def test_it_picks_a_smaller_size_somewhere(recorded: dict[str, Any]) -> None:
    clips = recorded["settings"]["clips"].values()
    picked = [
        choose(codec, rate, softness_db=clip["softness_db"]).scale
        for codec in ("h264", "vp9", "av1")
        for clip in clips
        for rate in recorded["settings"]["rates_bpp"]
    ]
    assert picked.count(2) + picked.count(1.5) >= len(picked) / 10


def test_corrections_gain_and_never_lose_much(recorded: dict[str, Any]) -> None:
    """Within 1 kbit/s and what is saved up at the start. A frame is judged by what was fitted on earlier ones: where a
    scene turns, one may lose before the sender knows it."""
    found = json.loads((BENCHMARKS / "correction.json").read_text())
    rows = found["rows"]
    assert found["networks"][NETWORK] == recorded["settings"]["networks"][NETWORK]
    assert {row["clip"] for row in rows} == set(recorded["settings"]["clips"])
    for row in rows:
        assert row["message_kbit"] <= row["seconds"] + 1.5
        assert row["gain_db"] >= 0
    assert found["apply_ms"]["engine"] < found["apply_ms"]["numpy"]  # as recorded
    assert sum(row["gain_db"] for row in rows) / len(rows) > 0.15
    assert sum(row["from_second_1_db"] for row in rows) / len(rows) > 0.2


def test_every_clip_has_its_figures(recorded: dict[str, Any]) -> None:
    assert {(each["clip"], each["codec"]) for each in recorded["bd"]} == {
        (clip, codec) for clip in recorded["settings"]["clips"] for codec in ("h264", "vp9", "av1")
    }
    for each in recorded["bd"]:
        assert (each["bd_rate_percent"] is None) == ("reason" in each)


def test_vmaf_and_neg_say_what_psnr_says() -> None:
    """Of fewer frames and more rates than codec.json: the network pays by every measure, more by VMAF than by PSNR, and
    NEG, which doesn't reward sharpening, is never above VMAF."""
    found = json.loads((BENCHMARKS / "codec_vmaf.json").read_text())
    assert found["settings"]["vmaf"] == {"models": ["vmaf_v0.6.1", "vmaf_v0.6.1neg"], "clipped": [0, 100]}
    assert len(found["settings"]["clips"]) >= 5
    assert set(found["settings"]["clips"]) <= {Path(name).stem for name in TEST_CLIPS}
    for row in found["rows"]:
        assert 0 <= row["vmaf_neg"] <= row["vmaf"] <= 100
    means = {}
    for codec in ("h264", "vp9", "av1"):
        for path in ("2x bicubic", f"2x {NETWORK}"):
            for metric in ("psnr", "vmaf_neg"):
                percents = [
                    each["bd_rate_percent"]
                    for each in found["bd"]
                    if (each["codec"], each["path"], each["metric"]) == (codec, path, metric)
                    and each["bd_rate_percent"] is not None
                ]
                means[codec, path, metric] = sum(percents) / len(percents)
        assert means[codec, f"2x {NETWORK}", "vmaf_neg"] < means[codec, "2x bicubic", "vmaf_neg"] - 10
        assert means[codec, f"2x {NETWORK}", "vmaf_neg"] < means[codec, f"2x {NETWORK}", "psnr"]
        assert means[codec, f"2x {NETWORK}", "vmaf_neg"] < -15
