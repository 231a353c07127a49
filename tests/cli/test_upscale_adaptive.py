"""`pocketsr upscale -m adaptive`: pictures and videos."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pocketsr import Stream, load
from pocketsr.cli import main


def scene(width: int, height: int) -> np.ndarray:
    """Flat at the left, a texture at the right."""
    pixels = np.full((height, width), 90, np.uint8)
    pixels[:, width // 2 :] = np.random.default_rng(0).integers(60, 180, (height, width - width // 2))
    return pixels


def test_a_picture(tmp_path: Path) -> None:
    from pocketsr import upscale_image

    rgb = scene(64, 40)[..., None].repeat(3, 2)
    Image.fromarray(rgb).save(tmp_path / "small.png")
    assert main(["upscale", str(tmp_path / "small.png"), "-o", str(tmp_path / "large.png"), "-m", "adaptive"]) == 0
    with Image.open(tmp_path / "large.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), upscale_image(rgb, model=load("adaptive")))


@pytest.mark.parametrize("options", [[], ["--budget-ms", "5000"]])
def test_a_video_of_which_most_stands_still(options: list[str], tmp_path: Path) -> None:
    still = scene(96, 48)
    frames = []
    for number in range(4):
        frame = still.copy()
        frame[4:12, 4 + 8 * number : 12 + 8 * number] ^= 7
        frames.append(frame)
    source, target = tmp_path / "small.mkv", tmp_path / "large.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 48, "gray"  # type: ignore[attr-defined]
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))  # type: ignore[attr-defined]
        container.mux(stream.encode(None))  # type: ignore[attr-defined]
    assert main(["upscale", str(source), "-o", str(target), "-m", "adaptive", "--codec", "ffv1", *options]) == 0
    with av.open(str(target)) as container:
        made = [frame.to_ndarray() for frame in container.decode(video=0)]
    if options:
        assert len(made) == len(frames)
        return
    whole = Stream("adaptive")
    for got, frame in zip(made, frames, strict=True):
        np.testing.assert_array_equal(got, whole(frame).to_array())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--budget-ms", "5"], "leave it out with auto"),
        (["-m", "adaptive", "--budget-ms", "0"], "milliseconds above 0"),
        (["-m", "adaptive", "--budget-ms", "nan"], "milliseconds above 0"),
        (["-m", "adaptive", "--weights", "some.safetensors"], "has its own"),
        (["-m", "adaptive", "--weights", "some.safetensors", "--budget-ms", "5"], "has its own"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(scene(16, 16)).save(tmp_path / "small.png")
    assert main(["upscale", str(tmp_path / "small.png"), "-o", str(tmp_path / "large.png"), *options]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "large.png").exists()
