"""The training loop: one for all networks, on one processor, one accelerator, or many of either."""

from __future__ import annotations

import copy
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
from torch import Tensor, nn
from tqdm import tqdm

from pocketsr.data import Pair
from pocketsr.errors import UserError
from pocketsr.losses import LossSum
from pocketsr.nets import SRNet
from pocketsr.quant import QuantNet
from pocketsr.train import sources
from pocketsr.train.checkpoint import initial_weights, load_weights, save_checkpoint
from pocketsr.train.curve import Curve, draw
from pocketsr.train.devices import fabric_for
from pocketsr.train.feed import Feed
from pocketsr.train.folder import RunFolder
from pocketsr.train.interruption import interruptions
from pocketsr.train.networks import empty_network, source_state
from pocketsr.train.objective import Objective
from pocketsr.train.quantized import calibrate, initial_network
from pocketsr.train.recipe import Recipe
from pocketsr.train.recipe_file import recipe_from
from pocketsr.train.schedule import learning_rate, rescheduled
from pocketsr.train.soap import Soap
from pocketsr.train.state import check_state, load_optimiser
from pocketsr.train.teacher import blend, load_teacher, make_teacher_pairs, teacher_name
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
    """Train as `recipe` says into the folder `out`; with `resume`, go on exactly where its last checkpoint stood.

    changed: dotted keys of the recipe that may differ from what the run began with.
    pairs: what `sources.load_pairs` gives for the recipe, where many runs share it.
    Raises UserError for what the user can mend: the folder, the images, the recipe, a loss that is no number.
    """
    fabric = fabric_for(recipe)
    folder = RunFolder(out, recipe)
    if not resume and fabric.global_rank == 0:  # before other processes start, and before images are read
        folder.check_new()
    state = folder.reopen(changed) if resume else None
    if state is not None:
        check_state(state, folder.last, recipe.steps)
        said = rescheduled(recipe_from(state["recipe"], str(folder.last)), recipe, state["step"])
        if said and fabric.global_rank == 0:
            print(f"pocketsr: {said}", file=sys.stderr)
    fabric.launch()
    torch.set_num_threads(recipe.threads)
    run = _Run(fabric, recipe, folder, state, pairs)
    try:
        return run.go()
    except OSError as error:
        raise UserError(f"{out} can't be written ({error.strerror}): make room and go on with --resume") from error


def _optimiser(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimiser.kind == "soap":
        return Soap(net.parameters(), recipe.optimiser.betas)
    # fused is the fastest by far where parameters are many and small
    return torch.optim.Adam(net.parameters(), betas=recipe.optimiser.betas, fused=True)


class _Run:
    """One run's networks, optimiser and counters."""

    def __init__(
        self, fabric: Fabric, recipe: Recipe, folder: RunFolder, state: dict[str, Any] | None,
        pairs: sources.Loaded | None,
    ) -> None:  # fmt: skip
        self._fabric, self._recipe, self._folder = fabric, recipe, folder
        torch.manual_seed(recipe.seed)
        net = initial_network(recipe) if state is None else empty_network(recipe, state)
        sources.check_net(recipe, net)
        again = state is None or recipe.init_share > 0
        first = initial_weights(net, Path(recipe.init)) if recipe.init and again else None
        if state is None and first is not None:
            net.load_state_dict(first)
        self._first = first if recipe.init_share else None
        self._net = net.to(fabric.device)
        self._average = copy.deepcopy(net).requires_grad_(False) if recipe.ema else net
        inside = any(LossSum(losses).needs_features for losses in recipe.stages_of_losses())
        named = recipe.teacher
        teacher = (
            load_teacher(named.model, fabric.device, inside, named.weights, net.scale, net.channels) if named else None
        )
        self._objective = Objective(net, LossSum(recipe.losses), teacher)
        # last, since it may take minutes: mistakes in the rest of the recipe show at once
        self._train, self._valid, drawn = pairs or sources.load_pairs(recipe, net.scale, net.channels)
        if state is None and recipe.quant is not None:
            ranges = calibrate(recipe, cast(QuantNet, net), self._train).state_dict()
            net.load_state_dict(ranges)
            self._average.load_state_dict(ranges)
        self._optimiser = _optimiser(net, recipe)
        self._step, self._best, self._best_step = 0, -math.inf, 0
        self._sums: dict[str, Tensor] = {}  # of each loss over the steps since the last report, which are counted
        self._summed = 0
        self._started = time.monotonic()
        if state is not None:
            load_weights(net, state["net"], folder.last)
            load_weights(self._average, state["ema"], folder.last)
            load_optimiser(self._optimiser, state["optimiser"], folder.last)
            torch.set_rng_state(state["rng"])
            self._step, self._best, self._best_step = state["step"], state["best_psnr_db"], state["best_step"]
            self._sums = {name: part.to(fabric.device) for name, part in state.get("sums", {}).items()}
            self._summed = state.get("summed", 0)
            self._started -= state["seconds"]
        if fabric.is_global_zero:
            folder.create(drawn)
            self._save()  # an interrupted run can always be resumed

    def go(self) -> Outcome:
        fabric, recipe = self._fabric, self._recipe
        rank, processes = fabric.global_rank, fabric.world_size
        by_teacher = self._teacher_pairs()
        if by_teacher is not None and recipe.teacher and recipe.teacher.share:
            self._train = blend(self._train, by_teacher, recipe.teacher.share)
        if "distillation" not in recipe.terms():
            by_teacher = None
        feed = Feed(recipe, self._train, by_teacher, self._step, rank, processes, fabric.device)
        bar = tqdm(total=recipe.steps, initial=self._step, disable=None if fabric.is_global_zero else True)
        curve = Curve(self._folder.curve, recipe, self._step) if fabric.is_global_zero else None
        try:
            with interruptions() as interrupted:
                self._loop(feed, bar, curve, interrupted)
        finally:
            feed.close()
            bar.close()
            if curve:
                curve.close()
        finished = self._step == recipe.steps
        if fabric.is_global_zero:
            self._save()
            draw(self._folder.curve)
            if finished:
                self._folder.export()
        fabric.barrier()
        number = interrupted[0] if interrupted else 0
        return Outcome(self._step, self._best_step, self._best, finished, fabric.is_global_zero, number)

    def _loop(self, feed: Feed, bar: Any, curve: Curve | None, interrupted: list[int]) -> None:
        recipe, fabric, optimiser = self._recipe, self._fabric, self._optimiser
        plain = fabric.world_size == 1 and recipe.precision == "32-true"
        forward = self._objective if plain else fabric.setup_module(self._objective)  # wrapping costs 0.3 ms a step
        parameters: list[Tensor] = list(self._net.parameters())
        average: list[Tensor] = list(self._average.parameters())
        clip_norm, decay = recipe.optimiser.clip_norm, recipe.ema.decay if recipe.ema else None
        finish = recipe.finish_step()
        saved = time.monotonic()
        for lr, hr, teacher_sr in feed:
            if recipe.finish and self._step >= finish:
                self._objective.losses = LossSum(recipe.finish.losses)
                finish = recipe.steps
            rate = learning_rate(recipe, self._step)
            for group in optimiser.param_groups:
                group["lr"] = rate
            borders = recipe.borders_every > 0 and self._step % recipe.borders_every == 0
            loss, parts = forward(lr, hr, teacher_sr, borders)
            optimiser.zero_grad()
            fabric.backward(loss)
            if clip_norm:
                nn.utils.clip_grad_norm_(parameters, clip_norm)
            optimiser.step()
            self._step += 1
            step = self._step
            with torch.no_grad():
                if decay is not None:  # a plain mean at first, so that the beginning is soon forgotten
                    torch._foreach_lerp_(average, parameters, max(1 - decay, 1 / (step + 1)))
                for name, part in parts.items():
                    self._sums[name] = self._sums[name] + part if name in self._sums else part.detach()
            self._summed += 1
            due = step % recipe.validate_every == 0 or step == recipe.steps
            if due or step % _LOG_EVERY == 0 or step == finish:  # the sums are of one set of losses
                losses = self._means()
                psnr = self._validate() if due else None
                self._report(bar, curve, rate, losses, psnr)
                self._sums, self._summed = {}, 0
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

    def _teacher_pairs(self) -> list[Pair] | None:
        """The training images as the teacher enlarges them, where they are to be kept."""
        named, teacher = self._recipe.teacher, self._objective.teacher
        used = named is not None and (named.share > 0 or "distillation" in self._recipe.terms())
        if named is None or teacher is None or not named.cache or not used:
            return None
        folder = Path(named.cache) if isinstance(named.cache, str) else self._folder.teacher
        name = teacher_name(named.model, named.weights)
        for rank in range(self._fabric.world_size):  # the first one makes the pictures, the others find them
            if rank == self._fabric.global_rank:
                pairs = make_teacher_pairs(teacher, self._train, folder, name)
            self._fabric.barrier()
        return pairs

    def _means(self) -> dict[str, float]:
        """Mean of each loss since the last report, over all processes. Raises UserError where one is no number."""
        totals = cast(Tensor, self._fabric.all_reduce(torch.stack(list(self._sums.values())), reduce_op="mean"))
        means = {name: total / self._summed for name, total in zip(self._sums, totals.tolist(), strict=True)}
        if not all(math.isfinite(mean) for mean in means.values()):
            raise UserError(
                f"the loss is no number any more at step {self._step}: lower optimiser.lr or set optimiser.clip_norm "
                f"and begin anew; {self._folder.path} keeps the last good weights"
            )
        return means

    def _validate(self) -> float | None:
        """PSNR of the averaged weights, which are kept where they are the best so far. Done by the first process."""
        if not self._fabric.is_global_zero:
            return None
        result = self._result()
        psnr = valid_psnr_db(result, self._valid)
        if psnr > self._best:
            self._best, self._best_step = psnr, self._step
            kept = {"ema": result.state_dict(), "recipe": msgspec.to_builtins(self._recipe)}
            kept |= {"step": self._step, "psnr_db": psnr} | source_state(self._net)
            save_checkpoint(kept, self._folder.best)
        return psnr

    def _result(self) -> SRNet:
        """The averaged weights, with those that the run began with as far as the recipe wants it."""
        if self._first is None:
            return self._average
        share, result = self._recipe.init_share, copy.deepcopy(self._average)
        mixed = {name: weight.lerp(self._first[name].to(weight.device), share) if weight.is_floating_point() else weight
                 for name, weight in result.state_dict().items()}  # fmt: skip
        result.load_state_dict(mixed)
        return result

    def _report(self, bar: Any, curve: Curve | None, rate: float, losses: dict[str, float], psnr: float | None) -> None:
        bar.update(self._step - bar.n)
        if psnr is not None:  # stays when the bar is gone, or when there is none
            shown = ", ".join(f"{name} {loss:.5f}" for name, loss in losses.items())
            speed = self._step / (time.monotonic() - self._started)
            tqdm.write(f"step {self._step}: {shown}, validation {psnr:.4f} dB, {speed:.1f} it/s", file=sys.stderr)
        valid = {"valid_db": f"{self._best:.3f}"} if math.isfinite(self._best) else {}
        bar.set_postfix({name: f"{loss:.5f}" for name, loss in losses.items()} | valid, refresh=False)
        if curve:
            curve.add(self._step, rate, losses, psnr, time.monotonic() - self._started)

    def _save(self) -> None:
        """last.pt: all that an exact resumption needs. Batches depend on seed and step, so no stream has a state."""
        if not all(bool(torch.isfinite(weight).all()) for weight in self._net.parameters()):
            return  # a good checkpoint must stay
        state = {
            "net": self._net.state_dict(), "ema": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(), "rng": torch.get_rng_state(),
            "recipe": msgspec.to_builtins(self._recipe), "step": self._step, "best_psnr_db": self._best,
            "best_step": self._best_step, "sums": self._sums, "summed": self._summed,
            "seconds": time.monotonic() - self._started,
        } | source_state(self._net)  # fmt: skip
        save_checkpoint(state, self._folder.last)
