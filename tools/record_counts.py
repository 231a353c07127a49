"""What the shipped networks cost, counted from their files: `python tools/record_counts.py`, which takes seconds.

Writes src/pocketsr/models/counts.json, so that `pocketsr models` has nothing to read or compile. To be run whenever a
shipped network changes; `record_quality.py` does.
"""

from __future__ import annotations

import json
from pathlib import Path

from pocketsr.engine.analysis.count import count
from pocketsr.models import SHIPPED, resolve

__all__ = ["COUNTS", "counted"]

COUNTS = Path(__file__).resolve().parents[1] / "src" / "pocketsr" / "models" / "counts.json"


def counted() -> dict[str, dict[str, int | None]]:
    """{"tiny": {"scale": .., "params": .., "macs_per_pixel": .., "receptive_field": ..}}: MACs an input pixel."""
    counts = {}
    for name in SHIPPED:
        cost = count(resolve(name))
        counts[name] = {
            "scale": cost.scale,
            "params": cost.params,
            "macs_per_pixel": cost.macs_per_pixel,
            "receptive_field": cost.receptive_field,
        }
    return counts


if __name__ == "__main__":
    COUNTS.write_text(json.dumps(counted(), indent=2) + "\n")
