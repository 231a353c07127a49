"""Videos through standard input and output: piece by piece, in constant memory, until the reader goes away."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from cli_samples import command_line, make_clip
from PIL import Image

from pocketsr.engine import load

OPTIONS = ("-m", "tiny", "-j", "1")
MEASURED = (
    "import re, sys\n"
    "from pocketsr.cli import main\n"
    "code = main(sys.argv[1:])\n"
    # not ru_maxrss, which a new process inherits from the one that started it
    "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)\n"
    "sys.exit(code)\n"
)


def y4m(frames: int, width: int = 64, height: int = 48) -> Iterator[bytes]:
    """A head, then frames."""
    yield f"YUV4MPEG2 W{width} H{height} F30000:1001 Ip A1:1 C420jpeg\n".encode()
    for index in range(frames):
        yield b"FRAME\n" + bytes([index % 256]) * (width * height * 3 // 2)


def piped(data: bytes, *args: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command_line("upscale", *args, *OPTIONS), input=data, capture_output=True, check=False)


def frames_of(data: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(data)) as container:
        return list(container.decode(video=0))


@pytest.fixture(autouse=True)
def _compiled() -> None:
    """On a busy machine it would take so long that a note comes."""
    load("tiny")


def test_y4m_in_and_out() -> None:
    done = piped(b"".join(y4m(5)), "-", "-o", "-")
    assert (done.returncode, done.stderr) == (0, b"")
    head, rest = done.stdout.split(b"\n", 1)
    assert head.startswith(b"YUV4MPEG2 W128 H96 F30000:1001 ")
    assert b"C420jpeg" in head
    assert len(rest) == 5 * (6 + 128 * 96 * 3 // 2)
    net = load("tiny")
    for index, frame in enumerate(frames_of(done.stdout)):
        luma = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(96, -1)[:, :128]
        np.testing.assert_array_equal(luma, net(np.full((48, 64), index, np.uint8)))


def test_the_first_frame_comes_out_before_the_input_ends() -> None:
    command = command_line("upscale", "-", "-o", "-", *OPTIONS)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        pieces = y4m(4)
        for _ in range(4):  # the head and three frames
            run.stdin.write(next(pieces))
        run.stdin.flush()
        assert select.select([run.stdout], [], [], 300)[0], "nothing came out"
        assert os.read(run.stdout.fileno(), 9) == b"YUV4MPEG2"
        run.stdin.write(next(pieces))
        run.stdin.close()
        assert run.stdout.read().count(b"FRAME\n") == 4
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("form", "codec"),
    [("mkv", "h264"), ("mkv", "h265"), ("webm", "vp9"), ("mkv", "av1"), ("ts", "h264"), ("nut", "h264")],
)
def test_no_encoder_or_container_holds_frames_back(form: str, codec: str) -> None:
    """The fifth frame of an input that doesn't end brings the first one out."""
    command = command_line("upscale", "-", "-o", "-", "--format", form, "--codec", codec, *OPTIONS)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        pieces = y4m(60, 128, 96)
        for _ in range(6):
            run.stdin.write(next(pieces))
        run.stdin.flush()
        data = b""
        while not shown(data):
            assert select.select([run.stdout], [], [], 60)[0], f"nothing more after {len(data)} bytes"
            data += os.read(run.stdout.fileno(), 2**16)
        for piece in pieces:
            run.stdin.write(piece)
        run.stdin.close()
        assert len(frames_of(data + run.stdout.read())) == 60
    assert run.returncode == 0


def shown(data: bytes) -> bool:
    """Whether a player would show something of this beginning of a stream."""
    with contextlib.suppress(av.FFmpegError, IndexError):
        return bool(frames_of(data))
    return False


def test_matroska_and_its_sound_go_through(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", frames=12, width=48, height=32)
    done = piped(clip.read_bytes(), "-", "-o", "-", "-s", "1.5")
    assert done.returncode == 0, done.stderr
    assert b"standard input: 2x by tiny, then 96x64 to 72x48 by bicubic" in done.stderr
    made = frames_of(done.stdout)
    assert [(frame.width, frame.height) for frame in made] == [(72, 48)] * 12
    assert [frame.pts * frame.time_base for frame in made] == [Fraction(n, 25) for n in range(12)]


def test_raw_frames(tmp_path: Path) -> None:
    raw = b"".join(y4m(3)).split(b"\n", 1)[1].replace(b"FRAME\n", b"")
    about = ("--pix-fmt", "yuv420p", "--video-size", "64x48", "--rate", "30000/1001")
    done = piped(raw, "-", "-o", "-", *about)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 4 * len(raw)
    (tmp_path / "a.yuv").write_bytes(raw)
    other = piped(b"", tmp_path / "a.yuv", "-o", "-", "--format", "y4m", *about)
    assert other.stdout.startswith(b"YUV4MPEG2 W128 H96 F30000:1001 ")
    assert b"".join(other.stdout.split(b"\n", 1)[1].split(b"FRAME\n")) == done.stdout


def test_pictures() -> None:
    data = io.BytesIO()
    Image.new("RGB", (20, 10), (90, 30, 60)).save(data, "PNG")
    done = piped(data.getvalue(), "-", "-o", "-", "--format", "webp")
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.format, image.size) == ("WEBP", (40, 20))


def test_mp4_with_its_contents_at_the_end_is_saved_first(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, width=48, height=32)
    assert clip.read_bytes().find(b"moov") > clip.read_bytes().find(b"mdat")
    done = piped(clip.read_bytes(), "-", "-o", tmp_path / "out.mp4")
    assert done.returncode == 0, done.stderr
    assert len(frames_of((tmp_path / "out.mp4").read_bytes())) == 3


def test_fifos_on_both_sides(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.y4m")
    os.mkfifo(tmp_path / "out.y4m")
    got = []
    threads = [
        threading.Thread(target=lambda: (tmp_path / "in.y4m").write_bytes(b"".join(y4m(3)))),
        threading.Thread(target=lambda: got.append((tmp_path / "out.y4m").read_bytes())),
    ]
    for thread in threads:
        thread.start()
    done = piped(b"", tmp_path / "in.y4m", "-o", tmp_path / "out.y4m")
    for thread in threads:
        thread.join(60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert got[0].count(b"FRAME\n") == 3


def test_a_format_that_is_written_back_to_front_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.mp4")
    reader = threading.Thread(target=(tmp_path / "out.mp4").read_bytes)
    reader.start()
    done = piped(b"".join(y4m(2)), "-", "-o", tmp_path / "out.mp4")
    reader.join(60)
    assert done.returncode == 2
    assert b"out.mp4: mp4 can't be written to a pipe" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_ctrl_c_ends_a_wait_for_standard_input() -> None:
    code = (
        "import signal, sys\n"
        "from pocketsr.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # tests in a shell's background inherit none
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "upscale", "-", "-o", "-", *OPTIONS]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stderr is not None
        for piece in y4m(3):
            run.stdin.write(piece)
        run.stdin.flush()  # and it stays open: nothing more comes
        assert len(run.stdout.read(2 * 128 * 96 * 3 // 2)) == 2 * 128 * 96 * 3 // 2
        run.send_signal(signal.SIGINT)
        try:
            assert run.wait(120) == 130
        finally:
            run.kill()
        assert run.stderr.read() == b"pocketsr: interrupted\n"


@pytest.mark.parametrize("form", ["y4m", "mkv"])
def test_a_reader_that_goes_away_ends_it_quietly(form: str) -> None:
    command = command_line("upscale", "-", "-o", "-", "--format", form, "--codec", *_codec(form), *OPTIONS)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stderr is not None

        def write() -> None:
            assert run.stdin is not None
            with contextlib.suppress(BrokenPipeError, ValueError):
                for piece in y4m(100_000):
                    run.stdin.write(piece)
                run.stdin.close()

        writer = threading.Thread(target=write)
        writer.start()
        assert len(run.stdout.read(100)) == 100
        run.stdout.close()
        assert run.wait(300) == 141
        writer.join(60)
        assert run.stderr.read() == b""
        with contextlib.suppress(BrokenPipeError):
            run.stdin.close()


def _codec(form: str) -> list[str]:
    return ["wrapped_avframe"] if form == "y4m" else ["ffv1"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is asked of Linux")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """5,000 frames of 64x48 are 23 MB, and 92 MB when they are upscaled."""
    used = []
    for count in (100, 5000):
        (tmp_path / "in.y4m").write_bytes(b"".join(y4m(count)))
        with (tmp_path / "in.y4m").open("rb") as source:
            command = [sys.executable, "-c", MEASURED, "upscale", "-", "-o", "-", *OPTIONS]
            cat = subprocess.Popen(["cat"], stdin=source, stdout=subprocess.PIPE)
            done = subprocess.Popen(command, stdin=cat.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert done.stdout is not None
            size = sum(map(len, done.stdout))
            used.append(int(done.communicate()[1].split()[-1]))
            cat.wait(60)
        assert size > count * 128 * 96 * 3 // 2
    assert used[1] - used[0] < 24 << 10  # KiB


def test_several_files_and_what_is_there_already(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (20, 10), (90, 30, 60)).save(tmp_path / name)
    clip = make_clip(tmp_path / "c.mkv", frames=2, width=48, height=32)
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.jpg").write_text("mine")
    args = (tmp_path / "a.png", tmp_path / "b.png", clip, "-o", out, "--format", "jpg", "--skip-existing")
    done = piped(b"", *args)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["a.jpg", "b.jpg", "c.mkv"]
    assert (out / "b.jpg").read_text() == "mine"
    assert done.stdout.decode().splitlines() == [f"{out / 'a.jpg'}: 40x20", f"{out / 'c.mkv'}: 96x64"]
    assert f"skipped {tmp_path / 'b.png'}: {out / 'b.jpg'} exists" in done.stderr.decode()
    again = piped(b"", tmp_path / "a.png", "-o", out / "a.jpg", "--skip-existing")
    assert (again.returncode, again.stdout) == (0, b"")
    assert b"skipped" in again.stderr


def test_two_files_of_one_name_never_become_one(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for folder in (tmp_path, tmp_path / "x"):
        Image.new("L", (20, 10), 90).save(folder / "a.png")
    done = piped(b"", tmp_path / "a.png", tmp_path / "x" / "a.png", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert b"another of the files became" in done.stderr
