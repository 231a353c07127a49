"""What a recipe needs beside itself, and where that comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

from pocketsr.errors import UserError
from pocketsr.train.recipe import Recipe

__all__ = ["check_needs", "origin"]

# By the beginning of a file's, folder's or pattern's name. docs/data.md has the terms.
_ORIGINS = {
    "bsds400": "BSDS500's train and test pictures, www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds",
    "bursts": "bursts of training pictures that tools/make_bursts.py makes, as recipes/burst.yaml says",
    "cid22": "CID22's training set, cloudinary.com/labs/cid22",
    "clic": "CLIC 2025's validation pictures shrunk by 2, compression.cc; clic/* of older recipes is clic_half/* now",
    "div2k": "DIV2K, data.vision.ee.ethz.ch/cvl/DIV2K",
    "featured": "Wikipedia's featured pictures, commons.wikimedia.org, shrunk",
    "gb82": "the gb82 image set, github.com/gianni-rosato/gb82-image-set",
    "general100": "General100, of FSRCNN's authors, mmlab.ie.cuhk.edu.hk/projects/FSRCNN.html",
    "* kbps *": "clips and photographs of this recipe, through the encoders of calls",
    "page": "pages that tools/draw_pages.py draws with the fonts of packages that recipes/screen.yaml names",
    "small*": "small text that tools/draw_pages.py --small draws, as recipes/screen.yaml says",
    "screen": "the screen content of github.com/gianni-rosato/gb82-image-set",
    "t91": "T91, of Yang et al., with FSRCNN's General100 at mmlab.ie.cuhk.edu.hk/projects/FSRCNN.html",
    "carn_m": "CARN-M, github.com/nmhkahn/CARN-pytorch",
    "echosr": "EchoSR, github.com/funnyWang-Echoes/EchoSR",
    "etds": "ETDS, github.com/ECNUSR/ETDS",
    "imdn": "IMDN, github.com/Zheng222/IMDN",
    "pan_x": "PAN, github.com/zhaohengyuan1/PAN",
    "smfanet": "SMFANet, github.com/Zheng-MJ/SMFANet; docs/data.md converts its .pth",
}
# Folders that hold several collections, by their last two names.
_COLLECTIONS = {
    ("data", "train"): ("cid22", "div2k", "general100", "t91"),
    ("data", "train_more"): ("bsds400", "clic", "featured", "gb82", "screen"),
}


def origin(name: str) -> str | None:
    """Where what is called so, a path or a pattern, comes from; None where it is not known."""
    path = PurePath(name.replace("\\", "/"))
    if collections := _COLLECTIONS.get((path.parent.name, path.name)):
        return "; ".join(_ORIGINS[each] for each in collections)
    for part in reversed(path.parts):
        for begin, where in _ORIGINS.items():
            if part.lower().startswith(begin):
                return where
    return None


def check_needs(recipe: Recipe, *, resuming: bool = False, pictures: bool = True, option: str = "--set") -> None:
    """Raises UserError where a folder or file that the recipe names is absent: which, and where it comes from.

    resuming: whether the run is resumed from a checkpoint, and so needs no initial weights.
    pictures: whether images are still to be read.
    option: of the command line, by which this recipe is changed.
    """
    for key, kind, name, remedy in _needs(recipe, resuming, pictures):
        try:
            there = Path(name).exists()
        except (OSError, ValueError):  # a name that can't be one: whoever opens it says so
            continue
        if not there:
            known = origin(name)
            change = f"{option} {key}={'DIR' if kind == 'folder' else 'FILE'}"
            raise UserError(f"{key}: no such {kind}: {name}{f' ({known})' if known else ''}; {remedy} {change}")


def _needs(recipe: Recipe, resuming: bool, pictures: bool) -> Iterator[tuple[str, str, str, str]]:
    """(key, what it is, path, what to do) of what must be there."""
    data, codec, teacher = recipe.data, recipe.data.codec, recipe.teacher
    if pictures and (codec is None or codec.panned_clips):
        for folder in data.folders():
            yield "data.folder", "folder", str(folder), "get it (docs/data.md), or take others:"
    if pictures and codec is not None:
        remedy = "any clips in good quality do (docs/data.md):"
        for folder in codec.folders():
            yield "data.codec.clips", "folder", str(folder), remedy
    if teacher and teacher.weights:
        yield "teacher.weights", "file of weights", teacher.weights, "get it, or name it where it lies:"
    elif teacher and teacher.model.endswith(".pt"):
        yield "teacher.model", "checkpoint", teacher.model, "train it, or name another:"
    if recipe.quant and not resuming and isinstance(recipe.quant.model, str) and recipe.quant.model.endswith(".pt"):
        yield "quant.model", "checkpoint", recipe.quant.model, "train it, or name another:"
    if isinstance(recipe.init, str) and not (resuming and not recipe.init_share):
        yield "init", "checkpoint", recipe.init, "train it, or name another:"
