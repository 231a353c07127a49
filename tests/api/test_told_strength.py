"""`strength`, for networks that are told one: in the functions, streams and verbs that people call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

import pocketsr
from pocketsr import ArgumentError, Frame, Stream, upscale_image, upscale_video
from pocketsr.cli.main import main
from pocketsr.engine import Network, load

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from engine_nets import chain
from told_nets import told_model


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("told") / "told.onnx"
    onnx.save(told_model(chain((3, 3), 4)), made)
    return made


@pytest.fixture(scope="module")
def network(path: Path) -> Network:
    return load(path, 1)


def frame(seed: int = 0, form: str = "i420") -> Frame:
    return Frame.from_buffer(form, np.random.default_rng(seed).integers(0, 256, 24 * 16 * 3 // 2, np.uint8), 24, 16)


def planes(made: Frame) -> list[np.ndarray[Any, Any]]:
    return [np.array(each) for each in made.components]


def same(one: Frame, other: Frame) -> bool:
    return all((a == b).all() for a, b in zip(planes(one), planes(other), strict=True))


def test_an_image(network: Network) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (12, 17, 4)).astype(np.uint8)
    made = {s: upscale_image(rgb, network, 1, strength=s) for s in (0.1, 0.5, 0.9, None)}
    assert (made[0.1][..., :3] != made[0.9][..., :3]).any()
    assert (made[0.1][..., 3] == made[0.9][..., 3]).all()  # alpha is bicubic
    np.testing.assert_array_equal(made[0.5], made[None])
    for size in ((17, 12), (9, 6), 4.0):  # none of the network's passes, and two
        upscale_image(rgb, network, 1, size=size, strength=0.3)
    with pytest.raises(ArgumentError, match="tiny takes no strength"):
        upscale_image(rgb, "tiny", 1, strength=0.5)


@pytest.mark.parametrize("reuse", [False, True])
def test_a_stream(network: Network, reuse: bool) -> None:
    def alone(strength: float | None, seed: int) -> Frame:
        with Stream(network, strength=strength) as stream:
            return stream(frame(seed))

    asked: list[int] = []

    def found(each: Frame) -> float:
        asked.append(each.width)
        return 0.2 if len(asked) < 3 else 0.8

    with Stream(network, strength=found, reuse=reuse) as stream:
        made = [stream(frame(seed)) for seed in (1, 1, 1, 2)]
    assert asked == [24] * 4
    assert [
        same(one, alone(s, seed)) for one, s, seed in zip(made, (0.2, 0.2, 0.8, 0.8), (1, 1, 1, 2), strict=True)
    ] == [True] * 4
    assert not same(made[1], made[2])
    assert (planes(made[1])[1] == planes(made[2])[1]).all()  # chroma is bicubic
    assert same(alone(None, 1), alone(0.5, 1))
    with Stream(network, strength=0.2, size=(33, 21), reuse=reuse) as sized:
        assert (sized(frame()).width, sized(frame()).height) == (33, 21)


def test_a_video(network: Network) -> None:
    class Sink:
        def __init__(self) -> None:
            self.frames: list[Frame] = []

        def begin(self, form: Any) -> None: ...

        def write(self, made: Frame) -> None:
            self.frames.append(made)

    def through(strength: float | Callable[[Frame], float] | None) -> list[Frame]:
        sink = Sink()
        upscale_video([frame(1), frame(1), frame(2)], sink, network, strength=strength)
        return sink.frames

    low, high = through(0.1), through(0.9)
    assert not same(low[0], high[0])
    assert all(map(same, through(lambda _: 0.9), high))
    assert all(map(same, through(None), through(0.5)))
    with pytest.raises(ArgumentError, match="takes no strength"):
        upscale_video([frame()], Sink(), "tiny", strength=0.5)
    with pytest.raises(ArgumentError, match="from 0"):
        upscale_video([frame()], Sink(), network, strength=-1)


def test_the_verb(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.png"
    rgb = np.random.default_rng(1).integers(0, 256, (12, 17, 3)).astype(np.uint8)
    Image.fromarray(rgb).save(source)
    for strength in ("0", "0.75"):
        out = tmp_path / f"{strength}.png"
        assert main(["upscale", str(source), "-o", str(out), "-m", str(path), "--strength", strength]) == 0
        expected = upscale_image(rgb, str(path), strength=float(strength))
        np.testing.assert_array_equal(np.asarray(Image.open(out)), expected)
    capsys.readouterr()
    none = str(tmp_path / "no.png")
    assert main(["upscale", str(source), "-o", none, "-m", "tiny", "--strength", "0.5"]) == 2
    assert "--strength is for networks that are told one, and tiny takes none" in capsys.readouterr().err
    assert not Path(none).exists()
    for wrong in ("2", "nan", "much"):
        with pytest.raises(SystemExit) as stopped:
            main(["upscale", str(source), "-o", none, "-m", str(path), "--strength", wrong])
        assert stopped.value.code == 2
        assert "--strength" in capsys.readouterr().err
    assert pocketsr.load(path).strengths == 5  # type: ignore[attr-defined]
