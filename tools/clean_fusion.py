"""A small recurrent network behind `small`, for `record_clean_video`: what it is shown, and its training."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pocketsr.pixels import imresize

__all__ = ["SEED", "Fusion", "Motion", "Plane", "exact", "joined", "moved", "pan", "shown", "trained"]

cv: Any = cv2  # its own types know no arrays of any type

PATCH, EDGE, BATCH, STEPS = 48, 6, 4, 5  # LR pixels a side and those left out of the loss; sequences; frames of one
SEED = 26
PAN = (256, 320)  # rows, columns

Plane = NDArray[Any]
Clip = tuple[list[Plane], list[Plane]]
"""Small and large luma."""


class Fusion(nn.Module):
    """What is added to the four pixels of each LR pixel, of both pictures, the misfit, and the motion's phase."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(12, width, 3, padding=1), nn.PReLU(width), nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width),
            nn.Conv2d(width, 4, 3, padding=1),
        )  # fmt: skip
        last = self.layers[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layers(given)
        return made


def exact(net: Any, small: Plane) -> Plane:
    """What a network makes of uint8, in levels, before it is rounded to them."""
    return np.asarray(net(small.astype(np.uint16) * np.uint16(257), bits=16) / np.float32(257))


def split(large: Plane) -> Plane:
    """(2 H, 2 W) as (4, H, W)."""
    return np.stack([large[i::2, j::2] for i in (0, 1) for j in (0, 1)])


def joined(four: Plane) -> Plane:
    """Back again."""
    large = np.empty((2 * four.shape[1], 2 * four.shape[2]), np.float32)
    for phase in range(4):
        large[phase // 2 :: 2, phase % 2 :: 2] = four[phase]
    return large


def shrunk(large: Plane) -> Plane:
    """Bicubic with antialiasing, by half, as the test pictures are made (a = -0.5), its edges repeated."""
    taps = np.array([-3, -9, 29, 111, 111, 29, -9, -3], np.float32) / np.float32(256)
    both = cv.sepFilter2D(large, cv.CV_32F, taps, taps, anchor=(3, 3), borderType=cv.BORDER_REPLICATE)
    return np.asarray(both[::2, ::2])


class Motion:
    """Where each pixel of a small picture was in the one before: (H, W, 2), x and y, in its pixels."""

    def __init__(self) -> None:
        self._flow = cv.DISOpticalFlow.create(cv.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(self, now: Plane, before: Plane) -> Plane:
        return np.asarray(self._flow.calc(now, before, None))


def moved(large: Plane, flow: Plane) -> Plane:
    """The large picture of the frame before, as it lies now."""
    height, width = large.shape
    wide = 2 * cv.resize(flow, (width, height), interpolation=cv.INTER_LINEAR)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv.remap(large, x + wide[..., 0], y + wide[..., 1], cv.INTER_CUBIC, borderMode=cv.BORDER_REPLICATE)
    )


def shown(small: Plane, base: Plane, before: Plane, flow: Plane) -> Plane:
    """What the network is shown, (12, H, W), about 1 in size."""
    misfit = small - shrunk(before)
    near = cv.blur(np.abs(misfit), (5, 5))
    phase = 2 * flow - np.round(2 * flow)
    rest = np.stack([misfit / 8, near / 8, phase[..., 0], phase[..., 1]])
    shown = np.concatenate([(split(base) - small) / 16, (split(before) - small) / 16, rest])
    return np.asarray(np.clip(shown, -4, 4), np.float32)


def pan(picture: Path, draw: np.random.Generator, frames: int) -> Clip:
    """A camera that moves over a picture, at two thirds of its size: up to 3 pixels a frame, and a little nearer."""
    whole = cv.GaussianBlur(cv.imread(str(picture), cv.IMREAD_GRAYSCALE), (0, 0), 0.7)
    height, width = PAN
    step, zoom = draw.uniform(-4.5, 4.5, 2), draw.uniform(0.998, 1.002)
    middle = np.array(whole.shape[::-1]) / 2 - step * frames / 2
    large = []
    for number in range(frames):
        scale = 1.5 * zoom**number
        corner = middle + number * step - scale * np.array([width, height]) / 2
        there = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
        flags = cv.INTER_CUBIC | cv.WARP_INVERSE_MAP
        seen = cv.warpAffine(whole, there, (width, height), flags=flags, borderMode=cv.BORDER_REFLECT)
        large.append(np.asarray(seen))
    return [imresize(each, 0.5) for each in large], large


def trained(clips: Sequence[Clip], net: Any, seconds: float, say: Callable[[str], None]) -> Fusion:
    """A fusion network. The result of the frame before is its own, and no gradient goes back through it."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    draw, motion = np.random.default_rng(SEED), Motion()
    ready = []
    for small, large in clips:
        bases = [exact(net, each) for each in small]
        flows = [
            np.zeros((*small[0].shape, 2), np.float32),
            *(motion(now, before) for before, now in itertools.pairwise(small)),
        ]
        ready.append((small, large, bases, flows))
    model, began, step, losses = Fusion(), process_time(), 0, []
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    while (spent := process_time() - began) < seconds:
        optimizer.param_groups[0]["lr"] = 2e-3 * max(0.02, 1 - spent / seconds)
        chosen = []
        for _ in range(BATCH):
            small, large, bases, flows = ready[draw.integers(len(ready))]
            first = draw.integers(len(small) - STEPS)
            y, x = (draw.integers(side - PATCH + 1) for side in small[0].shape)
            low, high = np.s_[y : y + PATCH, x : x + PATCH], np.s_[2 * y : 2 * (y + PATCH), 2 * x : 2 * (x + PATCH)]
            chosen.append(
                [
                    (small[k][low].astype(np.float32), bases[k][high], large[k][high], f[low])
                    for k, f in enumerate(flows) if first <= k <= first + STEPS
                ]
            )  # fmt: skip
        state = [sequence[0][1] for sequence in chosen]
        for at in range(1, STEPS + 1):
            now = [sequence[at] for sequence in chosen]
            given = [
                shown(low, base, moved(before, flow), flow)
                for (low, base, _, flow), before in zip(now, state, strict=True)
            ]
            change = 16 * model(torch.from_numpy(np.stack(given)))
            missing = torch.from_numpy(np.stack([split(high.astype(np.float32) - base) for _, base, high, _ in now]))
            inner = np.s_[..., EDGE:-EDGE, EDGE:-EDGE]
            loss = torch.sqrt((change - missing)[inner].square() + 0.01).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            numbers = change.detach().numpy()
            state = [base + joined(each) for (_, base, _, _), each in zip(now, numbers, strict=True)]
            losses.append((loss.item(), missing[inner].abs().mean().item()))
        step += 1
        if step % 50 == 0:
            here = losses[-50 * STEPS :]
            loss_now, loss_of_none = (fmean(column) for column in zip(*here, strict=True))
            say(f"{step} steps, {spent:.0f} s: {loss_now:.4f} of {loss_of_none:.4f} levels")
    return model
