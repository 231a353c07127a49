"""Time one 3x3 layer of 16 channels in floats and in low precision: `python tools/record_low_bit.py`.

Chains of 2 and of 6 layers, untrained, are quantized and run in turns on 640x360 pixels with 2 threads; a layer takes a
quarter of the difference. Writes the medians to benchmarks/low_bit.json. About a minute; leave the machine alone.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from pocketsr.bench.machine import describe_machine
from pocketsr.engine import Network, load, read_network
from pocketsr.engine.ir.graph import Conv
from pocketsr.nets import build, to_onnx
from pocketsr.quant import Spec, quantize, write_onnx
from pocketsr.reparam import collapse

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "low_bit.json"
CHANNELS, DEPTHS = 16, (2, 6)
SPECS = ("fp32", "w8a8", "w4a4", "w2a8", "w2a4", "w2a2")
SIZE, THREADS, ROUNDS, FRAMES = (640, 360), 2, 40, 4


def _networks(folder: Path) -> dict[tuple[str, int], Network]:
    pictures = torch.rand(8, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    found = {}
    for depth in DEPTHS:
        torch.manual_seed(depth)
        layers = [{"channels": CHANNELS}] * (depth + 1) + [{"channels": 4}]
        net = collapse(build("pocket", layers=layers, zero_mean=False))
        for weight in net.parameters():
            if weight.ndim == 4:  # normal, of which ternary weights keep 56 %: more than trained networks do
                torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
        to_onnx(net, folder / f"fp32_{depth}.onnx")
        for spec in SPECS:
            path = folder / f"{spec}_{depth}.onnx"
            if spec != "fp32":
                source = folder / f"fp32_{depth}.onnx"
                write_onnx(quantize(source, Spec.parse(spec), pictures, bias_correction=False, equalise=False), path)
            found[spec, depth] = load(path, threads=THREADS)
    return found


def _nonzero(path: Path) -> float:
    """The share of weights other than 0 in the inner layers."""
    convolutions = [op for op in read_network(path)[0].ops if isinstance(op, Conv)][1:-1]
    return float(np.mean([(op.integers.weight if op.integers else op.weight) != 0 for op in convolutions]))


def _layer_ms(networks: dict[tuple[str, int], Network]) -> dict[str, float]:
    """Of each spec: medians over all rounds, the longer chain's less the shorter one's."""
    frame = np.random.default_rng(0).integers(0, 256, SIZE[::-1], np.uint8)
    times: dict[tuple[str, int], list[float]] = {key: [] for key in networks}
    order = list(networks)
    for number in range(ROUNDS):
        for key in order[number % len(order) :] + order[: number % len(order)]:
            networks[key](frame)
            for _ in range(FRAMES):
                start = time.perf_counter()
                networks[key](frame)
                times[key].append((time.perf_counter() - start) * 1e3)
    short, long = DEPTHS
    middle = {key: statistics.median(found) for key, found in times.items()}
    return {spec: (middle[spec, long] - middle[spec, short]) / (long - short) for spec in SPECS}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        layer_ms = _layer_ms(_networks(Path(scratch)))
        nonzero = {spec: _nonzero(Path(scratch, f"{spec}_{DEPTHS[-1]}.onnx")) for spec in SPECS}
    rows = [
        {
            "spec": spec,
            "nonzero_weights": round(nonzero[spec], 3),
            "layer_ms": round(ms, 4),
            "times_as_fast_as_fp32": round(layer_ms["fp32"] / ms, 2),
        }
        for spec, ms in layer_ms.items()
    ]
    layer = f"3x3, {CHANNELS} to {CHANNELS} channels, PReLU"
    head = {"machine": describe_machine(), "command": "python tools/record_low_bit.py", "layer": layer}
    result = head | {"size": list(SIZE), "threads": THREADS, "rows": rows}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["rows"], indent=1))
