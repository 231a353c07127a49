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

    From the checkpoint of a run that was quantized alike, training goes on: it gives weights and ranges.
    Raises UserError for one that is unknown, can't be read, or is quantized in another way.
    """
    if isinstance(subject, Net):
        return build(subject.name, **subject.config)
    begun = _begun(subject)
    if begun is None:
        return quant_net(subject, _source(subject.model))
    net = quant_net(subject, begun.source)
    if net.spec != begun.spec:
        raise UserError(
            f"{subject.model} is quantized already, in another way than {subject.spec}: name the run that it was made "
            "from, or its own spec to go on from it"
        )
    net.load_state_dict(begun.state_dict())
    return net


def _begun(quant: Quant) -> QuantNet | None:
    """What a run that was quantized already gave, where the recipe begins with one."""
    if isinstance(quant.model, Stage) or not quant.model.endswith(".pt"):
        return None
    net = load_network(Path(quant.model))
    return net if isinstance(net, QuantNet) else None


def _source(model: str | Stage) -> Source:
    if isinstance(model, Stage):
        raise UserError(f"quant.model names a stage by its recipe, {model.recipe}: name its checkpoint")
    if not model.endswith(".pt"):
        return read_source(model)
    return source_of(load_network(Path(model)), Path(model).stem)


def calibrate(quant: Quant, batching: Batching, net: QuantNet, pairs: Sequence[Pair]) -> QuantNet:
    """`net` with ranges and biases chosen by patches of `pairs`; the same ones for the same recipe.

    As it is where it began with a run that had them.
    """
    assert net.spec is not None
    if _begun(quant) is not None:
        return net
    largest = max(patch for _, patch in batching.stages)
    pool = PatchPool(pairs, largest, batching.flat_share, batching.sampling_weights)
    images, _ = pool.batch(np.random.default_rng((batching.seed, 0)), quant.patches)
    return quantize(net.source, net.spec, images, quant.ranges, method=quant.method, span_bits=quant.span_bits)
