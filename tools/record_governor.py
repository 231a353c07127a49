"""benchmarks/governor.json and docs/governor.png: ten simulated minutes on eight devices that don't exist.

`python tools/record_governor.py`: a minute on one core. The times of each level on each device stand in the file too:
the tests simulate with them, and hold two of them against `design`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from live_devices import DEVICES, level_times_us
from live_simulation import FRAME_US, Made, Run, Weather, costs_from, simulate, ten_minutes

from pocketsr.atomic_io import replacing
from pocketsr.live import Governor, Level

__all__ = ["SECONDS", "SEED", "summary"]

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
SECONDS, SEED = 600, 1
DRAWN = (0, 2, 4, 7)  # of the devices


def summary(run: Run) -> dict[str, Any]:
    """What is recorded of a run."""
    changes = [time for time, _ in run.changes()]
    gaps = [b - a for a, b in pairwise(changes)]
    times = sorted(frame.took_us for frame in run.made)
    frames = len(run.made) + run.dropped
    share = {level.name.lower(): 0 for level in Level}
    for frame in run.made:
        share[frame.decision.level.name.lower()] += 1
    return {
        "frames": frames,
        "late": run.late,
        "dropped": run.dropped,
        "level_changes": len(changes),
        "shortest_gap_s": round(min(gaps) / 1e6, 2) if gaps else None,
        "p50_ms": round(times[len(times) // 2] / 1000, 2),
        "p99_ms": round(times[len(times) * 99 // 100] / 1000, 2),
        "share_of_frames": {name: round(count / frames, 4) for name, count in share.items()},
    }


def main() -> None:
    weather = ten_minutes(SEED)
    rows, runs = [], []
    for device in DEVICES:
        times = level_times_us(device)
        costs, probed = costs_from(times)
        (run,) = simulate([Governor(probed)], costs, weather, SECONDS, SEED)
        rows.append({"device": str(device), "times_us": times, **summary(run)})
        runs.append((str(device), run))
        print(device, {key: value for key, value in rows[-1].items() if key not in ("device", "times_us")})
    record = {
        "command": "python tools/record_governor.py",
        "seconds": SECONDS,
        "seed": SEED,
        "budget_us": FRAME_US,
        "levels": [level.name.lower() for level in Level],
        "slow_permille": [[round(second, 1), slow] for second, slow in weather.slow],
        "sizes": [[round(second, 1), f"{size[0]}x{size[1]}"] for second, size in weather.size],
        "rows": rows,
    }
    with replacing(ROOT / "benchmarks" / "governor.json") as part:
        part.write_text(json.dumps(record, indent=1) + "\n")
    _draw([runs[index] for index in DRAWN], weather)


def _draw(runs: list[tuple[str, Run]], weather: Weather) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, rows = plt.subplots(1 + len(runs), 1, sharex=True, figsize=(10, 11), height_ratios=[1, *[2] * len(runs)])
    top = rows[0]
    top.step(*_steps(weather.slow, lambda slow: slow / 1000), where="post", color="tab:red")
    top.set_ylabel("work takes\n× idle", color="tab:red")
    top.set_ylim(0.8, 3.7)
    pixels = top.twinx()
    pixels.step(*_steps(weather.size, lambda size: size[1]), where="post", color="tab:gray", linestyle="--")
    pixels.set_ylabel("lines of\na frame", color="tab:gray")
    pixels.set_ylim(200, 800)
    for axes, (name, run) in zip(rows[1:], runs, strict=True):
        seconds = [frame.situation.now_us / 1e6 for frame in run.made]
        axes.plot(seconds, [frame.took_us / 1000 for frame in run.made], ".", markersize=1, color="tab:blue")
        late: list[Made] = [frame for frame in run.made if frame.late]
        axes.plot([f.situation.now_us / 1e6 for f in late], [f.took_us / 1000 for f in late], "x", color="tab:red")
        axes.axhline(FRAME_US / 1000, color="tab:red", linewidth=0.8)
        axes.set_ylim(0, 62)
        axes.set_ylabel("ms a frame", color="tab:blue")
        ladder = axes.twinx()
        ladder.step(seconds, [frame.decision.level for frame in run.made], where="post", color="black", linewidth=1.2)
        ladder.set_yticks(range(len(Level)), [level.name.lower().replace("_", " ") for level in Level])
        ladder.set_ylim(-0.3, len(Level) - 0.7)
        changes = f"{len(run.changes())} changes of level, {run.late} of {len(run.made) + run.dropped} frames late"
        axes.set_title(f"{name}: {changes}", loc="left", fontsize=10)
    rows[-1].set_xlabel("seconds")
    figure.tight_layout()
    with replacing(ROOT / "docs" / "governor.png") as part:
        figure.savefig(part, format="png", dpi=90)


def _steps(steps: Sequence[tuple[float, T]], value: Callable[[T], float]) -> tuple[list[float], list[float]]:
    return [*[second for second, _ in steps], SECONDS], [*[value(each) for _, each in steps], value(steps[-1][1])]


if __name__ == "__main__":
    main()
