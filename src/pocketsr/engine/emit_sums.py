"""C for convolutions by small weights: weights are instructions, sums and differences of whole vectors of pixels.

Nothing is multiplied or unpacked, and zeros cost nothing. Sums of numbers up to 15 are taken in bytes, with 4 VL pixels
to a vector: bytes wrap around, so a sum is right whatever happens on the way, as long as its span fits in 256. That
is known from the weights: where it would not fit any more, what has been summed is added to a sum of 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.emit_integers import finished
from pocketsr.engine.emit_points import array, indent
from pocketsr.engine.ir import Conv, Integers, Prelu, Quantize
from pocketsr.engine.method import CHANNELS_A_WORD, Keep
from pocketsr.engine.plan import Plan, Step
from pocketsr.engine.reference import apply_points

__all__ = ["sums_body", "sums_tables"]

_SPAN = 255
_FEW = 3  # results up to this are found by comparing


@dataclass
class _Sum:
    """What is known of one output channel's sum while its instructions are written."""

    low: int = 0  # of what has been summed in the vector itself
    high: int = 0
    raised: int = 0  # how far the sum of 16 bits is above the true one
    parts: int = 0  # how often the vector went there

    def takes(self, weight: int, top: int) -> bool:
        """Whether another weight leaves the span within a byte."""
        return self.high - self.low + abs(weight) * top <= _SPAN

    def add(self, weight: int, top: int) -> None:
        self.low += min(0, weight * top)
        self.high += max(0, weight * top)


@dataclass(frozen=True)
class _Block:
    """Output channels that are summed together. wide: in vectors of 16 bits and 2 VL pixels, else bytes and 4 VL."""

    first: int
    count: int
    wide: bool

    @property
    def lanes(self) -> int:
        return 2 if self.wide else 4

    @property
    def kind(self) -> str:
        return "halves" if self.wide else "bytes4"


def sums_tables(name: str, op: Conv) -> str:
    assert op.integers is not None
    return array(f"{name}_step", op.integers.step)


def _weights(op: Conv, whole: Integers) -> NDArray[np.int64]:
    """Output channel, input, row, column; zeros between groups."""
    per_group, outputs = op.weight.shape[1], op.channels // op.groups
    full = np.zeros((op.channels, len(op.inputs), *op.weight.shape[2:]), np.int64)
    for group in range(op.groups):
        own = slice(group * outputs, (group + 1) * outputs)
        full[own, group * per_group : (group + 1) * per_group] = whole.weight[own]
    return full


def _thresholds(op: Conv, whole: Integers, weights: NDArray[np.int64], channel: int) -> list[int] | None:
    """The sums of weight * x from which on results are at least 1, 2 ..; None where results don't rise with sums."""
    if not all(isinstance(point, Prelu | Quantize) for point in op.points):
        return None
    low, high = (int(weights[channel][sign * weights[channel] > 0].sum()) * whole.top for sign in (-1, 1))
    sums = np.arange(low, high + 1)
    values = (sums + whole.start[channel]).astype(np.float32) * whole.step[channel]
    results = apply_points(op.points, np.broadcast_to(values, (op.channels, 1, len(sums))))[channel, 0]
    if (np.diff(results) < 0).any():
        return None
    return [low + int(np.searchsorted(results, level)) for level in range(1, int(results[-1]) + 1)]


def sums_body(name: str, op: Conv, step: Step, plan: Plan) -> list[str]:
    """The rows in `in` to the row `out[0]`, a block of output channels at a time."""
    assert op.integers is not None
    weights, size = _weights(op, op.integers), step.method.block.channels
    lines: list[str] = []
    for first in range(0, op.channels, size):
        block = _Block(first, min(size, op.channels - first), wide=step.method.block.vectors == 2)
        sums = [_Sum() for _ in range(block.count)]
        last = op.channels if first + size >= op.channels else first + size
        lines += [
            f"    for (int x = 0; x < n; x += {block.lanes} * VL) {{ /* channels {first} to {last - 1} */",
            *indent(_summed(op, op.integers, weights, block, sums), 2),
            *indent(_finished(name, op, op.integers, weights, block, sums, plan), 2),
            "    }",
        ]
    return lines


def _summed(
    op: Conv, whole: Integers, weights: NDArray[np.int64], block: _Block, sums: list[_Sum]
) -> list[str]:  # fmt: skip
    """The sums: a{j} in the vectors, s{j} in 16 bits where a{j} could not hold them."""
    kind, (taps, columns) = block.kind, op.weight.shape[2:]
    body: list[str] = []
    for i, r, c in np.ndindex(len(op.inputs), taps, columns):
        used = {j: int(w) for j, w in enumerate(weights[block.first : block.first + block.count, i, r, c]) if w}
        terms = []
        for j, weight in used.items():
            if not block.wide and not sums[j].takes(weight, whole.top):
                terms.append(_moved(j, sums[j]))
            sums[j].add(weight, whole.top)
            terms.append(f"a{j} {'+' if weight > 0 else '-'}= {'twice' if abs(weight) == 2 else 'y'};")
        if used:
            twice = f" const {kind} twice = y + y;" if 2 in map(abs, used.values()) else ""
            body.append(f"{{ const {kind} y = load_{kind}(in[{r}][{i}], x + {c - columns // 2});{twice}")
            body += [f"    {term}" for term in terms]
            body.append("}")
    split = [j for j, known in enumerate(sums) if known.parts]
    body += [_moved(j, sums[j]) for j in split]
    zeros = [f"{kind} a{j} = {{0}};" for j in range(block.count)]
    return [*zeros, *(f"halves s{j}[2] = {{{{0}}}};" for j in split), *body]


def _moved(j: int, known: _Sum) -> str:
    """What is summed in the bytes of a{j}, raised to be no less than 0, goes to s{j}."""
    text = f"move(&a{j}, {-known.low}, s{j});"
    known.raised -= known.low
    known.low = known.high = 0
    known.parts += 1
    return text


def _finished(
    name: str, op: Conv, whole: Integers, weights: NDArray[np.int64], block: _Block, sums: list[_Sum], plan: Plan
) -> list[str]:
    """Sums to results, by comparing where there are few, and into the rows."""
    keep = plan.rings[op.value].keep
    last = op.points[-1] if op.points else None
    if isinstance(last, Quantize) and last.top <= _FEW and keep is not Keep.FLOATS:
        ends = [_thresholds(op, whole, weights, block.first + j) for j in range(block.count)]
        if all(end is not None for end in ends):
            counted = [_counted(j, sums[j], end or [], block) for j, end in enumerate(ends)]
            return [*counted, *(_bytes_out if keep is Keep.BYTES else _words_out)(block)]
    lines = [f"vi sum[{block.count}][{block.lanes}];"]
    for j, known in enumerate(sums):
        raised = known.raised if known.parts else -known.low
        offset = int(whole.start[block.first + j]) - raised
        for v in range(block.lanes):
            if known.parts:
                part = f"quarter_of_halves(s{j}[{v // 2}], {v % 2})"
            else:
                part = f"quarter_of_{block.kind}(a{j} + {raised}, {v})"
            lines.append(f"sum[{j}][{v}] = {part} + {offset};")
    return lines + finished(name, op, plan, block.first, block.count, block.lanes, "x + v * VL")


def _counted(j: int, known: _Sum, ends: list[int], block: _Block) -> str:
    """q{j}, the number of thresholds that a sum reaches."""

    def count(of: str, kind: str, raised: int) -> str:
        return " ".join([f"({kind}){{0}}", *(f"- ({kind})({of} >= {end + raised})" for end in ends)])

    if known.parts:
        both = (count(f"s{j}[{half}]", "halves", known.raised) for half in (0, 1))
        return f"const bytes4 q{j} = narrow({', '.join(both)});"
    raised = -known.low
    return f"a{j} += {raised}; const {block.kind} q{j} = {count(f'a{j}', block.kind, raised)};"


def _bytes_out(block: _Block) -> list[str]:
    return [f"store_{block.kind}(out[0][{block.first + j}], x, q{j});" for j in range(block.count)]


def _words_out(block: _Block) -> list[str]:
    lines = []
    for j in range(0, block.count, CHANNELS_A_WORD):
        four = range(j, min(j + CHANNELS_A_WORD, block.count))
        for v in range(block.lanes):
            parts = [f"((vu)quarter_of_{block.kind}(q{k}, {v}) << {8 * (k - j)})" for k in four]
            to = f"out[0][{(block.first + j) // CHANNELS_A_WORD}] + x + {v} * VL"
            lines.append(f"store_words({to}, {' | '.join(parts)});")
    return lines
