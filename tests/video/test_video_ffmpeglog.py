"""FFmpeg's log, which all threads share."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import av.logging
import pytest
from clipmaker import Clip

from pocketsr.video.ffmpeglog import Described, described, first_complaint, listening


def test_the_level_is_put_back_when_all_have_listened() -> None:
    before = av.logging.get_level(), av.logging.get_skip_repeated()
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with listening(av.logging.INFO):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    with listening(av.logging.ERROR):
        leave.set()
        thread.join(10)
        assert av.logging.get_level() == av.logging.ERROR
    assert (av.logging.get_level(), av.logging.get_skip_repeated()) == before


def test_a_reason_is_the_first_line_that_says_something() -> None:
    assert first_complaint([(16, "mp4", "\n"), (16, "mp4", "no room.\nmore"), (16, "mp4", "later")]) == "no room"
    assert first_complaint([]) is None


def test_what_ffmpeg_says_of_streams(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "in.mp4")
    (tmp_path / "odd.mp4").write_bytes(path.read_bytes().replace(b"avc1", b"zz01"))
    with av.open(str(path)) as container:
        assert described(container) == {0: Described("h264", "avc1")}
    with av.open(str(tmp_path / "odd.mp4")) as container:
        assert described(container)[0].name == "zz01"


def test_nothing_of_other_threads_reaches_python_while_somebody_listens(caplog: pytest.LogCaptureFixture) -> None:
    """Python's code within FFmpeg's is where a Ctrl-C would be lost."""
    caplog.set_level(0)
    inside, leave = threading.Event(), threading.Event()
    heard: list[tuple[int, str, str]] = []

    def other() -> None:
        with listening(av.logging.INFO) as logs:
            inside.set()
            leave.wait(10)
        heard.extend(logs)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    av.logging.log(av.logging.ERROR, "here", "not for the other one")
    with listening(av.logging.ERROR) as mine:
        av.logging.log(av.logging.ERROR, "here", "for me")
    leave.set()
    thread.join(10)
    assert [text for _, _, text in mine] == ["for me"]
    assert heard == []
    assert caplog.records == []
    av.logging.log(av.logging.ERROR, "here", "nobody listens")
    assert caplog.records == []
