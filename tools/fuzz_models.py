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

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "engine"))

from engine_nets import NETS  # type: ignore[import-not-found]
from hostile_models import hostile, working
from model_mutations import mutated

CPU_S, MEMORY, ADDRESSES = 20, 2 * 2**30, 6 * 2**30  # of one model: seconds, resident bytes, address space
GOOD = ("taken", "refused")


def models(seed: int, plain: bool = True) -> Iterator[tuple[str, bytes]]:
    """Every seed as it is, where `plain`, then mutations without end; the same ones for the same `seed`."""
    from pocketsr import models as shipped

    seeds = {name: made.SerializeToString() for name, made in working().items()} | hostile()
    for name in ("bicubic", "tiny", "small-w8a8"):
        seeds[name] = shipped.resolve(name).read_bytes()
    seeds["steep"] = NETS["steep"]().SerializeToString()
    if plain:
        yield from seeds.items()
    good = [name for name in seeds if "/" not in name]
    small = {name: data for name, data in seeds.items() if len(data) < 100_000}
    words = sorted(
        {node.op_type for made in working().values() for node in made.graph.node} | {"x", "y", "t", "c1", "w1"}
    )
    words += ["GlobalAveragePool", "MaxPool", "Loop", "Einsum", "Softmax", "Where", "Cast", "Sum", "TopK", "NonZero"]
    rng = random.Random(seed)
    for number in range(10**9):
        name = rng.choice(good) if rng.random() < 0.7 else rng.choice(list(small))
        yield f"{number}:{name}", mutated(seeds[name], rng, words)


# what is tried


def attempt(path: Path, other_runtimes: bool) -> str:
    """Everything that happens to a model before C is compiled; the reason where it is refused."""
    from pocketsr.engine import read_network
    from pocketsr.engine.codegen.emit import emit
    from pocketsr.engine.codegen.plan import make_plan
    from pocketsr.engine.codegen.target import cross_target
    from pocketsr.errors import UserError

    try:
        graph, _ = read_network(path)
        emit(make_plan(graph, cross_target("x86_64-linux-gnu")))
    except UserError as error:
        reason = str(error)
    else:
        return "taken"
    if other_runtimes:
        from pocketsr.fallback.session import Session

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
    peak = next(
        (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")), "0 0"
    )
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
    seed: int, enough: Callable[[int], bool], keep: Path | None = None, other_runtimes: bool = False, plain: bool = True
) -> tuple[collections.Counter[str], list[str]]:
    """How many models ended in which way, and the faults."""
    counts: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    child = Child(other_runtimes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        for number, (name, data) in enumerate(models(seed, plain)):
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
