"""What `tools/record_stream.py` recorded: a stream takes hardly longer than the networks that it calls."""

from __future__ import annotations

import json

import record_stream


def test_a_stream_takes_as_long_as_its_networks() -> None:
    recorded = json.loads(record_stream.RESULT.read_text(encoding="utf-8"))
    assert set(recorded["times_as_long"]) == set(record_stream.PAIRS)
    assert recorded["rounds"] == record_stream.ROUNDS
    assert all(0.97 < ratio < 1.03 for ratio in recorded["times_as_long"].values())
