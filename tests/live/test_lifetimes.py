"""Streams are shared, forked, closed and dropped while they work, and no harm is done."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from pocketsr import ArgumentError, Frame, GovernedStream, Stream
from pocketsr.live import Turns

COSTS = [1_000, 4_000, 0, 15_000, 0, 0, 0]


def picture(seed: int = 0, width: int = 64, height: int = 48) -> Frame:
    data = np.random.default_rng(seed).integers(0, 256, width * height * 3 // 2, np.uint8)
    return Frame.from_buffer("i420", data, width, height)


def governed() -> GovernedStream:
    return GovernedStream({"bicubic": "bicubic", "tiny": "tiny"}, us_per_mpx=COSTS, turns=Turns(), threads=1)


def same(a: Frame, b: Frame) -> bool:
    return all(map(np.array_equal, a.planes, b.planes))


@contextmanager
def busy(*works: Callable[[], object]) -> Iterator[None]:
    """All of `works` over and over on threads of their own."""
    ended = threading.Event()

    def over(work: Callable[[], object]) -> None:
        while not ended.is_set():
            work()

    threads = [threading.Thread(target=over, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_uses_streams_that_were_busy_at_the_fork() -> None:
    stream, ladder, frame = Stream("tiny", threads=1), governed(), picture()
    expected = stream(frame)
    codes = []
    with busy(lambda: stream(frame), lambda: ladder(frame)):
        for _ in range(5):
            child = os.fork()
            if child == 0:  # ends by SIGALRM where it waits for a lock
                signal.alarm(60)
                right = same(stream(frame), expected)
                ladder.push(frame)
                right &= ladder.latest(timeout=None) is not None
                ladder(frame)
                ladder.close()
                stream.close()
                os._exit(0 if right else 1)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    assert codes == [0] * 5


@pytest.mark.parametrize("make", [lambda: Stream("tiny", threads=1), governed])
def test_closed_during_calls(make: Callable[[], Stream | GovernedStream]) -> None:
    """A call either gives its frame or says that the stream is closed."""
    stream, frame, said = make(), picture(), []

    def call() -> None:
        try:
            stream(frame)
        except ArgumentError as error:
            said.append(str(error))
            time.sleep(0.001)

    with busy(call, call):
        stream.close()
        while len(said) < 4:
            time.sleep(0.001)
        stream.close()
    assert set(said) == {"the stream is closed: make another"}


def test_closed_while_somebody_waits_for_a_result() -> None:
    ladder, said = governed(), []

    def wait() -> None:
        try:
            ladder.latest(timeout=None)
        except ArgumentError as error:
            said.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    ladder.close()
    waiting.join(60)
    assert said == ["the stream is closed: make another"]


def test_a_stream_that_nobody_holds_is_gone_and_so_is_its_thread() -> None:
    turns = Turns()
    ladder = GovernedStream({"bicubic": "bicubic"}, us_per_mpx=COSTS, turns=turns, threads=1)
    ladder.push(picture())
    assert ladder.latest(timeout=None) is not None
    (worker,) = (thread for thread in threading.enumerate() if thread.name == "pocketsr-governed")
    gone = weakref.ref(ladder)
    del ladder
    worker.join(60)
    gc.collect()
    assert not worker.is_alive()
    assert gone() is None
    assert turns.active("another", 0) == 1


def test_garbage_is_collected_while_frames_are_made() -> None:
    frame = picture()
    with Stream("tiny", threads=2) as stream:
        expected, wrong = stream(frame), []
        with busy(gc.collect, lambda: same(stream(frame), expected) or wrong.append(1)):
            for _ in range(5):
                Stream("tiny", threads=2)(frame)  # dropped at once
    assert not wrong


def test_an_interruption_never_joins_a_frame_with_the_result_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of taking the copy by which a repeated frame is known."""
    with governed() as ladder:
        for seed in range(14):
            ladder(picture(seed))
        count = GovernedStream._count

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(GovernedStream, "_count", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ladder(picture(99))
        monkeypatch.setattr(GovernedStream, "_count", count)
        assert same(ladder(picture(99)).frame, Stream("tiny", threads=1)(picture(99)))
