"""Every network for every target that this machine can run, at every width, twice in poisoned memory: an hour's test.

    python tools/sweep_widths.py [--net NAME ...] [--target NAME ...] [--widths 200]

Prints a line a network and target; the exit code is 1 where a result was wrong. tests/engine has the short form.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "engine"))

from engine_nets import NETS, save  # type: ignore[import-not-found]
from every_width import TARGETS, built, faults, halo_of, widest_tile  # type: ignore[import-not-found]
from quantized_nets import WHOLE, save_whole  # type: ignore[import-not-found]

from pocketsr import models
from pocketsr.engine import read_network


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", nargs="*", default=[*models.SHIPPED, *NETS, *WHOLE])
    parser.add_argument("--target", nargs="*", default=list(TARGETS))
    parser.add_argument("--widths", type=int, default=200, help="at least; and three of the widest tile")
    args = parser.parse_args()
    bad = 0
    for name in args.net:
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            make = save if name in NETS else save_whole
            path = make(name, folder) if name in NETS or name in WHOLE else models.resolve(name)
            graph, halo = read_network(path)[0], halo_of(path)
            for target in args.target:
                network = built(graph, TARGETS[target], folder)
                widths = range(1, max(args.widths, 3 * widest_tile(network.plan) + 8) + 1)
                found = faults(network, halo, widths)
                bad += bool(found)
                print(
                    f"{name}, {target}: widths 1 to {widths[-1]}: {len(found)} faults",
                    *found[:5],
                    sep="\n    ",
                    flush=True,
                )
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
