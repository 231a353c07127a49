"""How `upscale --ray` scales, into benchmarks/ray.json: `python tools/record_ray.py` (needs Ray).

One clip of 1,800 frames, 320x180, goes through `small`: by one process with a thread for each core, and as segments on
Ray clusters of one and of two nodes with one core each, which are there before the clock starts. Whole commands are
timed, in turns; all outputs have to be the same, byte for byte. On one machine that says what Ray costs and whether its
tasks share the cores; what many machines gain is not measured here.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import av
import numpy as np
import ray
from ray.cluster_utils import Cluster

from pocketsr.bench.machine import describe_machine

RESULT = Path(__file__).resolve().parents[1] / "benchmarks" / "ray.json"
FRAMES, WIDTH, HEIGHT = 1800, 320, 180


def _make(path: Path) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(FRAMES):
            wave = (np.sin((x * 3 + y * 2 + index * 5) / 23) * 0.4 + 0.5) * 255
            frame = av.VideoFrame.from_ndarray(np.repeat(wave[..., None], 3, axis=2).astype(np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _timed(clip: Path, output: Path, *more: str) -> tuple[float, str]:
    command = [sys.executable, "-m", "pocketsr", "upscale", str(clip), "-o", str(output), "-y", *more]
    began = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began, hashlib.sha256(output.read_bytes()).hexdigest()


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds: dict[str, list[float]] = {"one process": [], "Ray, one core": [], "Ray, two cores": []}
    made = set()
    with tempfile.TemporaryDirectory() as scratch:
        clip, output = Path(scratch) / "clip.mp4", Path(scratch) / "out.mp4"
        _make(clip)
        _timed(clip, output)  # what is to be compiled is
        for _ in range(rounds):
            for name, found in seconds.items():
                if name == "one process":
                    took, digest = _timed(clip, output)
                else:
                    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
                    try:
                        if name == "Ray, two cores":
                            cluster.add_node(num_cpus=1)
                        cluster.wait_for_nodes()
                        took, digest = _timed(clip, output, "--ray", cluster.address)
                    finally:
                        cluster.shutdown()
                found.append(took)
                made.add(digest)
    if len(made) != 1:
        raise SystemExit("the outputs differ")
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    result = {
        "machine": describe_machine(),
        "ray": ray.__version__,
        "load_average": round(os.getloadavg()[0], 1),
        "command": "python tools/record_ray.py",
        "rounds": rounds,
        "frames": FRAMES,
        "seconds": {name: round(median, 2) for name, median in medians.items()},
        "two_cores_by_one": round(medians["Ray, one core"] / medians["Ray, two cores"], 2),
        "outputs_equal": True,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
