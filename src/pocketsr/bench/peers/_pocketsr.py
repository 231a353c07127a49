"""pocketsr itself, behind the same seam as its peers."""

from __future__ import annotations

import numpy as np

import pocketsr
from pocketsr.bench.peers._task import Candidates, Frame, Task
from pocketsr.engine import load

VERSION = pocketsr.__version__


def candidates(task: Task) -> Candidates:
    """One setting: the network compiled for this machine, into an array that is kept."""
    net = load(task.model, threads=task.threads)
    height, width = task.y.shape
    out = np.empty((height * net.scale, width * net.scale), np.uint8)

    def run() -> Frame:
        net(task.y, out=out)
        return out

    yield "compiled for this machine", run
