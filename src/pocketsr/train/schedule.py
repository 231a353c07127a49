"""The learning rate at each step."""

from __future__ import annotations

import math

from pocketsr.train.recipe import Recipe

__all__ = ["learning_rate"]


def learning_rate(recipe: Recipe, step: int) -> float:
    """The rate of step `step` (from 0): a linear rise, then constant or half a cosine down to zero.

    A restart begins another half cosine, which ends at the next restart or at the last step (SGDR, Loshchilov and
    Hutter, ICLR 2017, eq. 5 with a least rate of 0). Only the first rises: Adam's moments are kept over a restart.
    """
    optimiser, schedule = recipe.optimiser, recipe.schedule
    rate = optimiser.lr * min(1.0, (step + 1) / max(1, optimiser.warmup))
    if schedule.kind == "constant":
        return rate
    turns = (0, *schedule.restarts, recipe.steps)
    k = max(i for i, turn in enumerate(turns[:-1]) if turn <= step)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - turns[k]) / (turns[k + 1] - turns[k])))
