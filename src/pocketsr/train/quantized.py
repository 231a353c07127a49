"""What a run begins with: a fresh network, or one to quantize, with ranges chosen from the training pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pocketsr.data import Pair, PatchPool
from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build
from pocketsr.quant import QuantNet, Source, quantize, read_source
from pocketsr.quant.ptq import source_of
from pocketsr.train.checkpoint import load_network
from pocketsr.train.networks import quant_net
from pocketsr.train.recipe import Recipe

__all__ = ["calibrate", "initial_network"]


def initial_network(recipe: Recipe) -> SRNet:
    """The network to train, with fresh weights, or with ranges that `calibrate` has to choose yet.

    Raises UserError for one that is unknown, can't be read, or is quantized already.
    """
    if recipe.quant is None:
        assert recipe.net is not None
        return build(recipe.net.name, **recipe.net.config)
    return quant_net(recipe.quant, _source(recipe.quant.model))


def _source(model: str) -> Source:
    if not model.endswith(".pt"):
        return read_source(model)
    net = load_network(Path(model))
    if isinstance(net, QuantNet):
        raise UserError(f"{model} is quantized already: name the run that it was made from")
    return source_of(net, Path(model).stem)


def calibrate(recipe: Recipe, net: QuantNet, pairs: Sequence[Pair]) -> QuantNet:
    """`net` with ranges and biases chosen by patches of `pairs`; the same ones for the same recipe."""
    quant, data = recipe.quant, recipe.data
    assert quant is not None
    assert net.spec is not None
    pool = PatchPool(pairs, max(patch for _, patch in recipe.stages()), data.flat_share, data.sampling_weights)
    images, _ = pool.batch(np.random.default_rng((recipe.seed, 0)), quant.patches)
    return quantize(net.source, net.spec, images, quant.ranges, method=quant.method, span_bits=quant.span_bits)
