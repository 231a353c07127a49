"""Checkpoints: whole or absent, read without running anything that stands in them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pocketsr.beside import replacing
from pocketsr.errors import UserError
from pocketsr.nets import SRNet
from pocketsr.train.networks import empty_network
from pocketsr.train.recipe_file import recipe_from

__all__ = ["load_checkpoint", "load_network", "load_weights", "save_checkpoint"]


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write `state` beside `path` and move it there, so that a power cut leaves the one before.

    Raises UserError where it can't be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    try:
        with replacing(path) as part:
            part.write_bytes(buffer.getbuffer())
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}; make room and go on with --resume") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote: tensors and plain values only. Raises UserError for anything else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"no such checkpoint: {path}") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise UserError(f"{path} is no checkpoint, or a broken one; take another") from error
    if not isinstance(state, dict) or not {"ema", "recipe"} <= state.keys():
        raise UserError(f"{path} is no checkpoint of a run: it lacks the weights or the recipe")
    return state


def load_weights(net: nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Give `net` the weights that were read from `path`. Raises UserError where they don't fit."""
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        first = [line.strip() for line in str(error).splitlines()[1:2]]
        detail = first[0] if first else str(error)
        raise UserError(f"{path} holds another network than the recipe's net: {detail}") from error


def load_network(path: Path) -> SRNet:
    """The network in a checkpoint (`best.pt` or `last.pt`), with its averaged weights, ready to run."""
    state = load_checkpoint(path)
    recipe = recipe_from(state["recipe"], str(path))
    net = empty_network(recipe, state)
    load_weights(net, state["ema"], path)
    return net.eval().requires_grad_(False)
