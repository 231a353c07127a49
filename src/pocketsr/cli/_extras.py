"""What an extra brings, asked for in words where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pocketsr.errors import UserError

__all__ = ["serve_extra", "train_extra"]

_TRAIN = ("lightning_fabric", "matplotlib", "msgspec", "optuna", "torch", "yaml")
_SERVE = ("aiohttp", "aiortc")


@contextmanager
def serve_extra() -> Iterator[None]:
    """Raises UserError where an import inside fails for want of the extra `serve`."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _SERVE:
            raise
        raise UserError(f'serving calls needs {error.name}: pip install "pocketsr[serve]"') from error


@contextmanager
def train_extra(what: str) -> Iterator[None]:
    """Raises UserError where an import inside fails for want of the extra `train`; `what` needs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _TRAIN:
            raise
        raise UserError(f"{what} needs {error.name}: pip install 'pocketsr[train]'") from error
