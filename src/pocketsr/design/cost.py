"""Milliseconds a frame, predicted from what the engine will do and from what a device takes for it."""

from __future__ import annotations

import numpy as np

from pocketsr.design.kinds import WORK, Counts
from pocketsr.design.profile import Profile
from pocketsr.design.schedule import Schedule
from pocketsr.design.work import beyond, work_of_row

__all__ = ["predict_ms", "work_of_strips"]

_FAR, _INTERLEAVED, _FRAME = (WORK.index(kind) for kind in ("far", "interleaved", "frame"))


def work_of_strips(schedule: Schedule, size: tuple[int, int], threads: int, l2_bytes: int) -> list[Counts]:
    """The work of each thread for a frame of `size` (width, height); what one does for all counts for each."""
    width, height = size
    outside = beyond(l2_bytes // 2, schedule.live_bytes(width))  # half of it is taken by what comes and goes
    samples = 0
    if (planes := schedule.steps[0].shape.inputs) > 1:  # the picture and the result, side by side
        samples = width * height * planes * (1 + schedule.scale**2)
    found = []
    for strip in schedule.strips(height, threads):
        total = np.zeros(len(WORK))
        for step in schedule.steps:
            rows = step.times * schedule.rows(step, strip, height)
            total += rows * work_of_row(step.shape, schedule.phases, schedule.target, width)
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
