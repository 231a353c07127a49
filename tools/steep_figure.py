"""How kernels are chosen, drawn: `python tools/steep_figure.py` writes docs/steep.png.

A picture, the classes of its pixels, and for those of the least and the most strength the kernel that the whole network
amounts to there: what one brighter LR pixel adds to the pixels around it, all of them being of that class. From
checkpoints/steep-tiny.pt.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

import pocketsr.bench
from pocketsr.nets.pocket import Pocket
from pocketsr.pixels import imresize, rgb_to_luma
from pocketsr.pixels.structure import DIRECTIONS, structure_classes
from pocketsr.train.checkpoint import load_network

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINT, PICTURE = ROOT / "checkpoints" / "steep-tiny.pt", ROOT / "docs" / "steep.png"
CUT = (slice(60, 180), slice(150, 310))  # of the LR picture
SIDE, SHOWN = 21, 6  # LR pixels of the flat plane around the brighter one; HR pixels shown to each side of it
GREY, MORE = 0.5, 0.05
WORDS = ("weak slopes", "steep slopes")  # the least strength, and the most


def colour_of(classes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """H W to H W 3: direction as hue, strength as brightness."""
    hue = classes % DIRECTIONS / DIRECTIONS
    value = np.array([0.35, 0.65, 0.95])[np.minimum(classes // DIRECTIONS, 2)]
    return np.asarray(hsv_to_rgb(np.stack([hue, np.full(hue.shape, 0.65), value], -1)))


def kernel_of(net: Pocket, number: int) -> NDArray[np.float64]:
    """Of HR pixels around a brighter LR pixel, what it adds to them, where all pixels are of class `number`."""

    def all_alike(x: Tensor, pad: bool) -> Tensor:
        rows, columns = x.shape[2:] if pad else (side - 2 * 3 for side in x.shape[2:])
        return torch.full((len(x), rows, columns), number, dtype=torch.int32)

    net._classes = all_alike  # type: ignore[method-assign]
    flat = torch.full((1, 1, SIDE, SIDE), GREY)
    spot = flat.clone()
    spot[..., SIDE // 2, SIDE // 2] += MORE
    with torch.no_grad():
        response = ((net(spot) - net(flat)) / MORE)[0, 0].double().numpy()
    middle = SIDE // 2 * 2
    around = slice(middle - SHOWN + 1, middle + SHOWN + 1)
    return np.asarray(response[around, around])


def _bare(axes: Axes, title: str) -> None:
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9, color="#222222")


def draw() -> Figure:
    """The figure."""
    net = cast(Pocket, load_network(CHECKPOINT))
    assert net.limits is not None
    limits = net.limits
    with Image.open(Path(pocketsr.bench.__file__).parent / "picture.webp") as image:
        luma = np.rint(rgb_to_luma(np.asarray(image.convert("RGB")))).astype(np.uint8)
    lr = imresize(luma, 0.5)
    classes = structure_classes(lr, limits)
    figure = Figure(figsize=(11, 5.6), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        1, 2, width_ratios=(1, 2.35), left=0.015, right=0.985, top=0.94, bottom=0.02, wspace=0.04
    )
    left = grid[0].subgridspec(2, 1, hspace=0.12)
    pictures = [figure.add_subplot(left[row, 0]) for row in range(2)]
    pictures[0].imshow(lr[CUT], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    _bare(pictures[0], "the small picture")
    pictures[1].imshow(colour_of(classes[CUT]), interpolation="nearest")
    _bare(pictures[1], "the class of each pixel")
    right = grid[1].subgridspec(4, DIRECTIONS // 2, hspace=0.24, wspace=0.06)
    kernels = [kernel_of(net, number) for number in range(DIRECTIONS * (len(limits) + 1))]
    most = 0.6 * max(float(np.abs(kernel).max()) for kernel in kernels)  # so that what is small is seen
    shown = [*range(DIRECTIONS), *range(len(kernels) - DIRECTIONS, len(kernels))]
    for place, number in enumerate(shown):
        axes, kernel = figure.add_subplot(right[place // 4, place % 4]), kernels[number]
        axes.imshow(kernel, cmap=mpl.colormaps["RdBu"], vmin=-most, vmax=most, interpolation="nearest")
        for side in axes.spines.values():
            side.set(color=colour_of(np.array([[number]], np.uint8))[0, 0], linewidth=4)
        _bare(axes, f"{WORDS[place // DIRECTIONS]}, {number % DIRECTIONS * 22.5:g} degrees")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws classes of pixels and the kernels that they choose.")
    parser.add_argument("-o", "--output", type=Path, default=PICTURE)
    draw().savefig(parser.parse_args().output)


if __name__ == "__main__":
    main()
