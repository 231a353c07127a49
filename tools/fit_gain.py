"""Make `pocketsr/adaptive/gain.json` and two networks anew: `python tools/fit_gain.py ../shared/data` (three minutes).

The networks are the magnitudes of the Laplacian and of the gradient. The JSON tells what the first says of a block, on
training pictures (a quarter of them through JPEG) and on frames of call clips as they come out of a codec; never on
test sets or the clips that calls are measured with. `curve`: by half octaves of the mean magnitude, the share of the
blocks, the mean squared difference of both networks, and what the good one takes off the squared error, in levels.
`scale`, `floor`, `noise`: of noise + scale * (magnitude^2 - floor^2), over those half octaves that gain more than
noise, which is what those below the floor gain: the rounding of the cheap network, alike wherever a picture isn't flat.
`shares` are those of the blocks that hold 90 and 95 % of the difference, in the order of this measure, of a regression
on twenty features of other filters, and in the true one. `weights`, `lost`, `pictures`: see `tools/fit_worths.py`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from fit_worths import fit_worths
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pocketsr.adaptive.gain import GAIN, GRADIENT, block_means
from pocketsr.atomic_io import replacing
from pocketsr.data import CodecSetting, Plane, add_jpeg, find_clips, load_images, read_clip, scaled_kbps, send_clip
from pocketsr.engine import load
from pocketsr.pixels import imresize

CHEAP, GOOD = "small-w8a8", "quality"
PICTURES = 150
_FLOORS = 4.5  # levels: half octaves from there on gain with any pair
_FRAMES, _RATES_KBPS = 24, (150, 300, 600)
Taps = tuple[tuple[int, int, int], ...]
_LAPLACIAN: Taps = ((0, -1, 0), (-1, 4, -1), (0, -1, 0))
_DIFFERENCES: tuple[Taps, ...] = (
    ((0, 0, 0), (-1, 0, 1), (0, 0, 0)),
    ((0, -1, 0), (0, 0, 0), (0, 1, 0)),
)
_FILTERS = (
    _LAPLACIAN,
    ((-1, -2, -1), (-2, 12, -2), (-1, -2, -1)),
    ((0, 0, 0), (-1, 2, -1), (0, 0, 0)),
    ((0, -1, 0), (0, 2, 0), (0, -1, 0)),
    ((1, -2, 1), (-2, 4, -2), (1, -2, 1)),
    ((1, 0, -1), (0, 0, 0), (-1, 0, 1)),
    ((-1, 0, 0), (0, 2, 0), (0, 0, -1)),
    ((0, 0, -1), (0, 2, 0), (-1, 0, 0)),
    ((0, 0, 0), (-1, 0, 1), (0, 0, 0)),
    ((0, -1, 0), (0, 0, 0), (0, 1, 0)),
)


class Sample(NamedTuple):
    """features: of each block, mean magnitude and root mean square of each filter. apart: mean squared difference of
    both networks' results, in levels. gain: what the good one takes off the mean squared error."""

    features: NDArray[np.float32]
    apart: NDArray[np.float32]
    gain: NDArray[np.float32]


def write_network(path: Path, filters: Sequence[Taps], share: float) -> None:
    """The sum of the magnitudes of some filters of luma in 0..1, times `share`."""
    count = len(filters)
    numbers = {
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "filters": share * np.array(filters, np.float32)[:, None],
        "slope": np.full((1, 1, 1), -1, np.float32),
        "ones": np.ones((1, count, 1, 1), np.float32),
    }
    nodes = [
        helper.make_node("Pad", ["luma", "pads"], ["wide"], mode="edge"),
        helper.make_node("Conv", ["wide", "filters"], ["filtered"]),
        helper.make_node("PRelu", ["filtered", "slope"], ["magnitude" if count == 1 else "magnitudes"]),
    ]
    if count == 1:
        del numbers["ones"]
    else:
        nodes.append(helper.make_node("Conv", ["magnitudes", "ones"], ["magnitude"]))
    shape: list[str | int | None] = [1, 1, "height", "width"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("luma", "magnitude")]
    constants = [numpy_helper.from_array(value, name) for name, value in numbers.items()]
    graph = helper.make_graph(nodes, path.stem, ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"pocketsr.value_range": "1", "pocketsr.colour": "luma"})
    onnx.checker.check_model(model)
    with replacing(path) as part:
        part.write_bytes(model.SerializeToString())


def pictures(data: Path, rng: np.random.Generator) -> Iterator[tuple[Plane, Plane]]:
    """Training pictures of many kinds, shrunk as the protocol does."""
    pairs = load_images([data / "train", data / "train_more"], exclude=["div2k_crops/*", "clic_half/*"])
    for index in rng.permutation(len(pairs))[:PICTURES]:
        pair = pairs[index]
        lr = add_jpeg(pair.lr, int(rng.integers(40, 95))) if rng.random() < 0.25 else pair.lr
        yield pair.hr, lr


def calls(data: Path) -> Iterator[tuple[Plane, Plane]]:
    """Two frames of each call clip for training, as a receiver has them."""
    for index, path in enumerate(find_clips(data / "clips_call")):
        clip = read_clip(path, _FRAMES)
        large = [frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2] for frame in clip.frames]
        small = [imresize(frame, 1 / 2) for frame in large]
        height, width = small[0].shape
        kbps = scaled_kbps(_RATES_KBPS[index % 3], width, height)
        received, _ = send_clip(small, CodecSetting("h264" if index % 2 else "vp9", kbps, clip.fps, 300))
        for number in (min(5, len(large) - 1), min(20, len(large) - 1)):
            yield large[number], received[number]


def samples_of(pairs: Iterator[tuple[Plane, Plane]]) -> list[Sample]:
    cheap, good = (load(name, 1) for name in (CHEAP, GOOD))
    found = []
    for hr, lr in pairs:
        deep = lr.astype(np.uint16) * 257
        cheaply, well = (net(deep) / np.float32(257) for net in (cheap, good))
        gain = np.square(cheaply - hr) - np.square(well - hr)
        found.append(Sample(_features(lr), halved(np.square(well - cheaply)), halved(gain)))
    return found


def halved(large: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of blocks of the input, of a plane of the result's size."""
    return block_means((large[::2, ::2] + large[1::2, ::2] + large[::2, 1::2] + large[1::2, 1::2]) / 4)


def _features(lr: Plane) -> NDArray[np.float32]:
    wide = np.pad(lr.astype(np.float32), 1, mode="edge")
    height, width = lr.shape
    found = []
    for taps in _FILTERS:
        made = sum(
            tap * wide[y : y + height, x : x + width] for y, row in enumerate(taps) for x, tap in enumerate(row) if tap
        )
        found += [block_means(np.abs(made)), np.sqrt(block_means(np.square(made)))]
    return np.stack(found)


def _regression(samples: Sequence[Sample]) -> Callable[[Sample], NDArray[np.float32]]:
    """Of octaves, on those of the features and their squares, by ridge least squares."""

    def terms(sample: Sample) -> NDArray[np.float64]:
        octaves = np.log2(sample.features.reshape(len(sample.features), -1).T.astype(np.float64) + 0.5)
        return np.hstack([octaves, octaves**2 / 8, np.ones((len(octaves), 1))])

    all_terms = np.vstack([terms(sample) for sample in samples])
    target = np.log2(np.concatenate([sample.apart.ravel() for sample in samples]) + 0.1)
    ridge = 1e-5 * len(all_terms) * np.eye(all_terms.shape[1])
    weights = np.linalg.solve(all_terms.T @ all_terms + ridge, all_terms.T @ target)
    return lambda sample: (terms(sample) @ weights).reshape(sample.apart.shape)


def share_for(score: NDArray[np.float32], apart: NDArray[np.float32], keep: float) -> float:
    """Of the blocks, in the order of `score`, until they hold `keep` of all that is apart."""
    held = np.cumsum(apart.ravel()[np.argsort(-score.ravel(), kind="stable")], dtype=np.float64)
    return float((np.searchsorted(held, keep * held[-1]) + 1) / held.size)


class Point(NamedTuple):
    """Blocks of alike magnitude; all in levels or squared levels."""

    magnitude: float
    blocks: float
    apart: float
    gain: float


def curve_of(samples: Sequence[Sample]) -> list[Point]:
    """By half octaves of the magnitude, those that a thousandth of the blocks lie in."""
    magnitude, apart, gain = (
        np.concatenate([each.ravel() for each in of])
        for of in (
            [sample.features[0] for sample in samples],
            [sample.apart for sample in samples],
            [sample.gain for sample in samples],
        )
    )
    at = np.floor(2 * np.log2(magnitude + 0.25))
    parts = [at == value for value in np.unique(at)]
    return [
        Point(*(round(float(each), 4) for each in (magnitude[p].mean(), p.mean(), apart[p].mean(), gain[p].mean())))
        for p in parts
        if p.mean() > 1e-3
    ]


def fitted(curve: Sequence[Point]) -> tuple[float, float, float]:
    """(scale, floor, noise): the sum over all blocks is right, and the octaves that parts of it are off by vary least.

    The floor, in quarters of a level, is among magnitudes up to `_FLOORS`; noise is the mean gain up to it, or none.
    """
    best = (np.inf, 0.0, 0.0, 0.0)
    for floor in np.arange(0, _FLOORS, 0.25):
        below = [point for point in curve if point.magnitude <= floor]
        held = sum(point.blocks for point in below)
        noise = max(0.0, sum(point.gain * point.blocks for point in below) / held) if below else 0.0
        gaining = [point for point in curve if point.magnitude > floor and point.gain > noise]
        gains = [point.gain - noise for point in gaining]
        weights = [gain * point.blocks for gain, point in zip(gains, gaining, strict=True)]
        squares = [point.magnitude**2 - floor**2 for point in gaining]
        octaves = np.log2([gain / square for gain, square in zip(gains, squares, strict=True)])
        error = float(np.average(np.square(octaves - np.average(octaves, weights=weights)), weights=weights))
        total = sum(point.blocks * square for point, square in zip(gaining, squares, strict=True))
        best = min(best, (error, sum(weights) / total, float(floor), noise))
    return best[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    write_network(GAIN, [_LAPLACIAN], 1)
    write_network(GRADIENT, _DIFFERENCES, 0.5)
    worth = fit_worths(args.data)
    rng = np.random.default_rng(0)
    of_pictures, of_calls = samples_of(pictures(args.data, rng)), samples_of(calls(args.data))
    to_fit, apart = of_pictures[::2], {"pictures": of_pictures[1::2], "calls": of_calls}
    scores: dict[str, Callable[[Sample], NDArray[np.float32]]] = {
        "laplacian": lambda sample: sample.features[0],
        "regression": _regression(to_fit),
        "true": lambda sample: sample.apart,
    }
    curve = curve_of(to_fit)
    scale, floor, noise = fitted(curve)
    record = {
        "cheap": CHEAP,
        "good": GOOD,
        "scale": round(scale, 6),
        "floor": floor,
        "noise": round(noise, 4),
        **worth,
        "curve": [point._asdict() for point in curve],
        "shares": {
            kind: {
                name: [
                    round(float(np.mean([share_for(score(each), each.apart, keep) for each in samples])), 4)
                    for keep in (0.9, 0.95)
                ]
                for name, score in scores.items()
            }
            for kind, samples in apart.items()
        },
    }
    with replacing(GAIN.with_suffix(".json")) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
