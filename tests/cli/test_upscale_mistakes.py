"""A user's mistake is one clear line and exit code 2, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_samples import make_clip

from pocketsr.engine import load

Run = Callable[..., Any]


def _prepare(folder: Path, clip: Path) -> None:
    (folder / "text.mp4").write_text("This is no video.\n" * 50)
    (folder / "text.png").write_text("This is no image.\n" * 50)
    (folder / "zero.mp4").touch()
    (folder / "zero.png").touch()
    (folder / "cut.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    photo = (folder / "photo.png").read_bytes()
    (folder / "cut.png").write_bytes(photo[: len(photo) // 2])
    (folder / "folder").mkdir()
    (folder / "broken.onnx").write_text("This is no network.")
    (folder / "there.mp4").write_text("precious")


MISTAKES = {
    "missing image": (["none.png", "-o", "out.png"], "no such file: none.png"),
    "missing video": (["none.mp4", "-o", "out.mp4"], "no such file: none.mp4"),
    "text renamed .mp4": (["text.mp4", "-o", "out.mp4"], "text.mp4"),
    "text renamed .png": (["text.png", "-o", "out.png"], "text.png is not an image"),
    "zero-length video": (["zero.mp4", "-o", "out.mp4"], "zero.mp4"),
    "zero-length image": (["zero.png", "-o", "out.png"], "zero.png is empty"),
    "truncated video": (["cut.mp4", "-o", "out.mp4"], "cut.mp4"),
    "truncated image": (["cut.png", "-o", "out.png"], "cut.png is a broken image"),
    "standard input": (["-", "-o", "out.mp4"], "standard input is empty (0 bytes)"),
    "standard input among others": (["photo.png", "-", "-o", "out"], "- is standard input, which is upscaled alone"),
    "raw without a size": (["-", "-o", "out.mp4", "--pix-fmt", "nv12"], "raw frames need both: --pix-fmt"),
    "raw of an unknown kind": (
        ["clip.mp4", "-o", "out.mkv", "--pix-fmt", "pal8", "--video-size", "9x9"],
        "pixel format pal8 is not supported",
    ),
    "raw of no size": (
        ["clip.mp4", "-o", "out.mkv", "--pix-fmt", "nv12", "--video-size", "0x9"],
        "0 width: 1 to 16,384 are expected",
    ),
    "raw at no rate": (
        ["clip.mp4", "-o", "out.mkv", "--pix-fmt", "nv12", "--video-size", "9x9", "--rate", "nan"],
        "--rate nan: frames per",
    ),
    "rate without raw": (["clip.mp4", "-o", "out.mkv", "--rate", "30"], "--rate is for raw frames"),
    "unknown format": (["clip.mp4", "-o", "-", "--format", "gpj"], "--format gpj is not known"),
    "picture format of a video": (["clip.mp4", "-o", "-", "--format", "jpg"], "use one of mkv, webm, y4m, raw"),
    "video format of a picture": (["photo.png", "-o", "-", "--format", "y4m"], "photo.png is an image: use png"),
    "format of a file": (["photo.png", "-o", "out.png", "--format", "jpg"], "out.png says its own by its suffix"),
    "several into a file": (["photo.png", "clip.mp4", "-o", "there.mp4"], "several files are written into a folder"),
    "several to standard output": (["photo.png", "clip.mp4", "-o", "-"], "can't go to standard output"),
    "replaced and kept": (["photo.png", "-o", "out.png", "-y", "--skip-existing"], "leave one out"),
    "unknown model": (["photo.png", "-o", "out.png", "-m", "huge"], "unknown model 'huge': choose one of"),
    "missing model": (["clip.mp4", "-o", "out.mp4", "-m", "none.onnx"], "none.onnx"),
    "broken model": (["clip.mp4", "-o", "out.mp4", "-m", "broken.onnx"], "broken.onnx"),
    "scale of text": (["photo.png", "-o", "out.png", "-s", "nan"], "-s nan: a factor is expected"),
    "scale of nothing": (["photo.png", "-o", "out.png", "-s", "0"], "a factor of 0: more than 1 to 16"),
    "scale that shrinks": (["photo.png", "-o", "out.png", "-s", ".5"], "a factor of 1/2: more than 1 to 16"),
    "huge scale": (["photo.png", "-o", "out.png", "-s", "1000"], "a factor of 1000: more than 1 to 16"),
    "name for size": (["photo.png", "-o", "out.png", "--size", "1080p"], "as in --size 1920x1080; or --fit 1080p"),
    "name for height": (["photo.png", "-o", "out.png", "--height", "1080p"], "as in --height 1080; or --fit 1080p"),
    "empty size": (["photo.png", "-o", "out.png", "--size", "0x9"], "0 width: 1 to 65,536 are expected"),
    "huge size": (["photo.png", "-o", "out.png", "--size", "1000000000x9"], "1,000,000,000 width: 1 to 65,536"),
    "huge height": (["photo.png", "-o", "out.png", "--height", "65536"], "pixels: 65,536 a side and 1074 million"),
    "two sizes": (["photo.png", "-o", "out.png", "-s", "2", "--height", "9"], "-s and --height: one of them says"),
    "another shape": (["photo.png", "-o", "out.png", "--size", "60x60"], "distort it: --fit 60x60 makes it 60x41"),
    "odd sizes": (["clip.mp4", "-o", "out.mp4", "--size", "95x63"], "takes no yuv420p of 95x63 (odd): ask for 94x62"),
    "no threads": (["photo.png", "-o", "out.png", "-j", "0"], "at least one thread"),
    "no output": (["photo.png"], "add -o OUTPUT, or --benchmark"),
    "output and benchmark": (["clip.mp4", "-o", "out.mp4", "--benchmark"], "leave out"),
    "json without benchmark": (["clip.mp4", "-o", "out.mp4", "--json"], "--benchmark"),
    "benchmark of a folder": (["folder", "--benchmark"], "folder is a folder"),
    "folder as image output": (["photo.png", "-o", "folder"], "folder"),
    "folder as video output": (["clip.mp4", "-o", "folder"], "folder"),
    "image into nowhere": (["photo.png", "-o", "no/out.png"], "no/out.png: there is no folder"),
    "video into nowhere": (["clip.mp4", "-o", "no/out.mp4"], "no"),
    "same image": (["photo.png", "-o", "photo.png", "-y"], "photo.png is the input itself"),
    "same video": (["clip.mp4", "-o", "clip.mp4", "-y"], "clip.mp4"),
    "existing video": (["clip.mp4", "-o", "there.mp4"], "-y"),
    "image as video": (["photo.png", "-o", "out.mp4"], "cannot write an image as 'out.mp4'"),
    "video as image": (["clip.mp4", "-o", "out.png"], "out.png"),
    "video without suffix": (["clip.mp4", "-o", "out"], "out"),
    "unknown codec": (["clip.mp4", "-o", "out.mp4", "--codec", "h999"], "h999"),
    "unknown preset": (["clip.mp4", "-o", "out.mp4", "--preset", "warp"], "warp"),
    "crf of an image": (["photo.png", "-o", "out.png", "--crf", "20"], "--crf is for videos"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_one_line_and_nothing_left(
    pocketsr: Run, photo: Path, clip: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photo.parent
    _prepare(folder, clip)
    monkeypatch.chdir(folder)
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    args, said = MISTAKES[kind]
    done = pocketsr("upscale", *args, *([] if "-m" in args else ["-m", "tiny"]))
    assert done.code == 2, done.err
    assert done.out == ""
    assert done.err.startswith("pocketsr: ")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_ctrl_c_leaves_nothing_and_exits_130(tmp_path: Path) -> None:
    """It comes when one frame is written; from then on frames take so long that it is heard before the job ends."""
    load("small")  # compiled now: on a busy machine it would take so long that a note comes
    clip = make_clip(tmp_path / "long.mp4", frames=300, width=64, height=48)
    code = (
        "import os, signal, sys, time\n"
        "from pocketsr.cli import main\n"
        "from pocketsr.video.writer import VideoWriter\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # tests in a shell's background inherit none
        "encode, written = VideoWriter.encode, []\n"
        "def interrupted(writer, *frame):\n"
        "    encode(writer, *frame)\n"
        "    written.append(frame)\n"
        "    if len(written) == 1:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(0.2)\n"
        "VideoWriter.encode = interrupted\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "upscale", clip, "-o", tmp_path / "out.mp4", "-m", "small"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 130, done.stderr
    assert (done.stdout, done.stderr) == ("", "pocketsr: interrupted\n")
    assert list(tmp_path.iterdir()) == [clip]
