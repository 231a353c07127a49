"""What learns: a network, the moving average of its weights, and the optimiser that moves them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from pocketsr.nets import SRNet
from pocketsr.train import recipe
from pocketsr.train.checkpoint import load_weights
from pocketsr.train.networks import source_state
from pocketsr.train.soap import Soap
from pocketsr.train.state import load_optimiser

__all__ = ["Learner"]


class Learner:
    """`net`, which stands on its device already, with the average of its weights; both begin alike.

    initial: weights of which `share` is in what is validated and kept.
    """

    def __init__(
        self, net: SRNet, optimiser: recipe.Optimiser, ema: recipe.Ema | None,
        initial: dict[str, Tensor] | None = None, share: float = 0.0,
    ) -> None:  # fmt: skip
        self.net = net
        self._average = copy.deepcopy(net).requires_grad_(False) if ema else net
        self._decay = ema.decay if ema else None
        self._initial, self._share = initial if share else None, share
        self._clip_norm = optimiser.clip_norm
        self._optimiser = _optimiser(net, optimiser)
        self._parameters: list[Tensor] = list(net.parameters())
        self._averages: list[Tensor] = list(self._average.parameters())

    def learn(self, fabric: Fabric, loss: Tensor, rate: float, step: int) -> None:
        """Make `loss`, that of step `step` (from 0), smaller by a step of the learning rate `rate`."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        fabric.backward(loss)
        if self._clip_norm:
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._optimiser.step()
        if self._decay is not None:
            with torch.no_grad():  # a plain mean at first, so that the beginning is soon forgotten
                torch._foreach_lerp_(self._averages, self._parameters, max(1 - self._decay, 1 / (step + 2)))

    def result(self) -> SRNet:
        """The averaged weights, with those that the run began with as far as the recipe wants it."""
        if self._initial is None:
            return self._average
        result = copy.deepcopy(self._average)
        mixed = {name: weight.lerp(self._initial[name].to(weight.device), self._share)
                 if weight.is_floating_point() else weight
                 for name, weight in result.state_dict().items()}  # fmt: skip
        result.load_state_dict(mixed)
        return result

    def finite(self) -> bool:
        """Whether all weights are numbers."""
        return all(bool(torch.isfinite(weight).all()) for weight in self._parameters)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {
            "net": self.net.state_dict(), "ema": self._average.state_dict(), "optimiser": self._optimiser.state_dict(),
        } | source_state(self.net)  # fmt: skip

    def restore(self, state: dict[str, Any], path: Path) -> None:
        """Go on from `state`, which was read from `path`. Raises UserError where it is of another network."""
        load_weights(self.net, state["net"], path)
        load_weights(self._average, state["ema"], path)
        load_optimiser(self._optimiser, state["optimiser"], path)


def _optimiser(net: nn.Module, settings: recipe.Optimiser) -> torch.optim.Optimizer:
    if settings.kind == "soap":
        return Soap(net.parameters(), settings.betas)
    # fused is the fastest by far where parameters are many and small
    return torch.optim.Adam(net.parameters(), betas=settings.betas, fused=True)
