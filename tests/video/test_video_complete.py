"""The output is either complete or absent, whatever happens on the way."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from clipmaker import Clip, Repeat, decode, run_apart, upscale

from pocketsr.errors import UserError
from pocketsr.video import upscale_video


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip().write(tmp_path / "in.mp4")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_existing_output_needs_overwrite(tmp_path: Path, clip: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    with pytest.raises(UserError, match="exists already: pass -y"):
        upscale(clip, target)
    assert target.read_bytes() == b"old"
    upscale(clip, target, overwrite=True)
    assert len(decode(target)) == 12


def test_a_link_to_an_output_stays_a_link(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "out.mp4").symlink_to(tmp_path / "there" / "real.mp4")
    upscale(clip, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").is_symlink()
    assert len(decode(tmp_path / "there" / "real.mp4")) == 12
    assert names(tmp_path / "there") == ["real.mp4"]


def test_a_failing_network_leaves_nothing_behind(tmp_path: Path, clip: Path) -> None:
    class Failing(Repeat):
        def __call__(self, y: Any, bits: Any = None, out: Any = None) -> Any:
            if len(self.calls) == 3:
                raise RuntimeError("network broke")
            return super().__call__(y, bits, out)

    with pytest.raises(RuntimeError, match="network broke"):
        upscale_video(clip, tmp_path / "out.mp4", Failing(), lambda _: Repeat())
    assert names(tmp_path) == ["in.mp4"]


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    source = Clip(pts=range(0, 600 * 512, 512)).write(tmp_path / "in.mp4")
    old = tmp_path / "out.mp4"
    old.write_bytes(b"old")

    def interrupt(done: int, _: int | None) -> None:
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upscale(source, old, overwrite=True, on_progress=interrupt)
    assert names(tmp_path) == ["in.mp4", "out.mp4"]
    assert old.read_bytes() == b"old"


def test_a_real_ctrl_c(tmp_path: Path) -> None:
    """SIGINT in the middle of the work, in a process of its own."""
    Clip(width=320, height=240, pts=range(0, 500 * 512, 512)).write(tmp_path / "in.mp4")
    code = (
        "import os, signal, sys, pathlib\n"
        "from clipmaker import upscale\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # tests in a shell's background inherit none
        "fire = lambda done, total: done == 40 and os.kill(os.getpid(), signal.SIGINT)\n"
        "try:\n    upscale(pathlib.Path('in.mp4'), pathlib.Path('out.mp4'), on_progress=fire)\n"
        "except KeyboardInterrupt:\n    sys.exit(130)\n"
    )
    done = run_apart(code, tmp_path)
    assert done.returncode == 130
    assert names(tmp_path) == ["in.mp4"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of one megabyte."""
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    try:
        done = subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("mounting a small file system needs root")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk(tmp_path: Path, small_disk: Path, suffix: str) -> None:
    rng = __import__("numpy").random.default_rng(1)
    noisy = [[rng.integers(0, 255, s, "uint8") for s in ((120, 160), (60, 80), (60, 80))] for _ in range(40)]
    source = Clip(width=160, height=120, pts=range(0, 40 * 512, 512)).write(tmp_path / "in.mp4", noisy)
    with pytest.raises(UserError, match=r"the disk is full; nothing was left behind"):
        upscale(source, small_disk / f"out{suffix}", crf=1)
    assert names(small_disk) == []


def test_a_disk_that_fills_at_the_very_end(tmp_path: Path, small_disk: Path) -> None:
    """A few bytes are left: the file opens, and only its end can't be written."""
    source = Clip().write(tmp_path / "in.mp4")
    (small_disk / "ballast").write_bytes(bytes(1024 * 1024 - 8192))
    with pytest.raises(UserError, match="the disk is full"):
        upscale(source, small_disk / "out.mp4", crf=1)
    assert names(small_disk) == ["ballast"]
