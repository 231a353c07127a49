"""Runs in few bits: what they begin with, and what their checkpoints need besides weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pocketsr.data import Pair, PatchPool
from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build
from pocketsr.quant import QuantNet, Source, Spec, quantize, read_source
from pocketsr.quant.ptq import source_of
from pocketsr.train.recipe import Quant, Recipe

__all__ = ["begun", "calibrated", "kept_source", "quant_net"]


def begun(recipe: Recipe) -> SRNet:
    """The network to train, with fresh weights, or with ranges that `calibrated` has to choose yet.

    Raises UserError for one that is unknown, can't be read, or is quantized already.
    """
    if recipe.quant is None:
        assert recipe.net is not None
        return build(recipe.net.name, **recipe.net.config)
    return quant_net(recipe.quant, _source(recipe.quant.model))


def _source(model: str) -> Source:
    if not model.endswith(".pt"):
        return read_source(model)
    from pocketsr.train.checkpoint import load_network  # which needs this module

    net = load_network(Path(model))
    if isinstance(net, QuantNet):
        raise UserError(f"{model} is quantized already: name the run that it was made from")
    return source_of(net, Path(model).stem)


def quant_net(quant: Quant, source: Source) -> QuantNet:
    """The network of `source` as `quant` says, without ranges."""
    return QuantNet(source, Spec.parse(quant.spec, quant.weights_2bit), quant.method, quant.span_bits)


def calibrated(recipe: Recipe, net: QuantNet, pairs: Sequence[Pair]) -> QuantNet:
    """`net` with ranges and biases chosen by patches of `pairs`; the same ones for the same recipe."""
    quant, data = recipe.quant, recipe.data
    assert quant is not None
    assert net.spec is not None
    pool = PatchPool(pairs, max(patch for _, patch in recipe.stages()), data.flat_share, data.favour)
    images, _ = pool.batch(np.random.default_rng((recipe.seed, 0)), quant.patches)
    return quantize(net.source, net.spec, images, quant.ranges, method=quant.method, span_bits=quant.span_bits)


def kept_source(net: SRNet) -> dict[str, Any]:
    """What a checkpoint keeps beside the weights, so that it can be read when the model's file is another."""
    if not isinstance(net, QuantNet):
        return {}
    content = torch.frombuffer(bytearray(net.source.content), dtype=torch.uint8)
    return {"source": {"name": net.source.name, "content": content}}
