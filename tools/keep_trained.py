"""Keep a published network that was trained here: `python tools/keep_trained.py runs/sesr-m5`.

Writes checkpoints/NAME.safetensors: the run's best averaged weights, collapsed, which `pocketsr bench quality -m all`
measures as 'trained here' and `-m NAME --weights FILE` runs. NAME is the recipe's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from safetensors.torch import save

from pocketsr.atomic_io import replacing
from pocketsr.bench.contenders import TRAINED_HERE
from pocketsr.reparam import collapse
from pocketsr.train.checkpoint import load_checkpoint, load_network

__all__ = ["keep"]

CHECKPOINTS = Path(__file__).resolve().parents[1] / "checkpoints"


def keep(run: Path, folder: Path = CHECKPOINTS) -> Path:
    """The file that was written. Raises UserError where `run` holds no trained network."""
    state = load_checkpoint(run / "best.pt")
    recipe = state["recipe"]
    file = folder / f"{recipe['name']}.safetensors"
    about = {"made_by": f"{recipe['steps']:,} steps of {recipe['batch']} patches"}
    with replacing(file) as part:
        part.write_bytes(save(collapse(load_network(run / "best.pt")).state_dict(), TRAINED_HERE | about))
    return file


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(keep(Path(sys.argv[1])))
