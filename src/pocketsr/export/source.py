"""The network that is exported, read once, and what its target is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pocketsr import models
from pocketsr.arguments import check_strength
from pocketsr.engine import Upscaler, load, read_network, told
from pocketsr.engine.ir.graph import Conv, Function, Graph, Pointwise
from pocketsr.engine.ir.strength import at_strength, strength_for
from pocketsr.engine.onnx.importer import from_onnx
from pocketsr.engine.onnx.model_file import ModelFile, read_file
from pocketsr.errors import ArgumentError, UserError
from pocketsr.export._strength import strength_words
from pocketsr.export.layers import Network
from pocketsr.export.lowering import lower
from pocketsr.names import harmless

__all__ = ["SIZE", "Source", "app_notes", "luma_words", "no_form", "open_source", "precision_of", "size_of"]

SIZE = (640, 360)
"""Width and height that a file is made for, where the format wants one, and tried with."""
_SMALLEST, _LARGEST = 8, 4096


@dataclass(frozen=True)
class Source:
    """`name` is what files are called: an identifier, hyphens kept."""

    name: str
    file: ModelFile
    graph: Graph
    strength: float | None = None  # that the layers are for, where the network is told one

    @cached_property
    def layers(self) -> Network:
        """What other runtimes get. Raises UserError for what none of them has a form for: C takes that, too."""
        curves = {  # the simplified graph knows them by the convolution before
            stage.kind: op.name
            for op in from_onnx(self.file).graph.ops
            if isinstance(op, Pointwise)
            for stage in op.stages
            if isinstance(stage, Function)
        }
        return lower(at_strength(self.graph, self.strength), curves)

    @property
    def precision(self) -> str:
        """What the engine's own C computes with: "int8" or "float32"."""
        whole = any(isinstance(op, Conv) and op.integers is not None for op in self.graph.ops)
        return "int8" if whole else "float32"

    def reference(self) -> Upscaler:
        """The engine's own network, on one thread."""
        return told(load(self.file, threads=1), self.strength)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report says of all that."""
        if self.strength is None:
            return ()
        return (f"The network is told how degraded a picture is; this file is it at strength {self.strength:g}.",)


def open_source(model: str | Path, strength: float | None = None) -> Source:
    """A shipped network by name, or an ONNX file. Raises UserError for what the engine refuses.

    strength: at which the layers of a network are that is told one; default: its own.
    """
    file = read_file(models.resolve(model))
    graph, _ = read_network(file)
    if strength is not None:
        check_strength(strength)
        if not graph.strengths:
            raise ArgumentError(f"{harmless(file.path.name)} takes no strength: leave it out")
    strength = strength_for(graph, strength) if graph.strengths else None
    name = models.ALIASES.get(str(model), str(model)) if str(model) in models.NAMES else graph.name
    return Source(name, file, graph, strength)


def no_form(node: str, what: str, target: str) -> UserError:
    """The network's `node` is, or holds, `what`, which `target` doesn't know."""
    return UserError(f"node '{harmless(node)}': {target} has no form for {what}; choose another target")


def size_of(size: object) -> tuple[int, int]:
    """Width and height, checked; SIZE for None."""
    if size is None:
        return SIZE
    sides = size if isinstance(size, tuple | list) else ()
    if len(sides) != 2 or not all(type(each) is int and _SMALLEST <= each <= _LARGEST for each in sides):
        raise ArgumentError(f"size {size}: width and height are expected, each from {_SMALLEST} to {_LARGEST} pixels")
    return sides[0], sides[1]


def precision_of(source: Source, asked: str | None, choices: tuple[str, ...], target: str) -> tuple[str, str]:
    """What numbers the file computes with, and the stem of its name, which says so where it was `asked` for.

    Without that: int8 for quantized networks, else the first of `choices`. Raises ArgumentError for what `target`
    doesn't know, and for int8 of a network that isn't quantized.
    """
    net = source.layers
    natural = "int8" if net.is_quantized and "int8" in choices else choices[0]
    found = asked or natural
    if found not in choices:
        raise ArgumentError(f"precision {harmless(found)}: {target} takes {', '.join(choices)}")
    if found == "int8" and not net.is_quantized:
        raise ArgumentError(
            f"precision int8: {harmless(source.name)} isn't quantized; quantize it first (pocketsr quantize), or take "
            "a network that is, as -m small-w8a8"
        )
    return found, source.name if found == natural else f"{source.name}-{found}"


def app_notes(source: Source) -> tuple[str, ...]:
    """What a report of an app's export says of strengths."""
    if not source.graph.strengths:
        return ()
    return (
        f"The network is told how degraded a picture is: luma and whole frames take a strength, from 0 (clean) to 1, "
        f"by default {source.graph.default_strength:g}; in C by the functions whose names end in _at.",
    )


def luma_words(source: Source, target: str) -> dict[str, str]:
    """What the templates of every app ask for. Raises UserError for networks of several channels."""
    if source.graph.channels != 1:
        raise UserError(
            f"{harmless(source.name)} takes R, G and B: export {target} is for networks of luma; take one, as -m small"
        )
    words = {"NAME": source.graph.name, "MODEL": source.name, "SCALE": str(source.graph.scale)}
    return words | strength_words(source.graph)
