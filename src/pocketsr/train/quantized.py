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
from pocketsr.train.parts import Batching
from pocketsr.train.recipe import Net, Quant, Stage, Subject

__all__ = ["calibrate", "initial_network"]


def initial_network(subject: Subject) -> SRNet:
    """The network to train, with fresh weights, or with ranges that `calibrate` has to choose yet.

    Raises UserError for one that is unknown, can't be read, or is quantized already.
    """
    if isinstance(subject, Net):
        return build(subject.name, **subject.config)
    return quant_net(subject, _source(subject.model))


def _source(model: str | Stage) -> Source:
    if isinstance(model, Stage):
        raise UserError(f"quant.model names a stage by its recipe, {model.recipe}: name its checkpoint")
    if not model.endswith(".pt"):
        return read_source(model)
    net = load_network(Path(model))
    if isinstance(net, QuantNet):
        raise UserError(f"{model} is quantized already: name the run that it was made from")
    return source_of(net, Path(model).stem)


def calibrate(quant: Quant, batching: Batching, net: QuantNet, pairs: Sequence[Pair]) -> QuantNet:
    """`net` with ranges and biases chosen by patches of `pairs`; the same ones for the same recipe."""
    assert net.spec is not None
    largest = max(patch for _, patch in batching.stages)
    pool = PatchPool(pairs, largest, batching.flat_share, batching.sampling_weights)
    images, _ = pool.batch(np.random.default_rng((batching.seed, 0)), quant.patches)
    return quantize(net.source, net.spec, images, quant.ranges, method=quant.method, span_bits=quant.span_bits)
