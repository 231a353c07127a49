"""The learning rate at each step, and what other steps make of it."""

from __future__ import annotations

import math

from pocketsr.errors import UserError
from pocketsr.train.parts import Rates
from pocketsr.train.recipe import Recipe

__all__ = ["learning_rate", "rescheduled"]


def learning_rate(rates: Rates, step: int) -> float:
    """The rate of step `step` (from 0): a linear rise, then constant or half a cosine down to zero.

    A restart begins another half cosine, which ends at the next restart or at the last step (SGDR, Loshchilov and
    Hutter, ICLR 2017, eq. 5 with a least rate of 0). Only the first rises: Adam's moments are kept over a restart.
    """
    rate = rates.lr * min(1.0, (step + 1) / max(1, rates.warmup))
    if rates.kind == "constant":
        return rate
    turns = (0, *rates.restarts, rates.steps)
    k = max(i for i, turn in enumerate(turns[:-1]) if turn <= step)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - turns[k]) / (turns[k + 1] - turns[k])))


def rescheduled(before: Recipe, after: Recipe, step: int) -> str | None:
    """What becomes of the schedule of a run that stands at `step` and goes on with another number of steps, in a line.

    None where that number stayed. Raises UserError where the run is beyond it.
    """
    if before.steps == after.steps:
        return None
    if after.steps < step:
        raise UserError(f"the run stands at step {step} already, beyond steps={after.steps}: name more, or none")
    old = learning_rate(before.rates(), step) if step < before.steps else 0.0
    new = learning_rate(after.rates(), step) if step < after.steps else 0.0
    if after.schedule.kind == "constant":
        said = f"the run now ends at step {after.steps}, not {before.steps}, and the learning rate stays {new:.3g}"
    else:
        way = "rises" if new > old else "falls"
        said = f"the cosine now ends at step {after.steps}, not {before.steps}: at step {step} the learning rate {way}"
        said += f" from {old:.3g} to {new:.3g}"
    if before.finish and after.finish:
        said += f"; the losses of 'finish' take over at step {after.finish_step()}, not {before.finish_step()}"
    return said
