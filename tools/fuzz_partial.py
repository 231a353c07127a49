"""Parts of frames against whole ones, at random, for as long as is asked: `python tools/fuzz_partial.py --minutes 60`.

Every shipped network, the tests' own, chroma, and two by block; sizes from 1x1, all types of samples, one to three
threads, sequences with cuts and masks at random. Prints the seed of each round; stops with the first difference.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "engine"))

from engine_nets import NETS, save  # type: ignore[import-not-found]
from partial_runs import check_remembered, check_sequence, check_wanted  # type: ignore[import-not-found]
from quantized_nets import WHOLE, save_whole  # type: ignore[import-not-found]

from pocketsr import models
from pocketsr.adaptive import Adaptive, open_adaptive
from pocketsr.engine import Network, load, load_chroma

_ROUND_S = 5.0


def _networks(folder: Path) -> list[tuple[str, Path | None]]:
    named: list[tuple[str, Path | None]] = [(name, None) for name in models.SHIPPED]
    named += [(name, save(name, folder)) for name in NETS]
    named += [(name, save_whole(name, folder)) for name in WHOLE]
    return [*named, ("chroma", None), ("adaptive", None), ("adaptive-told", None)]


def _opened(name: str, path: Path | None, rng: np.random.Generator) -> Network | Adaptive:
    threads = int(rng.integers(1, 4))
    if name == "adaptive":
        return open_adaptive("tiny", "small-w8a8", threads=threads, least_db=rng.random(), share=rng.random())
    if name == "adaptive-told":
        return open_adaptive("small-call-w8a8", "medium-call", threads=threads, least_db=rng.random() / 3)
    if name == "chroma":
        siting = ("left", "center", "topleft")[rng.integers(3)]
        return load_chroma(int(rng.integers(2, 5)), siting, threads)  # type: ignore[arg-type]
    return load(path or name, threads)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-m", "--model", help="this one alone")
    args = parser.parse_args()
    end, seed, checks = time.monotonic() + 60 * args.minutes, args.seed, 0
    with tempfile.TemporaryDirectory() as folder:
        named = [each for each in _networks(Path(folder)) if args.model in (None, each[0])]
        while time.monotonic() < end:
            rng = np.random.default_rng(seed)
            name, path = named[seed % len(named)]
            print(f"seed {seed}: {name}", flush=True)
            seed += 1
            network, until = _opened(name, path, rng), time.monotonic() + _ROUND_S
            while time.monotonic() < until:
                height, width = (int(rng.integers(1, 2 ** rng.integers(1, most))) for most in (8, 10))
                kind = (np.uint8, np.uint16, np.float32)[rng.integers(3)]
                if isinstance(network, Adaptive):
                    check_remembered(network, rng, height, width, kind)
                    checks += 1
                    continue
                check_sequence(network, rng, height, width, kind)
                check_wanted(network, rng, height, width, kind)
                checks += 2
            network.close()
    print(f"{checks} sequences and masks, no difference")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
