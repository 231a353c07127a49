"""Train `pocketsr/adaptive/gain.onnx` anew: `python tools/train_gain.py ../shared/data` (about 6 minutes on one core).

It learns what `quality` changes in the results of `small`, from the training pictures, a quarter of them through JPEG,
and from frames of call clips as they come out of a codec; never from test sets or the clips that calls are measured
with. Prints, for the files kept apart: the share of blocks that hold 90 and 95 % of the difference when they are taken
in the order of the prediction, in the true order, and by the mean squared Laplacian.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from pocketsr.adaptive.gain import GAIN, LEAST, OCTAVES, block_means
from pocketsr.atomic_io import replacing
from pocketsr.data import CodecSetting, Plane, add_jpeg, find_clips, load_images, read_clip, scaled_kbps, send_clip
from pocketsr.engine import load
from pocketsr.pixels import imresize

CHEAP, GOOD = "small", "quality"
PICTURES, KEPT_APART = 420, 70  # of the training pictures
WIDTHS = (8, 8)
STEPS, BATCH, SIDE, RATE = 3000, 24, 64, 1e-2
_EVERY = 8  # files: one for validation
_FRAMES = 24
_RATES_KBPS = (150, 300, 600)


class Sample(NamedTuple):
    """lr: (H, W) luma. apart: of each block, the mean squared difference of both results, in squared levels."""

    lr: Plane
    apart: NDArray[np.float32]


def samples_of(planes: Iterator[tuple[bool, Plane]]) -> tuple[list[Sample], list[Sample]]:
    """(to train with, to validate with); each plane comes with which it is for."""
    nets = [load(name, 1) for name in (CHEAP, GOOD)]
    sides: tuple[list[Sample], list[Sample]] = ([], [])
    for valid, lr in planes:
        deep = lr.astype(np.uint16) * 257
        cheap, good = (net(deep).astype(np.float32) / 257 for net in nets)
        apart = np.square(good - cheap)
        mean = (apart[::2, ::2] + apart[1::2, ::2] + apart[::2, 1::2] + apart[1::2, 1::2]) / 4
        sides[valid].append(Sample(lr, block_means(mean)))
    return sides


def pictures(data: Path, rng: np.random.Generator) -> Iterator[tuple[bool, Plane]]:
    """Training pictures of many kinds, shrunk as the protocol does."""
    pairs = load_images([data / "train", data / "train_more"], exclude=["div2k_crops/*", "clic_half/*"])
    left = [PICTURES, KEPT_APART]
    for index in rng.permutation(len(pairs)):
        pair = pairs[index]
        valid = sum(pair.file.encode()) % _EVERY == 0
        if left[valid]:
            left[valid] -= 1
            compressed = not valid and rng.random() < 0.25
            yield valid, add_jpeg(pair.lr, int(rng.integers(40, 95))) if compressed else pair.lr


def calls(data: Path) -> Iterator[tuple[bool, Plane]]:
    """Two frames of each call clip for training, as a receiver has them."""
    for index, path in enumerate(find_clips(data / "clips_call")):
        clip = read_clip(path, _FRAMES)
        small = [imresize(frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2], 1 / 2) for frame in clip.frames]
        height, width = small[0].shape
        kbps = scaled_kbps(_RATES_KBPS[index % 3], width, height)
        received, _ = send_clip(small, CodecSetting("h264" if index % 2 else "vp9", kbps, clip.fps, 300))
        for number in (5, 20):
            yield index % 5 == 0, received[min(number, len(received) - 1)]


def wanted(apart: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the network is to give: see `gain`."""
    return ((np.log2(apart + np.float32(2.0**LEAST)) - LEAST) / OCTAVES).astype(np.float32)


def build() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 1
    for width in WIDTHS:
        layers += [nn.ReplicationPad2d(1), nn.Conv2d(channels, width, 3), nn.PReLU(width, init=-0.5)]  # nearly |x|
        channels = width
    return nn.Sequential(*layers, nn.ReplicationPad2d(1), nn.Conv2d(channels, 1, 3))


def train(samples: Sequence[Sample], rng: np.random.Generator) -> nn.Sequential:
    """Least squares of octaves, of blocks in patches at random."""
    net = build()
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS, pct_start=0.1)
    large = [(sample.lr, wanted(sample.apart)) for sample in samples if min(sample.lr.shape) >= SIDE]
    for _ in range(STEPS):
        given, expected = [], []
        for index in rng.integers(len(large), size=BATCH):
            lr, target = large[index]
            y, x = (int(rng.integers((have - SIDE) // of + 1)) for have, of in zip(lr.shape, (4, 8), strict=True))
            given.append(lr[4 * y : 4 * y + SIDE, 8 * x : 8 * x + SIDE])
            expected.append(target[y : y + SIDE // 4, x : x + SIDE // 8])
        made = net(torch.from_numpy(np.stack(given).astype(np.float32) / 255)[:, None])
        octaves = OCTAVES * (F.avg_pool2d(made, (4, 8))[:, 0] - torch.from_numpy(np.stack(expected)))
        optimiser.zero_grad()
        octaves.square().mean().backward()
        optimiser.step()
        rates.step()
    return net.eval()


def predicted(net: nn.Sequential, lr: Plane) -> NDArray[np.float32]:
    with torch.no_grad():
        made = net(torch.from_numpy(lr.astype(np.float32) / 255)[None, None])[0, 0].numpy()
    return block_means(made)


def laplacian(lr: Plane) -> NDArray[np.float32]:
    y = np.pad(lr.astype(np.float32), 1, mode="edge")
    second = 4 * y[1:-1, 1:-1] - y[:-2, 1:-1] - y[2:, 1:-1] - y[1:-1, :-2] - y[1:-1, 2:]
    return block_means(np.square(second))


def share_for(score: NDArray[np.float32], apart: NDArray[np.float32], keep: float) -> float:
    """Of the blocks, in the order of `score`, until they hold `keep` of all that is apart."""
    held = np.cumsum(apart.ravel()[np.argsort(-score.ravel(), kind="stable")], dtype=np.float64)
    return float((np.searchsorted(held, keep * held[-1]) + 1) / held.size)


def report(samples: Sequence[Sample], net: nn.Sequential) -> None:
    scores: dict[str, Callable[[Sample], NDArray[np.float32]]] = {
        "true": lambda sample: sample.apart,
        "predicted": lambda sample: predicted(net, sample.lr),
        "laplacian": lambda sample: laplacian(sample.lr),
    }
    for name, score in scores.items():
        shares = [np.mean([share_for(score(each), each.apart, keep) for each in samples]) for keep in (0.9, 0.95)]
        print(f"{name:10} 90 % in {shares[0]:.3f}, 95 % in {shares[1]:.3f} of the blocks")


def write(net: nn.Sequential, path: Path) -> None:
    """As ONNX, by hand: PyTorch's exporter writes fifteen nodes for a padding."""
    pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")
    nodes, constants, at = [], [pads], "luma"
    for index, layer in enumerate(net):
        to = f"x{index}"
        if isinstance(layer, nn.ReplicationPad2d):
            nodes.append(helper.make_node("Pad", [at, "pads"], [to], mode="edge"))
        else:
            values = {name: value.detach().numpy() for name, value in layer.named_parameters()}
            if isinstance(layer, nn.PReLU):
                values["weight"] = values["weight"][:, None, None]
            names = [f"{name}{index}" for name in values]
            constants += [numpy_helper.from_array(v, n) for n, v in zip(names, values.values(), strict=True)]
            kind = "PRelu" if isinstance(layer, nn.PReLU) else "Conv"
            nodes.append(helper.make_node(kind, [at, *names], [to]))
        at = to
    shape = [1, 1, "height", "width"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("luma", at)]
    graph = helper.make_graph(nodes, "gain", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"pocketsr.value_range": "1", "pocketsr.colour": "luma"})
    onnx.checker.check_model(model)
    with replacing(path) as part:
        part.write_bytes(model.SerializeToString())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=GAIN)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    of_pictures, of_calls = samples_of(pictures(args.data, rng)), samples_of(calls(args.data))
    net = train([*of_pictures[0], *of_calls[0]], rng)
    for name, samples in (("pictures", of_pictures[1]), ("calls", of_calls[1])):
        print(f"{len(samples)} {name} kept apart:")
        report(samples, net)
    write(net, args.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
