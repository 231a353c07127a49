"""What a network shows before it is trained: scores from its first weights and one batch.

None of them is a promise: which can be trusted for what is told in benchmarks, where they are held against trained
networks. Scores that multiply through the layers are given as logarithms, so that deep networks stay numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import pocketsr.bench
from pocketsr.nets import SRNet
from pocketsr.pixels import imresize
from pocketsr.reparam import collapse

__all__ = ["PROXIES", "Batch", "one_batch", "scores"]

Batch = tuple[Tensor, Tensor]
"""LR N C H W and HR N C 2H 2W, values 0..1."""

_COUNT, _SIDE = 16, 32  # patches, LR pixels of a patch's side
_RIDGE = 1e-3
_PARTS = 8  # of the batch, between which gradients may differ


def one_batch(channels: int) -> Batch:
    """Patches of the photograph that `bench speed` is taken on, those with most contrast; always the same."""
    with Image.open(Path(pocketsr.bench.__file__).with_name("picture.webp"), formats=("WEBP",)) as image:
        picture = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    side = 2 * _SIDE
    planes = picture[: picture.shape[0] // side * side, : picture.shape[1] // side * side]
    small = imresize(planes, 0.5)
    rows, columns = planes.shape[0] // side, planes.shape[1] // side
    places = [(y, x) for y in range(rows) for x in range(columns)]
    spread = {(y, x): float(planes[y * side : (y + 1) * side, x * side : (x + 1) * side].std()) for y, x in places}
    chosen = sorted(places, key=lambda place: -spread[place])[:_COUNT]

    def cut(of: np.ndarray, size: int) -> Tensor:
        patches = [of[y * size : (y + 1) * size, x * size : (x + 1) * size] for y, x in chosen]
        stacked = torch.from_numpy(np.stack(patches).astype(np.float32) / 255)
        return stacked[:, None] if channels == 1 else stacked.permute(0, 3, 1, 2).contiguous()

    return cut(small, _SIDE), cut(planes, side)


def _loss(net: SRNet, batch: Batch) -> Tensor:
    margin = net.scale * net.halo
    low, high = batch
    inner = high[..., margin : high.shape[-2] - margin, margin : high.shape[-1] - margin]
    return (net.valid(low) - inner).abs().mean()


def _gradients(net: SRNet, batch: Batch) -> list[Tensor]:
    """Of the loss, by the weights of the convolutions, layer by layer."""
    weights = [weight for weight in net.parameters() if weight.ndim == 4]
    return list(torch.autograd.grad(_loss(net, batch), weights))


def grad_norm(net: SRNet, batch: Batch) -> float:
    """Length of the loss's gradient (Abdelfattah et al., ICLR 2021)."""
    return float(torch.cat([gradient.flatten() for gradient in _gradients(net, batch)]).norm())


def synflow(net: SRNet, _: Batch) -> float:
    """Log of the sum of |weight * gradient| where all weights are positive and the picture is white (Tanaka et al.,
    NeurIPS 2020)."""
    positive = copy.deepcopy(net).double()
    with torch.no_grad():
        for parameter in positive.parameters():
            parameter.abs_()
    white = torch.ones(1, net.channels, _SIDE, _SIDE, dtype=torch.float64)
    weights = [weight for weight in positive.parameters() if weight.ndim == 4]
    found = torch.autograd.grad(positive.valid(white).sum(), weights)
    with torch.no_grad():
        return float(torch.stack([(w * g).abs().sum() for w, g in zip(weights, found, strict=True)]).sum().log())


def zico(net: SRNet, batch: Batch) -> float:
    """Sum over layers of the log of the sum of mean over deviation of gradients between parts of the batch (Li et
    al., ICLR 2023)."""
    low, high = batch
    parts = [_gradients(net, part) for part in zip(low.chunk(_PARTS), high.chunk(_PARTS), strict=True)]
    total = 0.0
    for layer in zip(*parts, strict=True):
        gradients = torch.stack(layer).abs()
        deviation = gradients.std(0)
        steady = gradients.mean(0)[deviation > 0] / deviation[deviation > 0]
        total += float(steady.sum().clamp_min(1e-12).log())
    return total


def naswot(net: SRNet, batch: Batch) -> float:
    """How differently patches switch the activations: log of the determinant of their agreement (Mellor et al., ICML
    2021). Of the signs that activations leave; not a number where `features` tells nothing. Agreement with itself
    counts a thousandth more, so that patches that switch alike don't make it infinite."""
    with torch.no_grad():
        features = net.features(batch[0])
    if not features:
        return float("nan")
    signs = torch.cat([(feature > 0).flatten(1) for feature in features], 1).double()
    agreement = (signs @ signs.T + (1 - signs) @ (1 - signs).T) / signs.shape[1]
    return float(torch.linalg.slogdet(agreement + _RIDGE * torch.eye(len(agreement))).logabsdet)


def params(net: SRNet, _: Batch) -> float:
    """Log of the number of parameters."""
    return float(np.log(sum(parameter.numel() for parameter in net.parameters())))


PROXIES: dict[str, Callable[[SRNet, Batch], float]] = {
    "params": params,
    "grad_norm": grad_norm,
    "synflow": synflow,
    "zico": zico,
    "naswot": naswot,
}


def scores(net: SRNet, batch: Batch | None = None) -> dict[str, float | None]:
    """Every proxy of `net`, collapsed; None where it says nothing of this network. `net` stays as it is.

    batch: default, `one_batch`.
    """
    small = cast(SRNet, collapse(cast(nn.Module, net))).train()
    given = batch or one_batch(net.channels)
    found = {name: score(small, given) for name, score in PROXIES.items()}
    return {name: value if np.isfinite(value) else None for name, value in found.items()}
