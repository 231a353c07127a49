"""C for convolutions by small weights: weights are instructions, sums and differences of whole vectors of pixels.

Nothing is multiplied or unpacked, and zeros cost nothing. Sums of numbers up to 15 are taken in bytes, with 4 VL pixels
to a vector: bytes wrap around, so a sum is right whatever happens on the way, as long as its span fits in 256. That
is known from the weights: where it would not fit any more, what has been summed is added to a sum of 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.codegen.emit_integers import dense_weights, finished
from pocketsr.engine.codegen.emit_pointwise import array, indent
from pocketsr.engine.codegen.method import CHANNELS_A_WORD, Storage
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Conv, Integers, Prelu, Quantize
from pocketsr.engine.ir.reference import apply_stages

__all__ = ["pairs", "sums_body", "sums_tables"]

_SPAN = 255
_STEPS = 8  # results are found by comparing where there are no more


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


@dataclass(frozen=True)
class _Stairs:
    """Results as a function of sums of weight * x: `first` at the lowest, one more or less from each place on."""

    first: int
    steps: tuple[tuple[int, int], ...]  # the sum, and 1 or -1


def _stairs(op: Conv, integers: Integers, weights: NDArray[np.int64], channel: int) -> _Stairs | None:
    """How results depend on sums, where it takes few steps to say so. Slopes below 0 make them fall, then rise."""
    if not all(isinstance(stage, Prelu | Quantize) for stage in op.stages):
        return None
    low, high = (int(weights[channel][sign * weights[channel] > 0].sum()) * integers.top for sign in (-1, 1))
    sums = np.arange(low, high + 1)
    values = (sums + integers.start[channel]).astype(np.float32) * integers.step[channel]
    results = apply_stages(op.stages, np.broadcast_to(values, (op.channels, 1, len(sums))))[channel, 0]
    jumps = np.diff(results).astype(int)
    steps = [
        (low + int(at) + 1, int(np.sign(jumps[at]))) for at in np.flatnonzero(jumps) for _ in range(abs(jumps[at]))
    ]
    return _Stairs(int(results[0]), tuple(steps)) if len(steps) <= _STEPS else None


def sums_body(name: str, op: Conv, step: Step, plan: Plan) -> list[str]:
    """The rows in `in` to the row `out[0]`, a block of output channels at a time."""
    assert op.integers is not None
    weights, size = dense_weights(op.integers.weight, op.groups), step.method.block.channels
    lines: list[str] = []
    for first in range(0, op.channels, size):
        block = _Block(first, min(size, op.channels - first), wide=step.method.block.vectors == 2)
        sums = [_Sum() for _ in range(block.count)]
        last = op.channels if first + size >= op.channels else first + size
        lines += [
            f"    EACH(x, {block.lanes} * VL) {{ /* channels {first} to {last - 1} */",
            *indent(_summed(op, op.integers, weights, block, sums), 2),
            *indent(_finished(name, op, op.integers, weights, block, sums, plan), 2),
            "    }",
        ]
    return lines


def pairs(weights: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Taps (columns of `weights`: output channel, tap) two by two, so that their sum or difference serves many outputs.

    A sum that n outputs need costs one instruction and saves n. The best pairs first, greedily; some taps stay alone.
    """
    ones = np.where(np.abs(weights) == 1, weights, 0)
    plus, minus = (ones > 0).astype(np.int64), (ones < 0).astype(np.int64)
    alike, opposed = plus.T @ plus + minus.T @ minus, plus.T @ minus + minus.T @ plus
    gain = np.triu(np.maximum(alike - 1, 0) + np.maximum(opposed - 1, 0), 1)
    order = np.argsort(gain, axis=None, kind="stable")[::-1]
    left = dict.fromkeys(np.flatnonzero(weights.any(axis=0)).tolist())
    found: list[tuple[int, ...]] = []
    for p, q in zip(*np.unravel_index(order, gain.shape), strict=True):
        if gain[p, q] == 0:
            break
        if p in left and q in left:
            del left[int(p)], left[int(q)]
            found.append((int(p), int(q)))
    return found + [(tap,) for tap in left]


def _summed(
    op: Conv, integers: Integers, weights: NDArray[np.int64], block: _Block, sums: list[_Sum]
) -> list[str]:  # fmt: skip
    """The sums: a{j} in the vectors, s{j} in 16 bits where a{j} could not hold them."""
    kind, (taps, columns) = block.kind, op.weight.shape[2:]
    own = weights[block.first : block.first + block.count].reshape(block.count, -1)
    body: list[str] = []
    for group in pairs(own):
        needed: dict[str, str] = {}  # vectors, by name
        terms: list[str] = []
        for j in range(block.count):
            each = {name: int(own[j, tap]) for name, tap in zip("yz", group, strict=False) if own[j, tap]}
            if not each:
                continue
            for weight in each.values():
                if not block.wide and not sums[j].takes(sum(map(abs, each.values())), integers.top):
                    terms.append(_moved(j, sums[j]))
                sums[j].add(weight, integers.top)
            terms += _terms(j, each, needed)
        loads = []
        for name, tap in zip("yz", group, strict=False):
            i, r, c = np.unravel_index(tap, (len(op.inputs), taps, columns))
            loads.append(f"const {kind} {name} = load_{kind}(in[{r}][{i}], x + {c - columns // 2});")
        made = [f"const {kind} {name} = {text};" for name, text in needed.items()]
        body += ["{ " + " ".join(loads + made), *(f"    {term}" for term in terms), "}"]
    split = [j for j, known in enumerate(sums) if known.parts]
    body += [_moved(j, sums[j]) for j in split]
    zeros = [f"{kind} a{j} = {{0}};" for j in range(block.count)]
    return [*zeros, *(f"halves s{j}[2] = {{{{0}}}};" for j in split), *body]


def _terms(j: int, each: dict[str, int], needed: dict[str, str]) -> list[str]:
    """Adds to a{j} the vectors y and z times their weights; what has to be made of them first goes to `needed`.

    BARRIER keeps the compiler from finding common sums of its own, which it would have to keep in memory.
    """
    if list(map(abs, each.values())) == [1, 1]:
        name, text = ("both", "y + z") if each["y"] == each["z"] else ("gap", "y - z")
        needed[name] = text
        return [f"a{j} {'+' if each['y'] > 0 else '-'}= {name}; BARRIER(a{j});"]
    out = []
    for name, weight in each.items():
        if abs(weight) == 2:
            needed[f"twice_{name}"] = f"{name} + {name}"
        vector = f"twice_{name}" if abs(weight) == 2 else name
        out.append(f"a{j} {'+' if weight > 0 else '-'}= {vector}; BARRIER(a{j});")
    return out


def _moved(j: int, known: _Sum) -> str:
    """What is summed in the bytes of a{j}, raised to be no less than 0, goes to s{j}."""
    text = f"move(&a{j}, {-known.low}, s{j});"
    known.raised -= known.low
    known.low = known.high = 0
    known.parts += 1
    return text


def _finished(
    name: str, op: Conv, integers: Integers, weights: NDArray[np.int64], block: _Block, sums: list[_Sum], plan: Plan
) -> list[str]:
    """Sums to results, by comparing where there are few, and into the rows."""
    storage = plan.rings[op.value].storage
    last = op.stages[-1] if op.stages else None
    if isinstance(last, Quantize) and storage is not Storage.FLOATS:
        stairs = [_stairs(op, integers, weights, block.first + j) for j in range(block.count)]
        if None not in stairs:
            counted = [_counted(j, sums[j], each, block) for j, each in enumerate(stairs) if each]
            return [*counted, *(_bytes_out if storage is Storage.BYTES else _words_out)(block)]
    lines = [f"vi sum[{block.count}][{block.lanes}];"]
    for j, known in enumerate(sums):
        raised = known.raised if known.parts else -known.low
        offset = int(integers.start[block.first + j]) - raised
        for v in range(block.lanes):
            if known.parts:
                part = f"quarter_of_halves(s{j}[{v // 2}], {v % 2})"
            else:
                part = f"quarter_of_{block.kind}(a{j} + {raised}, {v})"
            lines.append(f"sum[{j}][{v}] = {part} + {offset};")
    return lines + finished(name, op, plan, block.first, block.count, block.lanes, "x + v * VL")


def _counted(j: int, known: _Sum, stairs: _Stairs, block: _Block) -> str:
    """q{j}, from the steps that a sum has passed: a comparison that holds is -1."""

    def count(of: str, kind: str, raised: int) -> str:
        steps = (f"{'-' if up > 0 else '+'} ({kind})({of} >= {at + raised})" for at, up in stairs.steps)
        return " ".join([f"({kind}){{0}} + {stairs.first}", *steps])

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
