"""`pocketsr quantize`: a network in low-bit integers."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.atomic_io import replacing
from pocketsr.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from pocketsr.data import Pair

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "give a network weights and planes of 8, 4 or 2 bits"

_EXTRA = ("lightning_fabric", "matplotlib", "msgspec", "torch", "yaml")
_PATCHES, _PATCH = 48, 96  # pieces of pictures by which ranges are chosen, and their side in LR pixels
_HELD_OUT = 8  # of so many pictures one is kept apart, up to so many pictures and so many HR pixels each
_MOST, _MOST_PIXELS = 24, 1_500_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a shipped network's name, or an ONNX file")
    parser.add_argument(
        "--spec", required=True, metavar="BITS",
        help="of weights and of stored planes: w8a8, w4a8, w2a8, w4a4, w2a4 or w2a2",
    )  # fmt: skip
    parser.add_argument(
        "--data", required=True, type=Path, metavar="DIR", help="of HR images, by which ranges are chosen"
    )
    parser.add_argument(
        "--ranges", choices=("mse", "minmax", "percentile"),
        help="how: by the least error (default), by all that is seen, or without the rarest",
    )  # fmt: skip
    parser.add_argument(
        "--qat",
        type=Path,
        metavar="RECIPE.yaml",
        help="then quantization-aware training by this recipe, in runs/NAME",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.onnx", help="default: MODEL-BITS.onnx")


def run(args: argparse.Namespace) -> int:
    try:
        from pocketsr.quant import Spec, read_source
        from pocketsr.train import parse_recipe, train  # noqa: F401  (what is missing shows before anything is read)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise UserError(f"quantizing needs {error.name}: pip install 'pocketsr[train]'") from error
    spec, source = Spec.parse(args.spec), read_source(args.model)
    if (source.graph.scale, source.graph.channels) != (2, 1):
        found = f"x{source.graph.scale} of {source.graph.channels} channels"
        raise UserError(f"{args.model} is {found}: x2 of luma (1 channel) is quantized here")
    output: Path = args.output or Path(f"{source.name}-{spec.name}.onnx")
    if output.exists():
        raise UserError(f"{output} exists already: name another file with -o")
    if not output.parent.is_dir():
        raise UserError(f"{output}: there is no folder {output.parent}")
    if args.qat:
        return _train(args, f"{source.name}-{spec.name}", output)
    _choose(args, output)
    return 0


def _choose(args: argparse.Namespace, output: Path) -> None:
    """Without training: ranges by pictures."""
    from pocketsr.quant import QuantNet, Spec, quantize, read_source, write_onnx
    from pocketsr.train.validate import valid_psnr_db

    to_choose, held_out = _pictures(args.data)
    source = read_source(args.model)
    net = quantize(source, Spec.parse(args.spec), _patches(to_choose), args.ranges or "mse")
    try:
        write_onnx(net, output)
    except OSError as error:
        raise UserError(f"{output} can't be written ({error.strerror}): name another file with -o") from error
    exact, few = (valid_psnr_db(each, held_out) for each in (QuantNet(source).eval(), net))
    size, apart = output.stat().st_size, f"{len(held_out)} picture{'s'[: len(held_out) > 1]} kept apart"
    print(f"{output}: {size:,} bytes; {few:.3f} dB on {apart}, {exact:.3f} dB in full precision")


def _pictures(folder: Path) -> tuple[list[Pair], list[Pair]]:
    """(to choose ranges by, to measure with), parted by their place in the list. Raises UserError for less than two."""
    from pocketsr.data import load_images

    pairs = load_images(folder)
    if len(pairs) < 2:
        raise UserError(f"{folder} holds one picture: one to choose by and another to measure with are needed")
    held_out = [pair for pair in pairs[::_HELD_OUT] if pair.hr.size <= _MOST_PIXELS][:_MOST] or pairs[:1]
    apart = {pair.name for pair in held_out}
    return [pair for pair in pairs if pair.name not in apart], held_out


def _patches(pairs: list[Pair]) -> Tensor:
    """Textured pieces of `pairs`: N 1 H W in 0..1."""
    import numpy as np

    from pocketsr.data import PatchPool

    side = min(_PATCH, max(min(pair.lr.shape) for pair in pairs))
    return PatchPool(pairs, side).batch(np.random.default_rng(0), _PATCHES)[0]


def _train(args: argparse.Namespace, name: str, output: Path) -> int:
    """With training: the recipe's, but for what the command line says."""
    from pocketsr.train import parse_recipe, train

    said = {"name": name, "data.folder": args.data, "quant.model": args.model, "quant.spec": args.spec}
    if args.ranges:
        said["quant.ranges"] = args.ranges
    changes = [f"{key}={json.dumps(str(value))}" for key, value in said.items()]
    recipe = parse_recipe(args.qat, ["net=null", "init=null", *changes])
    out = Path("runs") / recipe.name
    outcome = train(recipe, out)
    if not outcome.leader:
        return 0
    if not outcome.finished:
        again = shlex.join(["pocketsr", "train", str(out / "recipe.yaml"), "--out", str(out), "--resume"])
        print(f"pocketsr: stopped at step {outcome.step} of {recipe.steps}; go on with: {again}", file=sys.stderr)
        return 128 + (outcome.signal or signal.SIGINT)
    with replacing(output) as part:
        shutil.copyfile(out / f"{recipe.name}.onnx", part)
    print(f"{output}: {output.stat().st_size:,} bytes; {outcome.best_psnr_db:.3f} dB in validation, of {out}")
    return 0
