"""SOAP: Adam in the eigenbasis of each layer's gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["Soap"]

_MEMORY = 0.99  # of the gradients' covariances, a step
_TURN_EVERY = 10  # steps between which the bases stay
_MOST = 1024  # rows or columns that still get a basis: its decomposition costs their cube
_EPS = 1e-8


class Soap(Optimizer):
    """SOAP (Vyas et al., SOAP: Improving and Stabilizing Shampoo using Adam, ICLR 2025, algorithm 3).

    Adam divides each weight's step by the size of its gradients, which is right where weights act one by one. Those of
    a small network act together, so Adam is run in the basis in which they don't: that of the eigenvectors of G G^T and
    G^T G, with G the gradient of a convolution as a matrix of output channels x (input channels and taps). Such weights
    stand still for the first nine steps, until there is a basis. Biases, slopes and scales are left to Adam.
    """

    def __init__(self, params: Iterable[Tensor], betas: tuple[float, float] = (0.9, 0.999), lr: float = 1e-3) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step along the gradients of all parameters that have one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, self.state[weight], group["lr"], *group["betas"])
        return loss

    def _move(self, weight: Tensor, grad: Tensor, state: dict[str, Any], lr: float, b1: float, b2: float) -> None:
        grad = grad.reshape(len(grad), -1) if grad.dim() > 1 else grad.reshape(1, -1)
        if not state:
            state |= {"seen": 0, "step": 0, "exp_avg": torch.zeros_like(grad), "exp_avg_sq": torch.zeros_like(grad)}
        state["seen"] += 1
        left = right = None
        if min(grad.shape) > 1:
            _follow(grad, "left", state)
            _follow(grad.mT, "right", state)
            if state["seen"] < _TURN_EVERY:
                return
            left, right = state.get("left_basis"), state.get("right_basis")
        state["step"] += 1
        step = state["step"]
        state["exp_avg"].lerp_(grad, 1 - b1)
        state["exp_avg_sq"].lerp_(_into(grad, left, right).square(), 1 - b2)
        size = (state["exp_avg_sq"] / (1 - b2**step)).sqrt_().add_(_EPS)
        move = _into(state["exp_avg"] / (1 - b1**step), left, right) / size
        back = _into(move, None if left is None else left.mT, None if right is None else right.mT)
        weight.sub_(back.reshape(weight.shape), alpha=lr)


def _follow(grad: Tensor, side: str, state: dict[str, Any]) -> None:
    """Keep the running mean of grad grad^T and, in columns, its eigenvectors; neither where it would be too large."""
    if len(grad) > _MOST:
        return
    square, seen, basis = grad @ grad.mT, state["seen"], f"{side}_basis"
    mean = state.setdefault(side, torch.zeros_like(square))
    mean.lerp_(square, max(1 - _MEMORY, 1 / seen))  # a plain mean at first
    if seen == _TURN_EVERY:
        state[basis] = torch.linalg.eigh(mean)[1].flip(-1)  # the greatest first, as the iteration below leaves them
    elif seen % _TURN_EVERY == 0:  # one step of power iteration, from the basis of before
        state[basis] = torch.linalg.qr(mean @ state[basis])[0]


def _into(grad: Tensor, left: Tensor | None, right: Tensor | None) -> Tensor:
    """left^T grad right."""
    grad = grad if left is None else left.mT @ grad
    return grad if right is None else grad @ right
