"""The examples in Python do what their first lines say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from PIL import Image

from pocketsr import Frame, load, nets

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"


def _example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_network_of_ones_own_trains_and_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (EXAMPLES / "own_network.py").read_text()
    assert source.count("\n") < 80
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for index in range(40):
        coarse = Image.fromarray(rng.integers(0, 256, (20, 20), np.uint8))
        coarse.resize((128, 128), Image.Resampling.BICUBIC).save(tmp_path / "photos" / f"{index}.png")
    example = _example("own_network")
    example.main(str(tmp_path / "photos"), steps=8, out=str(tmp_path / "run"))
    first, last = capsys.readouterr().out.splitlines()
    assert "dB in validation; <Network quick x2 luma, " in first
    assert last == "(180, 320)"
    assert "quick" in nets.names()
    example.register()  # the same again is no mistake


def test_frames_of_a_file_go_through_the_webcam_loop(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 40, 30, "yuv420p"
        planes = [np.random.default_rng(index).integers(0, 256, (30, 40), np.uint8) for index in range(3)]
        for plane in planes:
            frame = av.VideoFrame(40, 30, "yuv420p")
            luma, *chroma = Frame.from_av(frame).components
            luma[...] = plane
            for part in chroma:
                part[...] = 128
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    made = list(_example("webcam").upscaled(str(path), "tiny"))
    assert len(made) == 3
    for (big, ms), plane in zip(made, planes, strict=True):
        assert ms > 0
        np.testing.assert_array_equal(next(big.components), load("tiny")(plane))
