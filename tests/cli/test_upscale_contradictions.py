"""Options that would do nothing are refused in a line, not left aside without a word."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pocketsr.cli._live import _Feed
from pocketsr.frames import Frame

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-m", "small"], "--live chooses networks itself, by the time there is: leave out -m"),
        (["--weights", "w.safetensors"], "--live chooses networks itself, and --weights is for one"),
        (["--strength", "0.5"], "--live chooses networks itself, and --strength is for one"),
        (["--compare"], "--compare is for files that are written"),
        (["-y"], "-y is for files that are written"),
        (["--skip-existing"], "--skip-existing is for files"),
        (["--format", "png"], "--format is for files"),
        (["--codec", "libx264"], "--codec is for files"),
        (["--crf", "0"], "--crf is for files"),
        (["--preset", "slow"], "--preset is for files"),
    ],
)
def test_live_takes_no_others_options(pocketsr: Run, clip: Path, options: list[str], said: str) -> None:
    done = pocketsr("upscale", clip, *options, "--live")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"pocketsr: {said}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "-"], "--ray is for files and folders"),
        (["-o", "pipe"], "--ray is for files and folders"),
        (["-o", "big.png", "--format", "jpg"], "big.png says its own by its suffix"),
        (["-o", "big.png", "--crf", "20"], "--crf is for videos"),
    ],
)
def test_ray_for_one_file_refuses_what_one_machine_does(
    pocketsr: Run, photo: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(photo.parent)
    if "pipe" in options:
        if not hasattr(os, "mkfifo"):
            pytest.skip("no FIFOs here")
        os.mkfifo("pipe")
    before = sorted(photo.parent.iterdir())
    done = pocketsr("upscale", photo, "-m", "tiny", *options, "--ray")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert sorted(photo.parent.iterdir()) == before


def test_a_benchmark_has_no_format(pocketsr: Run, photo: Path) -> None:
    done = pocketsr("upscale", photo, "-m", "tiny", "--benchmark", "--format", "jpg")
    assert (done.code, done.err) == (2, "pocketsr: --benchmark writes nothing: leave out --format\n")


def test_the_end_is_heard_while_the_next_frame_is_hours_away() -> None:
    samples = np.zeros((8, 8), np.uint8)
    frames = [Frame.from_planes("gray", [samples], pts=at, time_base=Fraction(1)) for at in (0, 36_000)]
    pushed: list[Frame] = []

    class Source:
        ended = False

        def __iter__(self) -> Any:
            return iter(frames)

        def interrupt(self) -> None: ...

    source, stream = Source(), SimpleNamespace(push=pushed.append, statistics=SimpleNamespace(frames=1, dropped=0))
    feed = _Feed(source, stream, paced=True)  # type: ignore[arg-type]
    feed.start()
    while not pushed:
        time.sleep(0.001)
    assert not feed.done
    source.ended = True  # Ctrl-C
    feed.join(60)
    assert not feed.is_alive()
    assert feed.done
    assert (pushed, feed.failure) == (frames[:1], None)
