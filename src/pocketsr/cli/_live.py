"""What delivers frames as they come: cameras, the screen, addresses; and what shows them at once."""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from pocketsr.errors import UserError
from pocketsr.names import harmless
from pocketsr.pipes import Outflow

if TYPE_CHECKING:
    from pocketsr.cli._upscaling import Job
    from pocketsr.frames import Frame
    from pocketsr.live import Statistics
    from pocketsr.video import Address, VideoFileSource

__all__ = ["add_live_arguments", "ends_at_ctrl_c", "given", "live_input", "show"]

WINDOW = "window"
_CAMERA = re.compile(r"/dev/video\d{1,3}", re.ASCII)
_FPS = 30
_LOOK_S = 0.1
_MOST_FPS = 240


def add_live_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("live").add_argument
    add("--allow-url", action="store_true", help="let an input be an address: http(s), rtsp, rtmp, srt")
    help_of_live = "show it at once, by the best networks that there is time for: in a window, or as a virtual camera"
    add("--live", metavar="/dev/videoN", nargs="?", const=WINDOW, help=help_of_live)


def given(text: str) -> Path | str:
    """An input as the command line names it: addresses keep their slashes."""
    return text if "://" in text else Path(text)


def live_input(args: argparse.Namespace) -> Address | None:
    """The camera, screen or address that is the input; None for files. The size and rate that it is asked for are
    taken out of `args`. Raises UserError where it isn't allowed, or isn't alone."""
    texts = [str(each) for each in args.inputs]
    if not any("://" in text or text.startswith(("/dev/v", "screen:")) for text in texts):
        return None
    from pocketsr.cli._size import sides
    from pocketsr.video import address_of

    bare = args.pix_fmt is None
    size = sides(harmless(args.video_size, 60), "--video-size") if bare and args.video_size is not None else None
    found = [address_of(text, size=size, rate=args.rate if bare else None) for text in texts]
    address = next((each for each in found if each is not None), None)
    if address is None:
        return None
    if len(texts) > 1:
        raise UserError(f"{address.name} is upscaled alone: leave out the others")
    if address.kind == "network" and not args.allow_url:
        raise UserError(f"{address.name} is an address, not a file: add --allow-url to let it be opened")
    if args.rate is not None and not re.fullmatch(r"\d{1,4}(\.\d{1,6}|/[1-9]\d{0,6})?", args.rate, re.ASCII):
        raise UserError(f"--rate {harmless(args.rate)}: frames per second are expected, as in --rate 30 or 30000/1001")
    if args.ray is not None:
        raise UserError("--ray is for files and folders: leave it out")
    if bare:
        args.video_size = args.rate = None
    return address


@contextmanager
def ends_at_ctrl_c(source: VideoFileSource) -> Iterator[None]:
    """The first Ctrl-C ends the source, so that what was recorded is kept; the second one means what it always does."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return

    def end(*_: object) -> None:
        source.end()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Screen(Protocol):
    def write(self, frame: Frame) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: Any) -> None: ...


class _Window:
    """ffplay, which gets frames with their times through a pipe."""

    def __init__(self) -> None:
        from pocketsr.video import VideoFileSink

        program = shutil.which("ffplay")
        if program is None:
            raise UserError(
                "--live shows a window by ffplay, which isn't installed (Debian: ffmpeg); without it, write to a "
                "player: -o - | mpv -, or name a virtual camera: --live /dev/video10"
            )
        command = [program, "-hide_banner", "-loglevel", "error", "-autoexit", "-fflags", "nobuffer", "-framedrop"]
        command += ["-window_title", "pocketsr", "-f", "nut", "-i", "-"]
        self._player = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert self._player.stdin is not None
        self._flow = Outflow(self._player.stdin.fileno(), WINDOW)
        self._sink = VideoFileSink(Path(WINDOW), pipe=self._flow, kind="nut", codec="rawvideo")

    def write(self, frame: Frame) -> None:
        self._sink.write(frame)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._player.stdin is not None
        try:
            if kind is None:
                self._sink.close()
            else:
                self._flow.stop()
                self._sink.abort()
        except (UserError, OSError):  # the window was closed
            pass
        finally:
            with suppress(OSError):
                self._player.stdin.close()
            if kind is not None:
                self._player.terminate()
            self._player.wait()


class _Camera:
    """A virtual camera, which other programs take for a real one."""

    def __init__(self, device: str, fps: float) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise UserError("--live /dev/videoN needs pyvirtualcam: pip install 'pocketsr[live]'") from error
        self._module, self._device, self._fps = pyvirtualcam, device, fps
        self._camera: Any = None
        self._size = (0, 0)

    def write(self, frame: Frame) -> None:
        picture = frame.to_av().reformat(format="rgb24").to_ndarray()
        size = (frame.width, frame.height)
        if self._camera is None:
            try:
                self._camera = self._module.Camera(*size, self._fps, device=self._device)
            except (RuntimeError, OSError, ValueError) as error:
                reason = " ".join(str(error).split())[:200]
                raise UserError(
                    f"{self._device} is no virtual camera ({reason}): make one with sudo modprobe v4l2loopback"
                ) from error
            self._size = size
        if size != self._size:
            raise UserError(f"{self._device}: frames change size to {size[0]}x{size[1]}: ask for one with --size")
        self._camera.send(picture)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._camera is not None:
            self._camera.close()


def show(source: VideoFileSource, target: str, job: Job, *, paced: bool) -> int:
    """Show what the source delivers, each frame at its time, by the best networks that there is time for.

    target: WINDOW or a virtual camera's device. paced: whether the source would give all frames at once.
    Raises UserError where there is no window, or no such camera.
    """
    from pocketsr.live import GovernedStream
    from pocketsr.live.ladder import SHIPPED

    if target != WINDOW and not _CAMERA.fullmatch(target):
        raise UserError(
            f"--live {harmless(target)}: nothing for a window, or a virtual camera (/dev/video10); put it last"
        )
    rate = source.rate if source.rate is not None and 0 < source.rate <= _MOST_FPS else Fraction(_FPS)
    screen: _Screen = _Window() if target == WINDOW else _Camera(target, float(rate))
    began = time.monotonic()
    closed = False
    with (
        ends_at_ctrl_c(source),
        screen,
        GovernedStream(SHIPPED, fps=float(rate), threads=job.threads, size=job.size) as stream,
    ):
        feed = _Feed(source, stream, paced)
        feed.start()
        try:
            while not feed.done:
                made = stream.latest(_LOOK_S)
                if made is not None:
                    screen.write(made.frame)
        except BrokenPipeError:
            closed = True
        finally:
            source.end()
            feed.stop()
        said = stream.statistics
    if feed.failure is not None and not closed:
        raise feed.failure
    print(_summed_up(said, time.monotonic() - began))
    return 0


class _Feed(threading.Thread):
    """Hands over a source's frames, at their times where it is paced."""

    def __init__(self, source: VideoFileSource, stream: Any, paced: bool) -> None:
        super().__init__(name="pocketsr-feed", daemon=True)
        self._source, self._stream, self._paced = source, stream, paced
        self._off = threading.Event()
        self._pushed = 0
        self._over = False
        self.failure: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether all frames were handed over, and made or dropped."""
        if not self._over:
            return False
        said = self._stream.statistics
        return self.failure is not None or said.frames + said.dropped >= self._pushed

    def run(self) -> None:
        try:
            began = first = None
            for frame in self._source:
                now = time.monotonic()
                if self._paced and frame.pts is not None and frame.time_base is not None:
                    at = float(frame.pts * frame.time_base)
                    if began is None or first is None:
                        began, first = now, at
                    self._wait_until(began + at - first)
                if self._off.is_set() or self._source.ended:
                    break
                self._stream.push(frame)
                self._pushed += 1
        except BaseException as error:  # handed to the caller's thread
            self.failure = error
        finally:
            self._over = True

    def _wait_until(self, when: float) -> None:
        """In short steps: times may lie hours apart, and Ctrl-C ends the source meanwhile."""
        while not self._source.ended and (left := when - time.monotonic()) > 0:
            if self._off.wait(min(left, _LOOK_S)):
                return

    def stop(self) -> None:
        self._off.set()
        self._source.interrupt()
        self.join(2)  # a camera that gives nothing more isn't waited for


def _summed_up(said: Statistics, seconds: float) -> str:
    parts = ", ".join(
        f"{level.name.lower().replace('_', ' ')} {100 * count / max(said.frames, 1):.0f} %"
        for level, count in sorted(said.levels.items(), reverse=True)
    )
    return (
        f"{said.frames} frames in {seconds:.1f} s, {said.late} late, {said.dropped} dropped; "
        f"p99 {said.p99_us / 1000:.1f} ms; {parts}"
    )
