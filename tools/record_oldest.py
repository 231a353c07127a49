"""Do exported files load on the oldest runtimes that pyproject.toml names? `python tools/record_oldest.py [VENV]`.

Files are written here and run by these versions, in an environment of their own (VENV is made if it isn't there, and
kept; default: a temporary one), by the worker of `bench speed`, which checks what they give. Into
benchmarks/exports.json, "oldest".
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from record_exports import RESULTS, ROOT

from pocketsr.atomic_io import replacing
from pocketsr.bench.speed import prepare
from pocketsr.errors import UserError
from pocketsr.export import export

SIZE = (64, 48)
NETWORKS = ("tiny", "small-w8a8")
OLDEST = {
    "litert": ("ai-edge-litert", "2.0.2"),
    "ncnn": ("ncnn", "1.0.20221128"),
    "mnn": ("MNN", "3.6.0"),
    "qnn": ("onnxruntime", "1.20.0"),
    "neuropilot": ("onnxruntime", "1.20.0"),
}
"""By target: the package that runs its files, and the oldest version with a wheel for Python 3.11 that is allowed.
ExecuTorch's is the only one beside PyTorch 2.13 (1.5.1), and Core ML runs on no Linux."""


def _python(folder: Path) -> Path:
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        packages = sorted({f"{package}=={version}" for package, version in OLDEST.values()})
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def _answer(python: Path, job: dict[str, Any]) -> dict[str, Any]:
    """What the worker says of one file: its settings and version, or why it failed."""
    done = subprocess.run(
        [python, "-m", "pocketsr.bench.peers._worker", json.dumps(job)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    lines = done.stdout.splitlines()
    return dict(json.loads(lines[0])) if lines else {"failed": f"it ended with {done.returncode}"}


def _rows(python: Path) -> list[dict[str, Any]]:
    rows = []
    for network in NETWORKS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            job, _ = prepare(network, SIZE, 1, folder)
            for target, (package, version) in OLDEST.items():
                try:
                    file = next(
                        name
                        for name in export(target, network, folder / target, size=SIZE).files
                        if not name.endswith((".bin", ".txt"))
                    )
                except UserError as error:
                    print(f"{network} {target}: left out: {error}", file=sys.stderr)
                    continue
                said = _answer(python, {**job, "runtime": target, "file": str(folder / target / file)})
                row = {"network": network, "target": target, "package": package, "version": version}
                rows.append(row | {"loads": "failed" not in said and said["version"] == version})
                if "failed" in said:
                    print(f"{network} {target}: {said['failed']}", file=sys.stderr)
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        rows = _rows(_python(Path(sys.argv[1] if len(sys.argv) > 1 else scratch)))
    figures = json.loads(RESULTS.read_text()) | {"oldest": rows}
    with replacing(RESULTS) as part:
        part.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
