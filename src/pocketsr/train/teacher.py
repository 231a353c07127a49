"""A teacher: a network that runs already and shows the student what to give."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from tqdm import tqdm

from pocketsr.atomic_io import replacing
from pocketsr.data import Pair, to_picture, to_tensor
from pocketsr.engine import Upscaler, load, repeat_edges
from pocketsr.errors import UserError
from pocketsr.models import DEFAULT_SCALE, resolve
from pocketsr.nets import SRNet, build
from pocketsr.nets.weights import load_weights
from pocketsr.pixels import rgb_to_luma
from pocketsr.quant import QuantNet, read_source
from pocketsr.train.checkpoint import load_network
from pocketsr.train.recipe import Teacher as Settings

__all__ = ["Teacher", "blend", "load_teacher", "make_teacher_pairs", "shared_teacher_pairs", "teacher_name"]


class Teacher(Protocol):
    def enlarge(self, lr: Tensor) -> Tensor:
        """N C H W in 0..1 to N C scale*H scale*W, about in 0..1."""
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
        sr: Tensor = self._net(self._there(lr)).to(lr.device)
        return sr

    @torch.no_grad()
    def features(self, lr: Tensor) -> list[Tensor]:
        return self._net.features(self._there(lr))

    def _there(self, lr: Tensor) -> Tensor:
        weight = next(self._net.parameters(), None)  # bicubic has none
        return lr if weight is None else lr.to(weight.device)


class _Grey:
    """A teacher of RGB, which is shown studio luma as grey; its answer's luma is what it teaches."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    def enlarge(self, lr: Tensor) -> Tensor:
        rgb = 255 * self._teacher.enlarge(_grey(lr)).clamp(0, 1).movedim(1, -1)
        luma = torch.from_numpy(rgb_to_luma(rgb.cpu().numpy()))
        return luma[:, None].to(lr.device) / 255

    def features(self, lr: Tensor) -> list[Tensor]:
        return self._teacher.features(_grey(lr))


def _grey(luma: Tensor) -> Tensor:
    return ((255 * luma - 16) / 219).expand(-1, 3, -1, -1)


class _Compiled:
    """An ONNX file through the engine; on 8-bit planes, which is what training images are."""

    def __init__(self, network: Upscaler) -> None:
        self._network = network

    def enlarge(self, lr: Tensor) -> Tensor:
        return torch.cat([to_tensor(self._network(to_picture(one[None]))) for one in lr]).to(lr.device)

    def features(self, lr: Tensor) -> list[Tensor]:
        raise NotImplementedError("who wants features asks for them when loading")


def load_teacher(
    model: str, device: torch.device, inside: bool = False, weights: str | None = None, scale: int = DEFAULT_SCALE,
    channels: int = 1,
) -> Teacher:  # fmt: skip
    """The teacher that a recipe names: a shipped network, an ONNX file, a checkpoint of a run, or published weights.

    inside: whether its features are wanted too.
    weights: of the registered network `model`.
    scale, channels: of the student; one of luma may have a teacher of RGB, which sees grey.
    Raises UserError for what is missing, unreadable, or no network of that scale and those channels.
    """
    teacher, (its_scale, its_channels) = _open(model, device, inside, weights)
    if its_scale != scale or its_channels not in (channels, 3):
        raise UserError(
            f"teacher.model {model} is x{its_scale} of {its_channels} channels: x{scale} of "
            + ("luma (1 channel) or RGB (3) is needed" if channels == 1 else "RGB (3 channels) is needed")
        )
    return teacher if its_channels == channels else _Grey(teacher)


def _open(
    model: str, device: torch.device, inside: bool, weights: str | None
) -> tuple[Teacher, tuple[int, int]]:  # fmt: skip
    """The teacher, and its scale and channels."""
    if weights is not None:
        published = build(model)
        load_weights(published, Path(weights))
        return _Module(published.eval().to(device)), (published.scale, published.channels)
    if model.endswith(".pt"):
        net = load_network(Path(model))
        return _Module(net.to(device)), (net.scale, net.channels)
    if inside:
        opened = QuantNet(read_source(model))  # in full precision
        return _Module(opened.eval().requires_grad_(False).to(device)), (opened.scale, opened.channels)
    network = load(model)
    return _Compiled(repeat_edges(network)), (network.scale, network.channels)


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
            levels = to_picture(teacher.enlarge(to_tensor(pair.lr)))
            with replacing(path) as part, part.open("wb") as file:
                np.save(file, levels)
        found.append(replace(pair, hr=np.load(path, allow_pickle=False)))
    return found


def shared_teacher_pairs(
    fabric: Fabric, named: Settings, teacher: Teacher, pairs: Sequence[Pair], folder: Path, distilled: bool
) -> list[Pair] | None:  # fmt: skip
    """`pairs` as the teacher upscales them, made once for all processes; None where nothing uses them.

    folder: of the run, where the recipe names no other. distilled: whether a loss compares with them.
    """
    if not named.cache or not (named.share > 0 or distilled):
        return None
    folder = Path(named.cache) if isinstance(named.cache, str) else folder
    name, made = teacher_name(named.model, named.weights), None
    for rank in range(fabric.world_size):  # the first one makes the pictures, the others find them
        if rank == fabric.global_rank:
            made = make_teacher_pairs(teacher, pairs, folder, name)
        fabric.barrier()
    return made


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
