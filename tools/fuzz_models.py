"""Feeds mutated and hostile ONNX files to all that reads them, each within limits of time and memory.

    python tools/fuzz_models.py --seconds 3600 --seed 1 --keep found/

A model may be taken or refused in one line. Everything else is counted as a fault: a traceback, CPU time or memory
beyond the limits, a process that died, a message of several lines. Exit code 1 where there was one.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import math
import os
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hostile_models import hostile, working
from onnx import ModelProto, numpy_helper

CPU_S, MEMORY, ADDRESSES = 20, 2 * 2**30, 6 * 2**30  # of one model: seconds, resident bytes, address space
GOOD = ("taken", "refused")
_ODD_INTEGERS = (0, 1, -1, 2, 3, 7, 127, 255, 256, 65536, 2**31 - 1, 2**31, 2**62, -(2**63), 2**63 - 1)
_ONE_INPUT = (
    "Abs", "Ceil", "Elu", "Erf", "Exp", "Flatten", "Gelu", "GlobalAveragePool", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "LeakyRelu", "Log", "MaxPool", "Mish", "Neg", "Reciprocal", "ReduceMean", "Relu", "Shape",
    "Sigmoid", "Size", "Softmax", "Softplus", "SpaceToDepth", "Sqrt", "Squeeze", "Sum", "Tanh", "Transpose",
)  # fmt: skip
_TWO_INPUTS = (
    "Add", "BitShift", "Conv", "ConvTranspose", "DequantizeLinear", "Div", "Expand", "Gather", "MatMul", "Max", "Mod",
    "Mul", "PRelu", "Pad", "Pow", "QuantizeLinear", "ReduceSum", "Reshape", "Resize", "Split", "Squeeze", "Sub", "Tile",
    "TopK", "Unsqueeze", "Upsample", "Where",
)  # fmt: skip
_ODD_FLOATS = (0.0, -0.0, 1e-40, 1e38, float("inf"), float("-inf"), float("nan"), 0.5, 2.0)


# mutations


def _messages(message: Any) -> Iterator[Any]:
    """`message` and all that is in it."""
    yield message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for inner in value if hasattr(value, "add") else [value]:
                yield from _messages(inner)


def _odd(kind: int, rng: random.Random, old: Any, words: list[Any]) -> Any:
    if kind in (1, 2):  # double, float
        return rng.choice([*_ODD_FLOATS, float(old) * 1e6])
    if kind in (9, 12):  # string, bytes
        if kind == 9:
            return rng.choice([*[w for w in words if isinstance(w, str)], "", "\x00*/", "a" * 300])
        data = bytes(old)
        return rng.choice([b"", data[:-1], data + b"\xff", data[::-1], bytes(len(data)), b"\xff" * len(data)])
    return rng.choice([*_ODD_INTEGERS, int(old) + 1, int(old) - 1, -int(old)])


def _change_field(message: Any, rng: random.Random, words: list[Any]) -> None:
    fields = message.ListFields()
    if not fields:
        return
    descriptor, value = rng.choice(fields)
    name, repeated = descriptor.name, hasattr(value, "append") or hasattr(value, "add")
    with contextlib.suppress(ValueError, TypeError, OverflowError, UnicodeError):
        if repeated and len(value):
            at = rng.randrange(len(value))
            match rng.randrange(4):
                case 0:
                    del value[at]
                case 1:
                    extra = [value[at]] * rng.choice((1, 2, 30))
                    value.extend(extra)
                case 2:
                    other = rng.randrange(len(value))
                    items = list(value)
                    items[at], items[other] = items[other], items[at]
                    copies = [type(x).FromString(x.SerializeToString()) if hasattr(x, "ListFields") else x for x in items]
                    message.ClearField(name)
                    getattr(message, name).extend(copies)
                case 3 if descriptor.message_type is None:
                    value[at] = _odd(descriptor.type, rng, value[at], words)
        elif descriptor.message_type is None:
            setattr(message, name, _odd(descriptor.type, rng, value, words))
        elif rng.random() < 0.3:
            message.ClearField(name)


def _change_meaning(model: ModelProto, rng: random.Random) -> None:
    """A change after which the file is mostly still one that ONNX's checker lets pass."""
    nodes, tensors = list(model.graph.node), list(model.graph.initializer)
    names = [value.name for value in model.graph.input] + [name for node in nodes for name in node.output]
    choice = rng.randrange(5)
    if choice == 0 and tensors:
        tensor = rng.choice(tensors)
        shape = [rng.choice((0, 1, 1, 2, 3, 4, 5, 8, 33)) for _ in range(rng.choice((0, 1, 1, 4, 4, 4, 5)))]
        kind = rng.choice(("f4", "f4", "f4", "i8", "i1", "u1", "f2", "f8"))
        odd = [rng.choice((0, 1, -1, 2, 3, 0.5, 100)) for _ in range(math.prod(shape))]
        made = numpy_helper.from_array(np.array(odd, np.float64).reshape(shape).astype(kind), tensor.name)
        tensor.CopyFrom(made)
    elif choice == 1 and nodes:
        node = rng.choice(nodes)
        by_inputs = {1: _ONE_INPUT, 2: _TWO_INPUTS}.get(len(node.input), ())
        if by_inputs:
            node.op_type = rng.choice(by_inputs)
            if rng.random() < 0.8:
                del node.attribute[:]
    elif choice == 2 and nodes:
        node = rng.choice(nodes)
        if node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice([*names, *(tensor.name for tensor in tensors)])
    elif choice == 3 and nodes:
        found = [attribute for node in nodes for attribute in node.attribute if attribute.type in (2, 7)]
        if found:
            attribute = rng.choice(found)
            if attribute.type == 2:
                attribute.i = rng.choice(_ODD_INTEGERS)
            elif attribute.ints:
                attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(_ODD_INTEGERS)
    elif nodes:
        at = rng.randrange(len(nodes))
        copy = type(nodes[at]).FromString(nodes[at].SerializeToString())
        copy.output[:] = [f"{name}_{rng.randrange(10**6)}" for name in copy.output]
        model.graph.node.insert(at + 1, copy)
        for later in model.graph.node[at + 2 :]:
            for i, name in enumerate(later.input):
                if name in nodes[at].output and rng.random() < 0.5:
                    later.input[i] = copy.output[list(nodes[at].output).index(name)]


def mutated(data: bytes, rng: random.Random, words: list[Any]) -> bytes:
    """The file `data`, with a few parts or bytes changed."""
    if rng.random() < 0.8:
        with contextlib.suppress(Exception):  # a file that is hostile by its bytes: those are changed below
            model = ModelProto.FromString(data)
            for _ in range(rng.choice((1, 1, 2, 3, 6))):
                if rng.random() < 0.7:
                    _change_meaning(model, rng)
                    continue
                _change_field(rng.choice(list(_messages(model))), rng, words)
            return bytes(model.SerializeToString())
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if not found:
            break
        at = rng.randrange(len(found))
        match rng.randrange(5):
            case 0:
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                found[at] = rng.choice((0, 1, 127, 128, 255))
            case 2:
                del found[at : at + rng.choice((1, 4, 100))]
            case 3:
                found[at:at] = found[at : at + rng.choice((1, 8, 200))]
            case 4:
                del found[rng.randrange(len(found)) :]
    return bytes(found)


def models(seed: int) -> Iterator[tuple[str, bytes]]:
    """Every seed as it is, then mutations without end; the same ones for the same `seed`."""
    from pocketsr import models as shipped

    seeds = {name: made.SerializeToString() for name, made in working().items()} | hostile()
    for name in ("bicubic", "tiny", "small-w8a8"):
        seeds[name] = shipped.resolve(name).read_bytes()
    yield from seeds.items()
    good = [name for name in seeds if "/" not in name]
    small = {name: data for name, data in seeds.items() if len(data) < 100_000}
    words = sorted({node.op_type for made in working().values() for node in made.graph.node} | {"x", "y", "t", "c1", "w1"})
    words += ["GlobalAveragePool", "MaxPool", "Loop", "Einsum", "Softmax", "Where", "Cast", "Sum", "TopK", "NonZero"]
    rng = random.Random(seed)
    for number in range(10**9):
        name = rng.choice(good) if rng.random() < 0.7 else rng.choice(list(small))
        yield f"{number}:{name}", mutated(seeds[name], rng, words)


# what is tried


def attempt(path: Path, other_runtimes: bool) -> str:
    """Everything that happens to a model before C is compiled; the reason where it is refused."""
    from pocketsr.engine import read_network
    from pocketsr.engine.emit import emit
    from pocketsr.engine.plan import make_plan
    from pocketsr.engine.target import cross_target
    from pocketsr.errors import UserError

    try:
        graph, _ = read_network(path)
        emit(make_plan(graph, cross_target("x86_64-linux-gnu")))
    except UserError as error:
        reason = str(error)
    else:
        return "taken"
    if other_runtimes:
        from pocketsr.whole.session import Session

        with contextlib.suppress(UserError):
            Session(path, 1).field()
    return reason


def _verdict(path: Path, other_runtimes: bool) -> dict[str, Any]:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory starts anew
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, CPU_S)  # its default action ends the process, whatever it is doing
    try:
        reason = attempt(path, other_runtimes)
        kind, detail = ("taken" if reason == "taken" else "refused"), reason
        if "\n" in reason or len(reason) > 1200 or not all(c.isprintable() for c in reason):
            kind = "unclear"
    except MemoryError:
        kind, detail = "memory", "MemoryError"
    except BaseException:
        kind, detail = "traceback", traceback.format_exc(limit=-4)
    signal.setitimer(signal.ITIMER_PROF, 0)
    peak = next((line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")), "0 0")
    if kind in GOOD and int(peak.split()[1]) * 1024 > MEMORY:
        kind, detail = "memory", peak
    return {"kind": kind, "detail": detail, "cpu": time.process_time() - started, "peak": int(peak.split()[1]) * 1024}


def _work(other_runtimes: bool) -> None:
    """The child: a path in, a verdict out."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(_verdict(Path(line.rstrip("\n")), other_runtimes)) + "\n")
        answers.flush()


class Child:
    """A process that tries models; a new one takes its place when it dies."""

    def __init__(self, other_runtimes: bool) -> None:
        self._command = [sys.executable, __file__, "--child", *(["--other-runtimes"] if other_runtimes else [])]
        self._process: subprocess.Popen[str] | None = None

    def try_model(self, path: Path) -> dict[str, Any]:
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, bufsize=1
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n")
        if select.select([process.stdout], [], [], 30 * CPU_S)[0] and (answer := process.stdout.readline()):
            found: dict[str, Any] = json.loads(answer)
            return found
        process.kill()
        code = process.wait()
        self._process = None
        kind = "time" if code in (-signal.SIGPROF, -signal.SIGKILL) else "died"
        return {"kind": kind, "detail": f"exit code {code}", "cpu": CPU_S, "peak": 0}

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def fuzz(
    seed: int, enough: Callable[[int], bool], keep: Path | None, other_runtimes: bool
) -> tuple[collections.Counter[str], list[str]]:
    """How many models ended in which way, and the faults."""
    counts: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    child = Child(other_runtimes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        for number, (name, data) in enumerate(models(seed)):
            if enough(number):
                break
            path.write_bytes(data)
            verdict = child.try_model(path)
            counts[verdict["kind"]] += 1
            if verdict["kind"] not in GOOD:
                faults.append(f"{name}: {verdict['kind']} {verdict['detail']}")
                print(faults[-1], flush=True)
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{seed}_{number}.onnx").write_bytes(data)
            if number % 1000 == 999:
                print(f"{number + 1}: {dict(counts)}", flush=True)
    child.close()
    return counts, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for models that made a fault")
    parser.add_argument("--other-runtimes", action="store_true", help="what the engine refuses goes to ONNX Runtime")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        _work(args.other_runtimes)
        return 0
    end = time.monotonic() + args.seconds
    counts, faults = fuzz(args.seed, lambda _: time.monotonic() > end, args.keep, args.other_runtimes)
    print(f"{sum(counts.values())} models: {dict(counts)}; {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
