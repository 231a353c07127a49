"""Let a network that is told strengths leave flat pictures as they are: `python tools/settle_flats.py NAME ..`.

What the network of checkpoints/NAME.pt adds to flat pictures, 16 to 235, at each of its strengths but 0, is taken away
from the offsets of its last layer there, in the checkpoint and in src/pocketsr/models/NAME.onnx: half way between the
least and the most that it adds. Strengths near 1 are rare in training, so their offsets are known badly. At 0 all stays
as it is, and so do the figures of clean pictures. Later recipes train with `data.even_share`, which needs no such tool.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from pocketsr.nets import build
from pocketsr.nets.pocket import Pocket

ROOT = Path(__file__).resolve().parents[1]
LEVELS = torch.arange(16, 236, dtype=torch.float32) / 255


def added(net: Pocket, knot: int) -> Tensor:
    """Half way between the least and the most that each of the last layer's channels adds to flat pictures, C."""
    strength = torch.full((len(LEVELS),), knot / (len(net.offsets[0]) - 1))
    flat = LEVELS[:, None, None, None].expand(-1, 1, 3, 3)
    with torch.no_grad():
        made = torch.pixel_unshuffle(net(flat, strength), net.scale)[:, :, 1, 1] - LEVELS[:, None]
    return (made.amin(0) + made.amax(0)) / 2


def settle(name: str) -> None:
    """Rewrites both files."""
    kept, shipped = ROOT / "checkpoints" / f"{name}.pt", ROOT / "src" / "pocketsr" / "models" / f"{name}.onnx"
    state = torch.load(kept, map_location="cpu", weights_only=True)
    net = build(state["recipe"]["net"]["name"], **state["recipe"]["net"]["config"])
    assert isinstance(net, Pocket)
    net.load_state_dict(state["ema"])
    last = f"offsets.{len(net.blocks) - 1}"
    before = state["ema"][last].clone()
    change = torch.stack([torch.zeros(before.shape[1]), *(added(net, knot) for knot in range(1, len(before)))])
    state["ema"][last] = before - change
    model = onnx.load(shipped)
    tables = [each for each in model.graph.initializer
              if tuple(each.dims) == tuple(before.shape)
              and np.allclose(numpy_helper.to_array(each), before.numpy(), atol=1e-6)]  # fmt: skip
    if len(tables) != 1:
        raise SystemExit(f"{shipped} holds the offsets of the last layer of {kept} {len(tables)} times, not once")
    tables[0].CopyFrom(numpy_helper.from_array(state["ema"][last].numpy(), tables[0].name))
    torch.save(state, kept)
    onnx.save(model, shipped)
    levels = (255 * change.abs().amax(1)).tolist()
    print(f"{name}: at each strength up to {' '.join(f'{level:.2f}' for level in levels)} levels less")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for name in sys.argv[1:]:
        settle(name)
