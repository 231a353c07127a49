"""Let a network leave flat pictures as they are: `python tools/settle_flats.py NAME ..`, of checkpoints/NAME.pt.

What its last layer adds to flat pictures, 16 to 235, is taken away: half way between the least and the most. A level of
a flat picture is too little for PSNR to notice, but shows where a picture is still.

- A network that is told strengths: from the last layer's offsets at each of its strengths but 0, in the checkpoint and
  in src/pocketsr/models/NAME.onnx. Strengths near 1 are rare in training, so their offsets are known badly. At 0 all
  stays as it is, and so do the figures of clean pictures.
- A quantized network: from the last layer's biases, in the checkpoint, of which NAME.onnx is written anew. Rounding
  moves flat pictures by parts of a level, each channel's in another way, and at each strength where it is told one.

Recipes that train with `data.even_share` need less of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from pocketsr.nets import SRNet
from pocketsr.nets.pocket import Pocket
from pocketsr.quant import QuantNet, write_onnx
from pocketsr.train.checkpoint import load_network

__all__ = ["added", "settle"]

ROOT = Path(__file__).resolve().parents[1]
LEVELS = torch.arange(16, 236, dtype=torch.float32) / 255
STRENGTHS = torch.linspace(0, 1, 41)
"""Rounding differs between the strengths that offsets are known at, too."""


def added(net: SRNet, strength: float | None = None) -> Tensor:
    """Half way between the least and the most that each of the last layer's channels adds to flat pictures, C.

    strength: of a network that is told one; None: its default one, and of a quantized network each of `STRENGTHS`.
    """
    if strength is None and isinstance(net, QuantNet) and net.conditioned:
        made = torch.cat([_made(net, each) for each in STRENGTHS.tolist()])
    else:
        made = _made(net, strength)
    return (made.amin(0) + made.amax(0)) / 2


def _made(net: SRNet, strength: float | None) -> Tensor:
    """What each channel adds to each of `LEVELS`, N C."""
    side = 2 * net.halo + 3
    flat = LEVELS[:, None, None, None].expand(-1, 1, side, side)
    if strength is not None:  # a plane of it behind the picture
        flat = torch.cat([flat, torch.full_like(flat, strength)], dim=1)
    with torch.no_grad():
        return torch.pixel_unshuffle(net(flat), net.scale)[:, :, side // 2, side // 2] - LEVELS[:, None]


def settle(name: str, root: Path = ROOT) -> Tensor:
    """Rewrites both files below `root`; levels that were taken away, C or K C."""
    kept, shipped = root / "checkpoints" / f"{name}.pt", root / "src" / "pocketsr" / "models" / f"{name}.onnx"
    state = torch.load(kept, map_location="cpu", weights_only=True)
    net = load_network(kept)
    if isinstance(net, QuantNet):
        change = added(net)
        last = net.convs()[-1]
        with torch.no_grad():
            last.bias.sub_(change)
        state["ema"] = net.state_dict()
        write_onnx(net, shipped)
    elif isinstance(net, Pocket) and net.conditioned:
        change = _from_offsets(state, net, shipped)
    else:
        raise SystemExit(f"{kept} is neither told strengths nor quantized: what it adds is in its biases")
    torch.save(state, kept)
    return 255 * change


def _from_offsets(state: dict[str, dict[str, Tensor]], net: Pocket, shipped: Path) -> Tensor:
    last = f"offsets.{len(net.blocks) - 1}"
    before = state["ema"][last].clone()
    knots = len(before)
    change = torch.stack([torch.zeros(before.shape[1]), *(added(net, k / (knots - 1)) for k in range(1, knots))])
    state["ema"][last] = before - change
    model = onnx.load(shipped)
    tables = [each for each in model.graph.initializer
              if tuple(each.dims) == tuple(before.shape)
              and np.allclose(numpy_helper.to_array(each), before.numpy(), atol=1e-6)]  # fmt: skip
    if len(tables) != 1:
        raise SystemExit(f"{shipped} holds the offsets of the last layer {len(tables)} times, not once")
    tables[0].CopyFrom(numpy_helper.from_array(state["ema"][last].numpy(), tables[0].name))
    onnx.save(model, shipped)
    return change


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for each in sys.argv[1:]:
        print(f"{each}: up to {float(settle(each).abs().max()):.2f} levels less")
