"""Checkpoints: whole or absent, read without running anything that stands in them."""

from __future__ import annotations

import copy
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pocketsr.atomic_io import replacing
from pocketsr.errors import UserError
from pocketsr.nets import SRNet
from pocketsr.train.conversion import converted
from pocketsr.train.networks import empty_network
from pocketsr.train.recipe_file import recipe_from

__all__ = ["initial_weights", "load_checkpoint", "load_network", "load_weights", "save_checkpoint"]


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
    """What `save_checkpoint` wrote: tensors and plain values only. Raises UserError for damage and anything else."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"no such checkpoint: {path}") from error
    except OSError as error:
        raise UserError(f"{path} can't be read as a checkpoint: {error.strerror}") from error
    # Only the archives that torch.save makes: a bare pickle has no checksums, and torch (2.13) warns of it.
    if not content.startswith(b"PK\3\4") or not zipfile.is_zipfile(io.BytesIO(content)):
        raise UserError(f"{path} is no checkpoint, or a broken one; take another")
    damaged = _damage(content)
    if damaged is not None:
        raise UserError(f"{path} is damaged: the checksum of {damaged} is wrong; take a copy of it, or another")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # what a foreign pickle fails with, no list foresees
        raise UserError(f"{path} is no checkpoint, or a broken one; take another") from error
    if not isinstance(state, dict) or not {"ema", "recipe"} <= state.keys():
        raise UserError(f"{path} is no checkpoint of a run: it lacks the weights or the recipe")
    return state


def _damage(content: bytes) -> str | None:
    """The name of a record whose CRC-32 is not that of its bytes; None where all are right.

    torch.save stores a CRC-32 of each record, and torch.load (2.13) does not look at it: flipped bits would become
    weights. Records that are compressed, or that together hold more than the file, are none that torch.save makes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            records = archive.infolist()
            if sum(record.file_size for record in records) > len(content):
                return "its index"
            for record in records:
                if record.compress_type != zipfile.ZIP_STORED:
                    return record.orig_filename[:80]
            wrong = archive.testzip()
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError, EOFError, OSError, struct.error):
        return "its index"
    return wrong


def load_weights(net: nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Give `net` the weights that were read from `path`. Raises UserError where they don't fit, or are no numbers."""
    try:
        net.load_state_dict(weights)
        finite = all(bool(torch.isfinite(weight).all()) for weight in weights.values())
    except (RuntimeError, AttributeError, TypeError, ValueError) as error:
        first = [line.strip() for line in str(error).splitlines()[1:2]]
        detail = first[0] if first else str(error)
        raise UserError(f"{path} holds another network than the recipe's net: {detail}") from error
    if not finite:
        raise UserError(f"{path} holds weights that are no numbers (NaN or infinite): take another")


def initial_weights(net: nn.Module, path: Path) -> dict[str, torch.Tensor]:
    """What `net`, which stays as it is, becomes with the averaged weights of the checkpoint `path`, by its own names.

    Layers that choose their kernels take those of a plain layer too, and `conversion` says what else is made to fit.
    Raises UserError where weights don't fit.
    """
    filled = copy.deepcopy(net)
    load_weights(filled, converted(load_checkpoint(path)["ema"], net), path)
    return filled.state_dict()


def load_network(path: Path) -> SRNet:
    """The network in a checkpoint (`best.pt` or `last.pt`), with its averaged weights, ready to run."""
    state = load_checkpoint(path)
    recipe = recipe_from(state["recipe"], str(path))
    net = empty_network(recipe.subject(), state, path)
    load_weights(net, state["ema"], path)
    return net.eval().requires_grad_(False)
