"""The networks that are compared: shipped ones, published ones with weights at hand, and figures from papers."""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors import safe_open

from pocketsr.bench.table import Figures, Origin
from pocketsr.engine import Upscaler, load, takes_strength, told
from pocketsr.engine.analysis.count import Count, count
from pocketsr.engine.onnx.checked import read_model
from pocketsr.errors import UserError
from pocketsr.models import SHIPPED_X2, resolve
from pocketsr.nets import SRNet, build, load_weights, names, running, to_onnx

__all__ = ["TRAINED_HERE", "Contender", "Paper", "contenders", "papers", "program_of", "weight_files"]

TRAINED_HERE = {"pocketsr.origin": "trained here"}
"""The entry in a safetensors file's metadata that tells weights of this project from the authors' own."""


@dataclass(frozen=True)
class Contender:
    """A network that can be run here. sha256: of its file; None without one, which has no figures to measure."""

    model: str
    origin: Origin
    source: str | None
    sha256: str | None
    counted: Callable[[], Count]
    open: Callable[[int | None], Upscaler]
    """By the number of threads."""
    program: str | None = None
    """Of a network that ships: what tells its graph from others, whatever its weights are."""


@dataclass(frozen=True)
class Paper:
    """Figures that a paper gives for a network, and that network as it is built here."""

    model: str
    source: str
    sets: dict[str, Figures]
    network: Contender


def contenders(files: Iterable[Path], tell: Callable[[str], None]) -> list[Contender]:
    """What ships, and the networks whose weights `files` hold; `tell` is told what can't take part, and why.

    Raises UserError where two files hold weights of one network.
    """
    found = [_shipped(model) for model in SHIPPED_X2]
    whose: dict[str, Path] = {}
    for file in files:
        model = _model_of(file)
        if model is None:
            tell(f"{file} holds the weights of no network that is known here: left out")
        elif model in whose:
            raise UserError(f"{whose[model]} and {file} are both weights of {model}: name one with --weights FILE")
        else:
            whose[model] = file
            found.append(_weighted(model, file))
    return found


def papers() -> list[Paper]:
    """What stands in published.json: what authors published for x2, by the usual protocol."""
    entries = json.loads(Path(__file__).with_name("published.json").read_text())
    return [
        Paper(
            entry["model"],
            entry["source"],
            {name: Figures(*figures) for name, figures in entry["sets"].items()},
            _unweighted(entry["model"], entry.get("net", entry["model"]), entry.get("config", {})),
        )
        for entry in entries
    ]


def weight_files(places: Sequence[Path]) -> list[Path]:
    """Each of `places` that is a file, and the safetensors files of each that is a folder. UserError for neither."""
    files: list[Path] = []
    for place in places:
        if not place.exists():
            raise UserError(f"no such file or folder of weights: {place}")
        files += sorted(place.glob("*.safetensors")) if place.is_dir() else [place]
    return files


def _shipped(model: str) -> Contender:
    path = resolve(model)
    origin: Origin = "reproduced" if model == "bicubic" else "ours"

    def opened(threads: int | None) -> Upscaler:
        net = load(path, threads=threads)
        return told(net, 0.0) if takes_strength(net) else net  # the protocol's pictures are clean

    return Contender(model, origin, None, _digest(path), lambda: count(path), opened, program_of(path))


def program_of(path: Path) -> str:
    """What tells the graph of an ONNX file from others: its nodes, and the shapes and types of its weights.

    Networks that share it take the same time, since the engine emits the same loops for them; but for weights of 2
    bits, whose zeros it leaves out.
    """
    graph = read_model(path).graph
    tensors = [*graph.initializer]
    said = []
    for node in graph.node:
        said.append(f"{node.op_type} {list(node.input)} {list(node.output)}")
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                tensors.append(attribute.t)
            else:
                said.append(f"{attribute.name} {onnx.helper.get_attribute_value(attribute)}")
    said += [f"{tensor.data_type} {list(tensor.dims)}" for tensor in tensors]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _weighted(model: str, file: Path) -> Contender:
    """Weights of a registered network."""
    with safe_open(file, "pt") as opened:
        about = opened.metadata() or {}

    @functools.cache
    def net() -> SRNet:
        made = build(model)
        load_weights(made, file)
        return made.eval()

    origin: Origin = "trained here" if TRAINED_HERE.items() <= about.items() else "reproduced"
    source = file.name + (f", {about['made_by']}" if "made_by" in about else "")
    return Contender(
        model, origin, source, _digest(file), lambda: _counted(net()),
        lambda threads: running.run(net(), model, threads)[0],
    )  # fmt: skip


def _unweighted(model: str, name: str, config: Mapping[str, Any]) -> Contender:
    """What can be counted and timed of a registered network, whose cost doesn't depend on its weights."""

    @functools.cache
    def net() -> SRNet:
        torch.manual_seed(0)
        made = build(name, **config).eval()
        with torch.no_grad():
            for weight in made.parameters():  # equal ones would be counted, or calculated, once
                weight.add_(torch.randn_like(weight), alpha=1e-3)
        return made

    return Contender(
        model, "published", None, None, lambda: _counted(net()), lambda threads: running.run(net(), name, threads)[0]
    )


def _model_of(file: Path) -> str | None:
    """The registered network into which the weights fit, among those whose name begins as the file's does."""
    family = file.stem.replace("-", "_").partition("_")[0].lower()
    for name in names():
        if name.partition("-")[0] == family:
            try:
                load_weights(build(name), file)
            except UserError:
                continue
            return name
    return None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _counted(net: SRNet) -> Count:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        to_onnx(net, path)
        return count(path)
