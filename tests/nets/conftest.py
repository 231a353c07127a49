"""Networks of every shape that the family takes, small enough to run anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from net_samples import SAMPLES

from pocketsr.nets import SRNet, build

torch.set_num_threads(1)


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make() -> Callable[..., SRNet]:
    """A sample with weights of which none is 0 or as it was at first, so that each of them counts."""

    def made(sample: str, **changes: Any) -> SRNet:
        torch.manual_seed(7)
        name, config = SAMPLES[sample]
        net = build(name, **config | changes)
        with torch.no_grad():
            for weight in net.parameters():
                weight.add_(torch.randn_like(weight), alpha=0.1)
        return net

    return made
