"""The engine's inner loops as processors of other makes would run them: cycles counted by llvm-mca, nothing is run.

Small networks are emitted as they always are, a label is put into each kind of inner loop, the compiler makes assembly
of it, and llvm-mca simulates the basic block in which the label lies. It knows a core's units, latencies and widths;
for it every load hits the first cache, every branch is foreseen, and no store waits.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.design.graphs import graph_of
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target, compiler_environment, zig
from pocketsr.engine.resample import chroma_graph
from pocketsr.engine.runtime.build import FLAGS

__all__ = ["LOOPS", "Model", "Region", "blocks", "costs", "cycles", "marked"]

_ITERATIONS = 100
_COPIES = 3  # of a loop that is looked at: it may be inlined in many places
_LATENCY = 4  # cycles, as `work_conv` and `work_integers` have it
_WORDS = 4  # channels to a word
_RESULTS, _ROWS, _BAND = (
    16,
    8,
    4,
)  # vectors that a transform back along both axes makes, of F(4, 5)'s products, its rows
_SAMPLES = {("read", 4): 12, ("read", 1): 1, ("write", 4): 32, ("write", 1): 4}  # by phases: units of `work` a turn

LOOPS = (
    "products", "dots", "matrices", "into_both", "from_both", "into_rows", "from_rows", "enter", "leave", "start",
    "stored", "read", "write",
)  # fmt: skip
"""What labels say: the kinds of `work.WORK`, parts of calls, results on their way to memory, samples."""
_LACKING = {"oryon-1": (re.compile(r"\.4b\[\d\]"), ".16b")}
"""What LLVM 22's model of a core doesn't know, and would take for nothing; and what is as quick: sdot by a lane."""


class Model(NamedTuple):
    """A core as llvm-mca knows it (`mca`), and the target that the engine plans for and that the compiler is told."""

    mca: str
    target: Target


class Region(NamedTuple):
    """A loop: what it does, what follows its sums (plain, prelu, words), channels and vectors of its block."""

    loop: str
    after: str
    channels: int
    vectors: int


_LABEL = re.compile(r"POCKETSR (\w+) (\w+) (\d+) (\d+)")
_SUMS = re.compile(r"v([fi]) sum\[(\d+)\]\[(\d+)\]")  # a register block: channels, vectors
_DOTS = re.compile(r"for \(int i = 0; i < \d+; i\+\+, w \+= \d+ \* PARTS\) \{")
_MATRICES = re.compile(r"for \(int i = 0; i < \d+; i \+= 2, w \+= \d+\) \{")  # two rows a turn
_END = re.compile(r"\s+(b|bl|br|blr|ret|cbn?z|tbn?z|b\.\w+|j\w+|callq?|retq)(\s|$)")  # of a basic block


def _networks(target: Target) -> Iterator[tuple[str, str]]:
    """What follows the sums, and C: layers that differ in nothing else."""
    last, none = Layer(4, act=Act.NONE), Anchor.NONE
    for after, act in (("plain", Act.NONE), ("prelu", Act.PRELU)):
        yield after, _c(Chain((*[Layer(12, act=act)] * 3, last), anchor=none), target)
    for width in (12, 16):
        yield "words", _c(Chain((*[Layer(width)] * 3, last), precision="w8a8"), target)
    yield "plain", emit(make_plan(chroma_graph(2, "left"), target))


def _c(chain: Chain, target: Target) -> str:
    return emit(make_plan(graph_of(chain, seed=1), target))


def marked(c: str, after: str, comment: str) -> str:
    """The emitted C with a label in each kind of inner loop. comment: how the assembler begins one."""

    def mark(loop: str, channels: object = 1, vectors: object = 1) -> str:
        return f'__asm__ volatile("{comment} POCKETSR {loop} {after} {channels} {vectors}");'

    found = []
    for part in re.split(r"(?m)^(?=static|INLINE|void)", c):
        text = part
        if head := re.match(r"(?:INLINE|static) void dot_(\d+)x(\d+)(_call)?\(", part):
            size = head[1], head[2]
            loop = re.compile(r"(    for \(int i = 0; i < n; i\+\+, w \+= \d+\) \{)(.*?\n    \})", re.DOTALL)
            inside = rf"\1 {mark('products', *size)}\2"
            before, behind = ("enter", mark("leave", *size)) if head[3] else ("start", "")
            text = loop.sub(rf"    {mark(before, *size)}\n{inside}\n    {behind}", text)
        if part.startswith("static void step"):
            for loops, name in ((_DOTS, "dots"), (_MATRICES, "matrices")):
                text = "".join(_with_marks(text, loops, partial(mark, name)))
            told = {"plain": "store(", "prelu": "prelu(", "words": "store_words("}[after]
            kind = "i" if after == "words" else "f"
            sums = next((found[1:] for found in _SUMS.findall(part) if found[0] == kind), None)
            if sums and told in part:
                at = r"(UNROLL for \(int v = 0; v < \d+; v\+\+\) \{)(?=\s*const ptrdiff_t at = p \* phase \+ x \+)"
                text = re.sub(at, f"{mark('stored', *sums)} \\1", text)
            for pattern, name in (
                (r"float \*const to = v \+ i \* \d+ \+ x;", "into_both"),
                (r"vf s\[6\]\[4\];", "from_both"),
                (r"vf d\[8\], t\[8\];", "into_rows"),
                (r"vf a\[8\], q\[4\];", "from_rows"),
            ):
                text = re.sub(pattern, lambda m, name=name: f"{m[0]} {mark(name)}", text)
        if side := re.match(r"static void u8_(read|write)\(", part):
            phases = 4 if "e2" in part or "z8" in part else 1
            text = re.sub(r"if \(left >= [^)]*\) ([^;]*;)\s*else for [^;]*;[^;]*;[^;]*;", r"\1", text)
            text = re.sub(r"(const int left = [^;]*;)", rf"\1 {mark(side[1], phases)}", text)
        found.append(text)
    return "".join(found)


def _with_marks(text: str, loops: re.Pattern[str], mark: Callable[[str, str], str]) -> Iterator[str]:
    """The text with what `mark` says of the register block after each beginning of one of `loops`."""
    at = 0
    for found in loops.finditer(text):
        _, channels, vectors = _SUMS.findall(text, 0, found.start())[-1]
        yield f"{text[at : found.end()]} {mark(channels, vectors)}"
        at = found.end()
    yield text[at:]


def blocks(assembly: str) -> Iterator[tuple[Region, int, list[str]]]:
    """Of each basic block with labels of ours: the first, how many there are of it, and its instructions."""
    lines: list[str] = []
    labels: list[Region] = []

    def done() -> Iterator[tuple[Region, int, list[str]]]:
        if labels:
            yield labels[0], labels.count(labels[0]), list(lines)
        lines.clear()
        labels.clear()

    for line in assembly.splitlines():
        if label := _LABEL.search(line):
            labels.append(Region(label[1], label[2], int(label[3]), int(label[4])))
        elif re.match(r"[\w.$]+:", line):
            yield from done()
        elif re.match(r"\s+[a-z]", line):
            lines.append(line)
            if _END.match(line):
                yield from done()
    yield from done()


@cache
def _loops(target: Target) -> list[tuple[Region, int, list[str]]]:
    """Every loop as `target`'s compiler makes it, a few copies of each."""
    found: dict[Region, list[tuple[Region, int, list[str]]]] = defaultdict(list)
    arm = _is_arm(target)
    with tempfile.TemporaryDirectory() as scratch:
        for after, c in _networks(target):
            (Path(scratch) / "net.c").write_text(marked(c, after, "//" if arm else "#"))
            flags = [flag for flag in FLAGS if not (arm and flag.startswith("-mprefer"))]
            cpu = f"-mcpu={target.cpu}" if arm else f"-march={target.cpu}"
            command = [*zig(), "cc", *flags, "-target", str(target.triple), cpu, "-S", "net.c", "-o", "net.s"]
            environment = compiler_environment(Path(scratch), target)
            subprocess.run(command, cwd=scratch, env=environment, check=True, stderr=subprocess.DEVNULL)
            for block in blocks((Path(scratch) / "net.s").read_text(encoding="latin-1")):
                if len(found[block[0]]) < _COPIES:
                    found[block[0]].append(block)
    return [block for copies in found.values() for block in copies]


def _is_arm(target: Target) -> bool:
    return str(target.triple).startswith("aarch64")


def cycles(model: Model, mca: str) -> dict[Region, float]:
    """Cycles of each loop's body on `model`'s core, the median of its copies. mca: the command."""
    loops, arm = _loops(model.target), _is_arm(model.target)
    comment = "//" if arm else "#"
    texts = [
        "\n".join((f"{comment} LLVM-MCA-BEGIN R{number}", *lines, f"{comment} LLVM-MCA-END R{number}"))
        for number, (_, _, lines) in enumerate(loops)
    ]
    if lacking := _LACKING.get(model.mca):
        texts = [lacking[0].sub(lacking[1], text) for text in texts]
    command = [
        mca, f"-mtriple={'aarch64' if arm else 'x86_64'}", f"-mcpu={model.mca}", f"-iterations={_ITERATIONS}",
        "-skip-unsupported-instructions=any", "-instruction-info=0", "-resource-pressure=0", "-",
    ]  # fmt: skip
    run = subprocess.run(command, check=False, input="\n".join(texts) + "\n", capture_output=True, text=True)
    total = [int(value) for value in re.findall(r"Total Cycles:\s+(\d+)", run.stdout)]
    if run.returncode or len(total) != len(loops):
        sys.exit(f"llvm-mca {model.mca}: {len(total)} of {len(loops)} regions; {run.stderr[:300]}")
    times: dict[Region, list[float]] = defaultdict(list)
    for (region, count, _), value in zip(loops, total, strict=True):
        times[region].append(value / _ITERATIONS / count)
    return {region: statistics.median(values) for region, values in times.items()}


def costs(found: Mapping[Region, float], dot_cost: int) -> dict[str, float]:
    """Cycles for one of each kind of `work.WORK` that the loops tell, from cycles of their bodies."""

    def of(loop: str, after: str = "") -> list[tuple[Region, float]]:
        return [(r, value) for r, value in found.items() if r.loop == loop and after in ("", r.after)]

    def each_sum(loop: str, after: str = "") -> float:
        return statistics.median([value / (r.channels * r.vectors) for r, value in of(loop, after)])

    def body(loop: str, after: str = "") -> float:
        return statistics.median([value for _, value in of(loop, after)])

    parts = max(1, dot_cost // 2)  # as `work_integers` counts
    products = [
        value / max(r.channels * r.vectors / 2, (2 * r.vectors + r.channels) / 2, _LATENCY)
        for r, value in of("products")
    ]
    dots = [
        value
        / max(
            (r.channels * r.vectors * dot_cost + (3 * r.vectors if parts > 1 else 0)) / 2,
            (2 * r.vectors + parts * r.channels) / 2,
            _LATENCY,
        )
        for r, value in [*of("dots"), *((r, value / 2) for r, value in of("matrices"))]
    ]
    result = each_sum("stored", "plain")
    point = max(0.0, each_sum("stored", "prelu") - result) / 2
    samples = of("read") + of("write")
    return {
        "products": statistics.geometric_mean(products),
        "dots": statistics.geometric_mean(dots),
        "sums_inline": each_sum("start"),
        "sums_called": each_sum("enter") + each_sum("leave"),
        "into_both": body("into_both"),
        "from_both": max(0.0, body("from_both", "plain") - _RESULTS * result),  # counted apart
        "into_rows": body("into_rows") / _ROWS,
        "from_rows": max(0.0, body("from_rows") - _BAND * result) / _ROWS,
        "result": result,
        "point": point,
        # made floats, times the step, PReLU of a slope up to 1: four instructions for each vector
        "words": max(0.0, _WORDS * (each_sum("stored", "words") - 4 * point)),
        "samples": sum(value for _, value in samples) / sum(_SAMPLES[r.loop, r.channels] for r, _ in samples),
    }
