"""Published weights: the authors' tensors as safetensors, under the names that the authors gave them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pocketsr.errors import UserError
from pocketsr.nets.base import SRNet

__all__ = ["load_weights"]


def load_weights(net: SRNet, path: Path) -> None:
    """Fill `net` with the weights of `path`; every tensor must find its place.

    Raises UserError where the file can't be read, or holds another network than `net`.
    """
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        hint = "; of a training run, give the .onnx file to -m instead" if path.suffix == ".pt" else ""
        raise UserError(f"can't read weights {path}: {error}; a safetensors file is expected{hint}") from error
    what = f"{path} doesn't hold the weights of this {type(net).__name__}"
    try:
        named = net.published(found)
    except KeyError as error:
        raise UserError(f"{what}: no tensor {error}") from error
    except (RuntimeError, ValueError, IndexError, TypeError) as error:  # shapes that the names don't promise
        raise UserError(f"{what}: {' '.join(str(error).split())}") from error
    wanted = net.state_dict()
    if missing := sorted(wanted.keys() - named.keys()):
        raise UserError(f"{what}: no tensor {missing[0]} ({len(missing)} of {len(wanted)} are missing)")
    if spare := sorted(named.keys() - wanted.keys()):
        raise UserError(f"{what}: {spare[0]} has no place in it ({len(spare)} of {len(named)} have none)")
    for name, tensor in named.items():
        if tensor.shape != wanted[name].shape:
            raise UserError(f"{what}: {name} is {tuple(tensor.shape)}, not {tuple(wanted[name].shape)}")
        if not tensor.isfinite().all():
            raise UserError(f"{path} can't be used: {name} holds NaN or infinite weights")
    net.load_state_dict({name: tensor.to(torch.float32) for name, tensor in named.items()})
