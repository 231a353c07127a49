"""What C files a network is for an app: itself, its chroma, both as frames in I420, and corrections behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.emit_correct import emit_correction, emit_correction_header
from pocketsr.engine.codegen.emit_entries import emit_header
from pocketsr.engine.codegen.plan import Plan, make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.ir.graph import Graph
from pocketsr.engine.resample import chroma_graph
from pocketsr.export._strength import strength_words
from pocketsr.export._variants import VARIANTS, Variant, chosen_at_run_time, of_architecture, template

__all__ = ["Sources", "for_one", "for_several", "takes_corrections", "texts_for"]

_SITING = "left"  # what a frame that says nothing has: MPEG-2's and H.264's


@dataclass(frozen=True)
class Sources:
    """C files and headers by name; NAME.c and NAME.h come first. plan: of the network, for the plainest variant."""

    files: dict[str, str]
    headers: dict[str, str]
    plan: Plan

    @property
    def texts(self) -> dict[str, str]:
        return self.files | self.headers


def _chroma(graph: Graph) -> Graph | None:
    """The network of a luma network's chroma."""
    return replace(chroma_graph(graph.scale, _SITING), name=f"{graph.name}_chroma") if graph.channels == 1 else None


def for_one(graph: Graph, target: Target) -> Sources:
    """For one kind of processor."""
    files, headers = {}, {}
    plans = [make_plan(each, target) for each in (graph, _chroma(graph)) if each]
    for plan in plans:
        files[f"{plan.graph.name}.c"], headers[f"{plan.graph.name}.h"] = emit(plan), emit_header(plan)
    return _with_frames(graph, files, headers, plans[0])


def for_several(graph: Graph, variants: Sequence[Variant]) -> Sources:
    """For several kinds of processors: NAME.c chooses among them when it is first called."""
    files, headers, plan = chosen_at_run_time(graph, variants)
    if chroma := _chroma(graph):
        kinds = of_architecture(chroma, [each.architecture for each in variants])
        names = {each.name for each in variants}
        known = [each for each in kinds if each.name in names or not each.needs]
        more, beside, _ = chosen_at_run_time(chroma, known)
        files, headers = files | more, headers | beside
    return _with_frames(graph, files, headers, plan)


def takes_corrections(graph: Graph) -> bool:
    """Whether a correction can be sent along for what this network makes: luma, x2."""
    return graph.channels == 1 and graph.scale == 2


def _with_frames(graph: Graph, files: dict[str, str], headers: dict[str, str], plan: Plan) -> Sources:
    if graph.channels == 1:
        words = {"NAME": graph.name, "SCALE": str(graph.scale)} | strength_words(graph)
        files |= {f"{graph.name}_i420.c": template("i420.c", **words)}
        headers |= {f"{graph.name}_i420.h": template("i420.h", **words)}
    if takes_corrections(graph):
        files |= {f"{graph.name}_correct.c": emit_correction(graph.name)}
        headers |= {f"{graph.name}_correct.h": emit_correction_header(graph.name)}
    return Sources(files, headers, plan)


def texts_for(sources: Sources, target: Target) -> dict[str, str]:
    """C files and headers without those that are empty for `target`'s processor."""
    own = str(target.triple).partition("-")[0]
    names = [sources.plan.graph.name, f"{sources.plan.graph.name}_chroma"]
    empty = {f"{name}_{each.name}.c" for name in names for each in VARIANTS if each.architecture != own}
    return {name: text for name, text in sources.texts.items() if name not in empty}
