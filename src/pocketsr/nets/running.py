"""A network by name, with its weights, as an `engine.Upscaler`: by the engine, by ONNX Runtime, or by PyTorch."""

from __future__ import annotations

import tempfile
import weakref
from collections import Counter
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pocketsr.engine import Upscaler
from pocketsr.errors import UserError
from pocketsr.fallback import Field, Floats, TiledUpscaler, by_engine, has_onnxruntime, why
from pocketsr.nets.base import SRNet
from pocketsr.nets.registry import build, names, to_onnx
from pocketsr.nets.weights import load_weights

__all__ = ["by_torch", "names", "open_network", "run"]

_OVERHEAD = 1.5  # what PyTorch takes beside the tensors: SMSR 1.4 times, RFDN 1.3, IMDN 1.1, RNAN 0.9
_GRID = 16  # LR pixels: a multiple of what the strides inside of a network come to


def open_network(name: str, weights: Path | None, threads: int | None = None) -> tuple[Upscaler, str | None]:
    """The registered network `name` with `weights`, and a line that says what runs it if that isn't the engine.

    Raises UserError for an unknown name, and where `weights` are missing, unreadable or another network's.
    """
    net = build(name)
    if weights is not None:
        load_weights(net, weights)
    elif next(net.parameters(), None) is not None:
        raise UserError(f"'{name}' doesn't ship with weights: add --weights FILE, the published ones as safetensors")
    return run(net.eval(), name, threads)


def run(net: SRNet, name: str, threads: int | None = None) -> tuple[Upscaler, str | None]:
    """`net`, in `eval` mode, as what upscales samples; and a line that says what runs it if that isn't the engine."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        try:
            to_onnx(net, path)
        except (torch.onnx.errors.OnnxExporterError, RuntimeError, TypeError, ValueError) as error:
            reason = f"it can't be written as ONNX ({next(iter(str(error).splitlines()), type(error).__name__)})"
        else:
            try:
                found = by_engine(path, threads)
            except UserError as refused:
                found = str(refused).removeprefix(f"{path}: ")
            if not isinstance(found, str):
                return found, None
            reason = found
            if has_onnxruntime():
                from pocketsr.fallback.session import Session

                try:
                    return TiledUpscaler(Session(path, threads), _field(net)), why(name, "ONNX Runtime", reason)
                except UserError as failed:  # of what the export gets wrong at the edges of an operator's domain
                    reason += f"; nor in ONNX Runtime: {str(failed).removeprefix(f'{path}: ')}"
    return by_torch(net, name, threads), why(name, "PyTorch", reason)


def by_torch(net: SRNet, name: str, threads: int | None = None) -> Upscaler:
    """`net`, in `eval` mode, as PyTorch runs it."""
    return TiledUpscaler(_Torch(net, name, threads), _field(net))


def _field(net: SRNet) -> Field | None:
    return None if net.whole_image else Field(net.halo, _GRID)


class _Torch:
    """A `whole.Runner`."""

    runtime = "PyTorch"
    max_value = 1.0
    size: tuple[int, int] | None = None

    def __init__(self, net: SRNet, name: str, threads: int | None) -> None:
        self._net, self.name = net, name
        self.channels, self.scale = net.channels, net.scale
        if threads is not None:
            torch.set_num_threads(threads)

    def __call__(self, x: Floats) -> Floats:
        try:
            with torch.inference_mode():
                return cast(Floats, self._net(torch.from_numpy(x)).numpy())
        except RuntimeError as error:
            size = f"{x.shape[3]}x{x.shape[2]}"
            raise UserError(f"{self.name}: PyTorch can't run it on {size} pixels ({error})") from error

    def peak_bytes(self, height: int, width: int) -> int:
        memory = _Memory()
        with torch.no_grad(), memory:
            self._net(torch.full((1, self.channels, height, width), 0.5))
        return int(_OVERHEAD * memory.peak)


class _Memory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors that exist at one time, among those made inside of it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._live = 0
        self._tensors: Counter[int] = Counter()  # of each piece of memory, by its address

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                address, size = storage.data_ptr(), storage.nbytes()
                self._live += 0 if self._tensors[address] else size
                self._tensors[address] += 1
                weakref.finalize(tensor, self._gone, address, size)
        self.peak = max(self.peak, self._live)
        return result

    def _gone(self, address: int, size: int) -> None:
        self._tensors[address] -= 1
        self._live -= 0 if self._tensors[address] else size
