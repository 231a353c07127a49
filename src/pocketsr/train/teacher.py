"""A teacher: a network that runs already and shows the student what to give."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pocketsr.atomic_io import replacing
from pocketsr.data import Pair
from pocketsr.engine import Upscaler, load, repeat_edges
from pocketsr.errors import UserError
from pocketsr.models import resolve
from pocketsr.nets import SRNet, build
from pocketsr.nets.weights import load_weights
from pocketsr.pixels import rgb_to_luma
from pocketsr.quant import QuantNet, read_source
from pocketsr.train.checkpoint import load_network

__all__ = ["Teacher", "blend", "load_teacher", "make_teacher_pairs", "teacher_name"]


class Teacher(Protocol):
    def enlarge(self, lr: Tensor) -> Tensor:
        """N 1 H W in 0..1 to N 1 scale*H scale*W, about in 0..1."""
        ...

    def features(self, lr: Tensor) -> list[Tensor]:
        """What the teacher's activations give, unpadded."""
        ...


class _Module:
    """A network of ours with the weights of a checkpoint."""

    def __init__(self, net: SRNet) -> None:
        self._net = net

    @torch.no_grad()
    def enlarge(self, lr: Tensor) -> Tensor:
        sr: Tensor = self._net(lr)
        return sr

    @torch.no_grad()
    def features(self, lr: Tensor) -> list[Tensor]:
        return self._net.features(lr)


class _Grey:
    """A network of RGB, which is shown studio luma as grey; its answer's luma is what it teaches."""

    def __init__(self, net: SRNet) -> None:
        self._net = net

    @torch.no_grad()
    def enlarge(self, lr: Tensor) -> Tensor:
        rgb = 255 * self._net(_grey(lr)).clamp(0, 1).movedim(1, -1)
        luma = torch.from_numpy(rgb_to_luma(rgb.cpu().numpy()))
        return luma[:, None].to(lr.device) / 255

    @torch.no_grad()
    def features(self, lr: Tensor) -> list[Tensor]:
        return self._net.features(_grey(lr))


def _grey(luma: Tensor) -> Tensor:
    return ((255 * luma - 16) / 219).expand(-1, 3, -1, -1)


class _Compiled:
    """An ONNX file through the engine; on 8-bit planes, which is what training images are."""

    def __init__(self, network: Upscaler) -> None:
        self._network = network

    def enlarge(self, lr: Tensor) -> Tensor:
        planes = (lr[:, 0] * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy()
        large = np.stack([self._network(np.ascontiguousarray(plane)) for plane in planes])
        return torch.from_numpy(large)[:, None].to(lr.device, torch.float32) / 255

    def features(self, lr: Tensor) -> list[Tensor]:
        raise NotImplementedError("who wants features asks for them when loading")


def load_teacher(
    model: str, device: torch.device, inside: bool = False, weights: str | None = None, scale: int = 2
) -> Teacher:  # fmt: skip
    """The teacher that a recipe names: a shipped network, an ONNX file, a checkpoint of a run, or published weights.

    inside: whether its features are wanted too.
    weights: of the registered network `model`, which may be one of RGB.
    Raises UserError for what is missing, unreadable, or no network of luma of that scale.
    """
    if weights is not None:
        published = build(model)
        load_weights(published, Path(weights))
        published = published.eval().to(device)
        if (published.scale, published.channels) == (scale, 3):
            return _Grey(published)
        _check(model, published, scale)
        return _Module(published)
    if model.endswith(".pt"):
        net = load_network(Path(model))
        _check(model, net, scale)
        return _Module(net.to(device))
    if inside:
        opened = QuantNet(read_source(model))  # in full precision
        _check(model, opened, scale)
        return _Module(opened.eval().requires_grad_(False).to(device))
    network = load(model)
    _check(model, network, scale)
    return _Compiled(repeat_edges(network))


def _check(model: str, net: SRNet | Upscaler, scale: int) -> None:
    if (net.scale, net.channels) != (scale, 1):
        raise UserError(
            f"teacher.model {model} is x{net.scale} of {net.channels} channels: x{scale} of luma (1 channel) is needed"
        )


def make_teacher_pairs(teacher: Teacher, pairs: Sequence[Pair], folder: Path, name: str) -> list[Pair]:
    """The pairs with the teacher's picture (rounded to 8 bits) in place of HR, to cut the same patches from.

    folder: where each picture is kept as a file, and taken from when it is of this LR by the teacher `name`: what was
    made before an interruption, or for another run, isn't made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for pair in tqdm(pairs, desc="teacher", disable=None, leave=False):
        key = hashlib.sha256(f"{name} {pair.lr.shape}".encode() + pair.lr.tobytes()).hexdigest()[:24]
        path = folder / f"{key}.npy"
        if not path.exists():
            sr = teacher.enlarge(torch.from_numpy(pair.lr)[None, None].to(torch.float32) / 255)
            levels = (sr[0, 0] * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy()
            with replacing(path) as part, part.open("wb") as file:
                np.save(file, levels)
        found.append(replace(pair, hr=np.load(path, allow_pickle=False)))
    return found


def teacher_name(model: str, weights: str | None) -> str:
    """What tells this teacher from others, whatever its file was called or has become."""
    file = Path(weights or model) if weights or model.endswith(".pt") else resolve(model)
    return f"{model if weights else ''} {hashlib.sha256(file.read_bytes()).hexdigest()}"


def blend(pairs: Sequence[Pair], by_teacher: Sequence[Pair], share: float) -> list[Pair]:
    """The pairs with `share` (0..1) of HR replaced by the same of the teacher's picture."""
    return [
        replace(pair, hr=np.rint((1 - share) * pair.hr + share * other.hr).astype(np.uint8))
        for pair, other in zip(pairs, by_teacher, strict=True)
    ]
