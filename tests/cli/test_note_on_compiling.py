"""The note that a large network takes minutes to compile: it comes while one waits, and only then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pocketsr.cli import _networks


class Timer:
    """In place of `threading.Timer`: time passes when the test says so."""

    made: list[Timer]

    def __init__(self, seconds: float, work: Callable[..., None], args: list[Any], kwargs: dict[str, Any]) -> None:
        self._seconds, self._do = seconds, lambda: work(*args, **kwargs)
        self._running = False
        self.made.append(self)

    def start(self) -> None:
        self._running = True

    def cancel(self) -> None:
        self._running = False

    def pass_time(self, seconds: float) -> None:
        if self._running and seconds >= self._seconds:
            self._do()


@pytest.mark.parametrize(("seconds", "lines"), [(9.0, 0), (11.0, 1)])
def test_the_note_comes_while_one_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: float, lines: int
) -> None:
    monkeypatch.setattr(Timer, "made", [], raising=False)
    monkeypatch.setattr("threading.Timer", Timer)
    monkeypatch.setattr(_networks, "_PATIENCE_S", 10.0)

    def compile_slowly(*_: object) -> tuple[object, None]:
        Timer.made[-1].pass_time(seconds)
        return object(), None

    monkeypatch.setattr("pocketsr.loading.open_file", compile_slowly)
    assert list(_networks.open_networks(["tiny"], [])) == ["tiny"]
    Timer.made[-1].pass_time(100)  # nobody waits any more
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err == "pocketsr: compiling tiny for this machine; large networks take minutes, the first time only\n" * lines
    )
