"""How fast shapes for `large` are: `python tools/time_large.py ../shared/data/weights/imdn_x2.safetensors`.

Candidates with random weights in the engine, networks that ship, and IMDN in ONNX Runtime, one thread each, in turns,
processor time. Prints a table, and writes it with `-o` as JSON; `--size` in LR pixels. Compiling a candidate takes up
to a minute.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch

from pocketsr.atomic_io import replacing
from pocketsr.bench.machine import describe_machine
from pocketsr.engine import load
from pocketsr.engine.analysis.count import count
from pocketsr.models import resolve
from pocketsr.nets import build, load_weights, to_onnx
from pocketsr.quant import Spec, quantize, read_source, write_onnx


class Shape(NamedTuple):
    """A network of the registry, in floats or quantized."""

    net: str
    config: dict[str, Any]
    spec: str | None = None


def _chain(width: int, spec: str | None = None) -> Shape:
    """`quality`'s sixteen layers, as recipes/large-first.yaml."""
    layers: list[dict[str, Any]] = [{"channels": width}] * 15
    return Shape("pocket", {"layers": [*layers, {"channels": 4, "add": [0]}]}, spec)


CANDIDATES = {
    "chain 48 w8a8": _chain(48, "w8a8"),
    "chain 42 w8a8": _chain(42, "w8a8"),
    "chain 48": _chain(48),
    "gated 42": Shape("gated", {"width": 42, "depthwise": (0, 7, 0, 7, 0, 7)}),
    "gated 36": Shape("gated", {"width": 36, "depthwise": (0, 7, 0, 7, 0, 7)}),
    "gated 48": Shape("gated", {"width": 48, "depthwise": (0, 7, 0, 7, 0, 7)}),
    "gated 42, dense": Shape("gated", {"width": 42}),
    "gated 42, depthwise 11": Shape("gated", {"width": 42, "depthwise": (11,) * 6}),
}
PEER = "imdn, ONNX Runtime"


def runs(
    candidates: dict[str, Shape], shipped: list[str], weights: Path, size: tuple[int, int], folder: Path
) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:  # fmt: skip
    """What is timed, by name, on one thread; and the parameters of each."""
    width, height = size
    rng = np.random.default_rng(0)
    plane, rgb = rng.integers(16, 236, (height, width), np.uint8), rng.random((1, 3, height, width), np.float32)
    found: dict[str, Callable[[], object]] = {}
    parameters: dict[str, int] = {}
    for name, shape in candidates.items():
        net = build(shape.net, **shape.config, block="plain")
        parameters[name] = sum(weight.numel() for weight in net.parameters())
        to_onnx(net, folder / "net.onnx")
        if shape.spec:
            patches = torch.from_numpy(rng.random((4, 1, 64, 64), np.float32))
            source = read_source(str(folder / "net.onnx"))
            write_onnx(quantize(source, Spec.parse(shape.spec), patches, "mse"), folder / "net.onnx")
        network = load(folder / "net.onnx", threads=1)
        found[name] = lambda network=network: network(plane)  # type: ignore[misc]
    for name in shipped:
        network = load(name, threads=1)
        parameters[name] = count(resolve(name)).params
        found[name] = lambda network=network: network(plane)  # type: ignore[misc]
    imdn = build("imdn")
    load_weights(imdn, weights)
    to_onnx(imdn.eval(), folder / "imdn.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "imdn.onnx"), options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0].name
    found[PEER] = lambda: session.run(None, {source: rgb})
    return found, parameters


def milliseconds(found: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median of `rounds`, in which each has its turn, after one that doesn't count."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds + 1):
        for name, run in found.items():
            started = time.process_time()
            run()
            times[name].append(1000 * (time.process_time() - started))
    return {name: statistics.median(each[1:]) for name, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Times shapes for `large` beside IMDN.")
    parser.add_argument("weights", type=Path, help="IMDN's, as safetensors")
    parser.add_argument("--size", default="160x90", help="LR pixels, WIDTHxHEIGHT")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", choices=CANDIDATES, help="these candidates")
    parser.add_argument("--shipped", nargs="*", default=["large", "quality"], help="networks that ship")
    parser.add_argument("-o", "--output", type=Path, help="JSON of the table, with the machine")
    args = parser.parse_args()
    torch.set_num_threads(1)
    width, height = (int(side) for side in args.size.split("x"))
    chosen = {name: CANDIDATES[name] for name in (CANDIDATES if args.only is None else args.only)}
    with tempfile.TemporaryDirectory() as folder:
        found, parameters = runs(chosen, args.shipped, args.weights, (width, height), Path(folder))
        measured = milliseconds(found, args.rounds)
    print(f"{'':20} {'params':>8} {'ms':>8} {'as fast as IMDN':>16}")
    for name, ms in measured.items():
        print(f"{name:20} {parameters.get(name, ''):>8} {ms:8.1f} {measured[PEER] / ms:15.1f}x")
    if args.output:
        rows = [
            {
                "name": name, "parameters": parameters.get(name), "ms": round(ms, 2),
                "times_as_fast": round(measured[PEER] / ms, 2),
            }
            for name, ms in measured.items()
        ]  # fmt: skip
        table = {"machine": describe_machine(), "threads": 1, "size": [width, height], "peer": PEER, "rows": rows}
        with replacing(args.output) as part:
            part.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
