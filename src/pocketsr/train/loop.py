"""The training loop: one for all networks, on one processor, one accelerator, or many of either."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from lightning_fabric import Fabric

from pocketsr.errors import UserError
from pocketsr.losses import LossSum
from pocketsr.quant import QuantNet
from pocketsr.train import sources
from pocketsr.train.beginning import resolved
from pocketsr.train.checkpoint import initial_weights, save_checkpoint
from pocketsr.train.curve import draw
from pocketsr.train.devices import fabric_for
from pocketsr.train.feed import Feed
from pocketsr.train.folder import RunFolder
from pocketsr.train.interruption import interruptions
from pocketsr.train.learner import Learner
from pocketsr.train.log import Log
from pocketsr.train.networks import empty_network, source_state
from pocketsr.train.objective import Objective
from pocketsr.train.origins import check_needs
from pocketsr.train.quantized import calibrate, initial_network
from pocketsr.train.recipe import Recipe
from pocketsr.train.recipe_file import recipe_from
from pocketsr.train.schedule import learning_rate, rescheduled
from pocketsr.train.state import check_state
from pocketsr.train.teacher import blend, load_teacher, shared_teacher_pairs
from pocketsr.train.validate import valid_psnr_db

__all__ = ["Outcome", "train"]

_LOG_EVERY = 100  # steps; reading a loss waits for the accelerator
_STOP_EVERY = 10  # steps between which several processes agree whether to stop


@dataclass(frozen=True)
class Outcome:
    """How far a run came. best_psnr_db: mean over the validation images, of the weights that were kept.

    leader: whether this is the process that validates and writes the run's files.
    signal: the number of the signal that stopped it; 0 where none did, or another process of the run got it.
    """

    step: int
    best_step: int
    best_psnr_db: float
    finished: bool
    leader: bool
    signal: int = 0


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    changed: Collection[str] = (),
    pairs: sources.Loaded | None = None,
) -> Outcome:
    """Train as `recipe` says into the folder `out`; with `resume`, continue exactly from its last checkpoint.

    An earlier stage that the recipe names must have been trained into a folder next to `out`, or have its checkpoint.
    changed: dotted keys of the recipe that may differ from what the run began with.
    pairs: what `sources.load_pairs` gives for the recipe, where many runs share it.
    Raises UserError for what the user can correct: the folder, the images, the recipe, a loss that is no number.
    """
    fabric = fabric_for(recipe.hardware())
    recipe, begins = resolved(recipe, out.parent, RunFolder(out, recipe).last if resume else None)
    folder = RunFolder(out, recipe)
    if not resume and fabric.global_rank == 0:  # before other processes start, and before images are read
        folder.check_new()
    state = folder.reopen(changed) if resume else None
    if state is not None:
        check_state(state, folder.last, recipe.steps)
        said = rescheduled(recipe_from(state["recipe"], str(folder.last)), recipe, state["step"])
        begins = said or begins
    check_needs(recipe, resuming=state is not None, pictures=False)
    if begins and fabric.global_rank == 0:
        print(f"pocketsr: {begins}", file=sys.stderr)
    fabric.launch()
    torch.set_num_threads(recipe.threads)
    run = _Run(fabric, recipe, folder, state, pairs)
    try:
        return run.go()
    except OSError as error:
        raise UserError(f"{out} can't be written ({error.strerror}): make room and go on with --resume") from error


class _Run:
    """One run's networks and counters."""

    def __init__(
        self, fabric: Fabric, recipe: Recipe, folder: RunFolder, state: dict[str, Any] | None,
        pairs: sources.Loaded | None,
    ) -> None:  # fmt: skip
        self._fabric, self._recipe, self._folder = fabric, recipe, folder
        subject, batching, self._losses = recipe.subject(), recipe.batching(), recipe.loss_plan()
        torch.manual_seed(recipe.seed)
        net = initial_network(subject) if state is None else empty_network(subject, state, folder.last)
        sources.check_net(subject, batching.stages, net)
        again = state is None or recipe.init_share > 0
        first = initial_weights(net, Path(recipe.init)) if isinstance(recipe.init, str) and again else None
        if state is None and first is not None:
            net.load_state_dict(first)
        net.to(fabric.device)
        inside = any(LossSum(losses).needs_features for losses in self._losses.stages())
        named = recipe.teacher
        teacher = (
            load_teacher(named.model, fabric.device, inside, named.weights, net.scale, net.channels) if named else None
        )
        self._objective = Objective(net, LossSum(self._losses.first), teacher)
        # last, since it may take minutes: mistakes in the rest of the recipe show at once
        check_needs(recipe, resuming=state is not None, pictures=pairs is None)
        self._train, self._valid, drawn = pairs or sources.load_pairs(
            recipe.data, recipe.seed, net.scale, net.channels, self._losses.needs_frames
        )
        if state is None and recipe.quant is not None:
            net.load_state_dict(calibrate(recipe.quant, batching, cast(QuantNet, net), self._train).state_dict())
        self._learner = Learner(net, recipe.optimiser, recipe.ema, first, recipe.init_share)
        self._step, self._best, self._best_step = 0, -math.inf, 0
        self._log = Log()
        if state is not None:
            self._learner.restore(state, folder.last)
            torch.set_rng_state(state["rng"])
            self._step, self._best, self._best_step = state["step"], state["best_psnr_db"], state["best_step"]
            self._log.restore(state, fabric.device)
        if fabric.is_global_zero:
            folder.create(drawn)
            self._save()  # an interrupted run can always be resumed

    def go(self) -> Outcome:
        fabric, recipe = self._fabric, self._recipe
        by_teacher = None
        if recipe.teacher and self._objective.teacher:
            distilled = "distillation" in self._losses.terms()
            by_teacher = shared_teacher_pairs(
                fabric, recipe.teacher, self._objective.teacher, self._train, self._folder.teacher, distilled
            )
            if by_teacher is not None and recipe.teacher.share:
                self._train = blend(self._train, by_teacher, recipe.teacher.share)
            by_teacher = by_teacher if distilled else None
        feed = Feed(
            recipe.batching(), self._train, by_teacher, self._step,
            fabric.global_rank, fabric.world_size, fabric.device, self._objective.net.conditioned,
            self._losses.needs_frames,
        )  # fmt: skip
        try:
            self._log.open(self._folder.curve, self._losses.terms(), recipe.steps, self._step, fabric.is_global_zero)
            with interruptions() as interrupted:
                self._loop(feed, interrupted)
        finally:
            feed.close()
            self._log.close()
        finished = self._step == recipe.steps
        if fabric.is_global_zero:
            self._save()
            draw(self._folder.curve)
            if finished:
                self._folder.export()
        fabric.barrier()
        number = interrupted[0] if interrupted else 0
        return Outcome(self._step, self._best_step, self._best, finished, fabric.is_global_zero, number)

    def _loop(self, feed: Feed, interrupted: list[int]) -> None:
        recipe, fabric, learner, log, losses = self._recipe, self._fabric, self._learner, self._log, self._losses
        plain = fabric.world_size == 1 and recipe.precision == "32-true"
        forward = self._objective if plain else fabric.setup_module(self._objective)  # wrapping costs 0.3 ms a step
        rates, finish = recipe.rates(), losses.finish_step
        saved = time.monotonic()
        for lr, hr, teacher_sr, frames in feed:
            if losses.finish and self._step >= finish:
                self._objective.losses = LossSum(losses.finish)
                finish = recipe.steps
            rate = learning_rate(rates, self._step)
            borders = recipe.borders_every > 0 and self._step % recipe.borders_every == 0
            loss, parts = forward(lr, hr, teacher_sr, borders, frames)
            learner.learn(fabric, loss, rate, self._step)
            log.add(parts)
            self._step += 1
            step = self._step
            due = step % recipe.validate_every == 0 or step == recipe.steps
            if due or step % _LOG_EVERY == 0 or step == finish:  # the sums are of one set of losses
                means = log.means(fabric, step, self._folder.path)
                psnr = self._validate() if due else None
                log.report(step, rate, means, psnr, self._best)
            if fabric.is_global_zero and time.monotonic() - saved > recipe.checkpoint_every_s:
                self._save()
                saved = time.monotonic()
            if self._stop(interrupted):
                break

    def _stop(self, interrupted: list[int]) -> bool:
        if self._fabric.world_size == 1:
            return bool(interrupted)
        if self._step % _STOP_EVERY:
            return False
        any_of_us = torch.tensor(float(bool(interrupted)), device=self._fabric.device)
        return bool(self._fabric.all_reduce(any_of_us, reduce_op="sum"))

    def _validate(self) -> float | None:
        """PSNR of the averaged weights, which are kept where they are the best so far. Done by the first process.

        With a loss of frames the last ones are the best: by PSNR alone those would be that flicker most.
        """
        if not self._fabric.is_global_zero:
            return None
        result = self._learner.result()
        psnr = valid_psnr_db(result, self._valid)
        if psnr > self._best or self._losses.needs_frames:
            self._best, self._best_step = psnr, self._step
            kept = {"ema": result.state_dict(), "recipe": msgspec.to_builtins(self._recipe)}
            kept |= {"step": self._step, "psnr_db": psnr} | source_state(result)
            save_checkpoint(kept, self._folder.best)
        return psnr

    def _save(self) -> None:
        """last.pt: all that an exact resumption needs. Batches depend on seed and step, so no stream has a state."""
        if not self._learner.finite():
            return  # a good checkpoint must stay
        state = {
            "rng": torch.get_rng_state(), "recipe": msgspec.to_builtins(self._recipe), "step": self._step,
            "best_psnr_db": self._best, "best_step": self._best_step,
        } | self._learner.state() | self._log.state()  # fmt: skip
        save_checkpoint(state, self._folder.last)
