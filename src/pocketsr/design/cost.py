"""Milliseconds a frame, predicted from what the engine will do and from what a device takes for it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pocketsr.design.chain import Chain
from pocketsr.design.graphs import graph_of
from pocketsr.design.profile import Profile
from pocketsr.engine.codegen.work import (
    WORK,
    Counts,
    Schedule,
    Target,
    beyond,
    make_plan,
    schedule_of,
    work_of_row,
)

__all__ = ["predict_ms", "schedule_of_chain", "work_of_strips"]

_FAR, _INTERLEAVED, _FRAME = (WORK.index(kind) for kind in ("far", "interleaved", "frame"))


@lru_cache(maxsize=4096)
def schedule_of_chain(chain: Chain, target: Target) -> Schedule:
    """What the engine would do for `chain`: its own plan of a graph that has shapes and no weights."""
    return schedule_of(make_plan(graph_of(chain), target))


def work_of_strips(schedule: Schedule, size: tuple[int, int], threads: int, l2_bytes: int) -> list[Counts]:
    """The work of each thread for a frame of `size` (width, height); what one does for all counts for each."""
    width, height = size
    outside = beyond(l2_bytes // 2, schedule.live_bytes(width))  # half of it is taken by what comes and goes
    samples = 0
    if (planes := schedule.steps[0].shape.inputs) > 1:  # the picture and the result, side by side
        samples = width * height * planes * (1 + schedule.scale**2)
    of_row = np.array([work_of_row(step.shape, schedule.phases, schedule.target, width) for step in schedule.steps])
    found = []
    for strip in schedule.strips(height, threads):
        rows = [step.times * schedule.rows(step, strip, height) for step in schedule.steps]
        total: Counts = rows @ of_row
        total[_FAR] *= outside
        total[_INTERLEAVED] = samples
        total[_FRAME] = 1
        found.append(total)
    return found


def predict_ms(schedule: Schedule, size: tuple[int, int], profile: Profile) -> float:
    """For a frame of `size` (width, height) on the profile's threads: that of the slowest thread."""
    costs = np.array(profile.costs())
    strips = work_of_strips(schedule, size, profile.threads, profile.l2_bytes)
    return max(float(work @ costs) for work in strips) / 1e6
