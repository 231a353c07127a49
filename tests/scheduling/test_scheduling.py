"""Encoders that change how this process is scheduled are corrected."""

from __future__ import annotations

import os
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import pytest

from pocketsr.scheduling import keep_scheduling

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such policies")


def _policies() -> set[int]:
    return {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()}


def test_av1_encoders_leave_all_threads_as_they_were() -> None:
    before = _policies()
    with keep_scheduling():
        encoder = av.CodecContext.create("libsvtav1", "w")
        encoder.width = encoder.height = 64
        encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 30)
        encoder.open()
    assert _policies() == before
    assert os.SCHED_FIFO not in before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take a real-time policy")
def test_a_policy_of_the_users_own_stays() -> None:
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        with keep_scheduling():
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
        assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == (os.SCHED_RR, 1)
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def test_threads_that_end_meanwhile_are_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.sched_getscheduler
    ended: list[int] = []

    def vanish(task: int) -> int:
        if task and task != os.getpid() and not ended:
            ended.append(task)
            raise ProcessLookupError(3, "No such process")
        return real(task)

    stay = threading.Event()
    thread = threading.Thread(target=stay.wait)
    thread.start()
    monkeypatch.setattr(os, "sched_getscheduler", vanish)
    with keep_scheduling():
        pass
    stay.set()
    thread.join()
    assert ended
