"""Make `pocketsr/adaptive/gain-call.json` anew: `python tools/fit_call_gain.py CLIPS` (some minutes).

What `medium-call` is worth over `small-call` on decoded frames, both told the strength that `bench call` tells them: by
the measures and the way of `tools/fit_worths.py`, on every other training clip; never on the clips that calls are
measured with. Of the others `lost` tells what a budget loses, of both pairs that ship: `CALL_BUDGET` is chosen by it.
Terms of the strength were tried: on the clips kept apart they spare a tenth of the blocks, on webcams they lose more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from fit_worths import Picture, fitted_weights, lost, true_worth

from pocketsr.adaptive import CALL_PAIR, GAIN, GRADIENT
from pocketsr.adaptive.choice import Budget
from pocketsr.adaptive.gain import measured
from pocketsr.atomic_io import replacing
from pocketsr.bench.call import strengths_of
from pocketsr.data import Codec, CodecSetting, find_clips, read_clip, scaled_kbps, send_clip
from pocketsr.engine import Network, load
from pocketsr.pixels import imresize

_IN_8_BITS = ("small-call-w8a8", "medium-call-w8a8")
_RATES_KBPS, _KEYFRAME_INTERVAL = (100, 150, 300, 600, 1200), 300
_CODECS: tuple[Codec, ...] = ("h264", "vp9")
_LOOKED_AT = (5, 17, 29)  # frames of a clip
_TESTED_DB = (0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2)


def pictures(path: Path, nets: dict[str, Network]) -> Iterator[dict[str, Picture]]:
    """Of a clip, what a receiver has: by the name of the good network, its worth over the cheap one of its pair."""
    clip = read_clip(path, _LOOKED_AT[-1] + 2)
    large = [frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2] for frame in clip.frames]
    small = [imresize(frame, 1 / 2) for frame in large]
    height, width = small[0].shape
    laplacian, gradient = load(GAIN, 1), load(GRADIENT, 1)
    for codec in _CODECS:
        for rate in _RATES_KBPS:
            setting = CodecSetting(codec, scaled_kbps(rate, width, height), clip.fps, _KEYFRAME_INTERVAL)
            received, sent_kbps = send_clip(small, setting)
            strengths = strengths_of(received, codec, 1000 * sent_kbps / (clip.fps * width * height))
            for number in (min(each, len(received) - 1) for each in _LOOKED_AT):
                y = received[number]
                of = measured(laplacian(y), gradient(y), 255)
                made = {name: net(y, strength=strengths[number]) for name, net in nets.items()}
                yield {
                    good: Picture(of, true_worth(made[cheap], made[good], large[number]))
                    for cheap, good in (CALL_PAIR, _IN_8_BITS)
                }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    args = parser.parse_args()
    nets = {name: load(name, 1) for name in (*CALL_PAIR, *_IN_8_BITS)}
    paths = find_clips(args.clips)
    to_fit, apart = ([each for path in some for each in pictures(path, nets)] for some in (paths[::2], paths[1::2]))
    weights = fitted_weights([each[CALL_PAIR[1]] for each in to_fit])
    halo = nets[CALL_PAIR[1]].info.halo
    record = {
        "cheap": CALL_PAIR[0],
        "good": CALL_PAIR[1],
        "weights": [round(float(each), 4) for each in weights],
        "lost": {
            good: [
                {"least_db": least, **lost([each[good] for each in apart], weights, Budget(least, 0.0), halo)}
                for least in _TESTED_DB
            ]
            for _, good in (CALL_PAIR, _IN_8_BITS)
        },
        "clips": {"fitted": [path.stem for path in paths[::2]], "apart": [path.stem for path in paths[1::2]]},
    }
    with replacing(GAIN.with_name("gain-call.json")) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
