"""The network that a recipe or a checkpoint describes, without its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build
from pocketsr.quant import QuantNet, Source, Spec
from pocketsr.quant.source import source_from
from pocketsr.train.recipe import Quant, Subject

__all__ = ["empty_network", "quant_net", "source_state"]


def empty_network(subject: Subject, state: dict[str, Any], where: Path) -> SRNet:
    """The network of `subject` whose weights the checkpoint `state`, read from `where`, holds; without them."""
    if isinstance(subject, Quant):
        try:
            name, content = str(state["source"]["name"]), state["source"]["content"].numpy().tobytes()
        except (KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise UserError(f"{where} lacks the network that the run began with: take another") from error
        return quant_net(subject, source_from(name, content))
    return build(subject.name, **subject.config)


def quant_net(quant: Quant, source: Source) -> QuantNet:
    """The network of `source` as `quant` says, without ranges."""
    return QuantNet(source, Spec.parse(quant.spec, quant.weights_2bit), quant.method, quant.span_bits)


def source_state(net: SRNet) -> dict[str, Any]:
    """What a checkpoint keeps beside the weights, so that it can be read when the model's file is another."""
    if not isinstance(net, QuantNet):
        return {}
    content = torch.frombuffer(bytearray(net.source.content), dtype=torch.uint8)
    return {"source": {"name": net.source.name, "content": content}}
