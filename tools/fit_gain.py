"""Make `pocketsr/adaptive/gain.onnx` and `gain.json` anew: `python tools/fit_gain.py ../shared/data` (two minutes).

The network is the magnitude of the Laplacian. The JSON tells how far its square, scaled, is what `quality` changes in
the results of `small`, on training pictures (a quarter of them through JPEG) and on frames of call clips as they come
out of a codec; never on test sets or the clips that calls are measured with. `scale` is the mean over the pictures, in
octaves, of the ratio of both sums. `shares` are those of the blocks that hold 90 and 95 % of the difference, in the
order of this measure, in that of a regression on twenty features of other filters, and in the true one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pocketsr.adaptive.gain import GAIN, block_means
from pocketsr.atomic_io import replacing
from pocketsr.data import CodecSetting, Plane, add_jpeg, find_clips, load_images, read_clip, scaled_kbps, send_clip
from pocketsr.engine import load
from pocketsr.pixels import imresize

CHEAP, GOOD = "small", "quality"
PICTURES = 150
_FRAMES, _RATES_KBPS = 24, (150, 300, 600)
_LAPLACIAN = ((0, -1, 0), (-1, 4, -1), (0, -1, 0))
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
    both networks' results, in levels."""

    features: NDArray[np.float32]
    apart: NDArray[np.float32]


def write_network(path: Path) -> None:
    """The Laplacian's magnitude of luma in 0..1."""
    numbers = {
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "laplacian": np.array(_LAPLACIAN, np.float32)[None, None],
        "slope": np.full((1, 1, 1), -1, np.float32),
    }
    nodes = [
        helper.make_node("Pad", ["luma", "pads"], ["wide"], mode="edge"),
        helper.make_node("Conv", ["wide", "laplacian"], ["second"]),
        helper.make_node("PRelu", ["second", "slope"], ["magnitude"]),
    ]
    shape = [1, 1, "height", "width"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("luma", "magnitude")]
    constants = [numpy_helper.from_array(value, name) for name, value in numbers.items()]
    graph = helper.make_graph(nodes, "gain", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"pocketsr.value_range": "1", "pocketsr.colour": "luma"})
    onnx.checker.check_model(model)
    with replacing(path) as part:
        part.write_bytes(model.SerializeToString())


def pictures(data: Path, rng: np.random.Generator) -> Iterator[Plane]:
    """Training pictures of many kinds, shrunk as the protocol does."""
    pairs = load_images([data / "train", data / "train_more"], exclude=["div2k_crops/*", "clic_half/*"])
    for index in rng.permutation(len(pairs))[:PICTURES]:
        lr = pairs[index].lr
        yield add_jpeg(lr, int(rng.integers(40, 95))) if rng.random() < 0.25 else lr


def calls(data: Path) -> Iterator[Plane]:
    """Two frames of each call clip for training, as a receiver has them."""
    for index, path in enumerate(find_clips(data / "clips_call")):
        clip = read_clip(path, _FRAMES)
        small = [imresize(frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2], 1 / 2) for frame in clip.frames]
        height, width = small[0].shape
        kbps = scaled_kbps(_RATES_KBPS[index % 3], width, height)
        received, _ = send_clip(small, CodecSetting("h264" if index % 2 else "vp9", kbps, clip.fps, 300))
        yield from (received[min(number, len(received) - 1)] for number in (5, 20))


def samples_of(planes: Iterator[Plane]) -> list[Sample]:
    cheap, good = (load(name, 1) for name in (CHEAP, GOOD))
    found = []
    for lr in planes:
        deep = lr.astype(np.uint16) * 257
        apart = np.square((good(deep).astype(np.float32) - cheap(deep)) / 257)
        mean = (apart[::2, ::2] + apart[1::2, ::2] + apart[::2, 1::2] + apart[1::2, 1::2]) / 4
        found.append(Sample(_features(lr), block_means(mean)))
    return found


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    write_network(GAIN)
    rng = np.random.default_rng(0)
    of_pictures, of_calls = samples_of(pictures(args.data, rng)), samples_of(calls(args.data))
    to_fit, apart = of_pictures[::2], {"pictures": of_pictures[1::2], "calls": of_calls}
    scores: dict[str, Callable[[Sample], NDArray[np.float32]]] = {
        "laplacian": lambda sample: sample.features[0],
        "regression": _regression(to_fit),
        "true": lambda sample: sample.apart,
    }
    ratios = [np.log2(each.apart.sum() / np.square(each.features[0]).sum()) for each in to_fit if each.apart.any()]
    record = {
        "cheap": CHEAP,
        "good": GOOD,
        "scale": 2.0 ** float(np.mean(ratios)),
        "spread_octaves": round(float(np.std(ratios)), 3),
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
