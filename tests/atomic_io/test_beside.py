"""Part files: nobody else's file is written to or removed, and nothing of a killed process stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pocketsr import atomic_io as beside
from pocketsr.atomic_io import Beside, is_part, replacing, scratch_folder
from pocketsr.errors import UserError


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has swept no folder yet."""
    monkeypatch.setattr(beside, "_swept", set())


def _killed_while_writing(target: Path) -> None:
    """A process writes half of `target` and is killed."""
    code = (
        "import os, sys, signal; from pathlib import Path; from pocketsr.atomic_io import replacing\n"
        "with replacing(Path(sys.argv[1])) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, target], check=False).returncode == -signal.SIGKILL


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    _killed_while_writing(tmp_path / "a.mp4")
    (left,) = tmp_path.iterdir()
    assert is_part(left.name)
    foreign = [tmp_path / name for name in (".a.mp4.4711.part.mp4", ".a.mp4.part", ".pocketsr-notes.part", "b.mp4")]
    for path in foreign:
        path.write_text("precious")
    victim = tmp_path / "victim"
    victim.write_text("precious")
    link = tmp_path / ".x.pocketsr-0123456789abcdef.part.mp4"
    link.symlink_to(victim)
    with replacing(tmp_path / "c.txt") as live, scratch_folder(tmp_path) as folder:
        beside._swept.clear()
        with replacing(tmp_path / "d.txt") as part:
            part.write_text("d")
        assert live.exists()
        assert folder.is_dir()
        live.write_text("c")
    assert {path.name for path in tmp_path.iterdir()} == {
        *(p.name for p in foreign),
        link.name,
        "victim",
        "c.txt",
        "d.txt",
    }
    assert {path.read_text() for path in (*foreign, victim)} == {"precious"}


def test_a_planted_file_is_never_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(os, "urandom", bytes)  # the name is guessed
    (tmp_path / f".a.pocketsr-{bytes(8).hex()}.part.png").symlink_to(victim)
    with pytest.raises(UserError, match="File exists"):
        Beside(tmp_path / "a.png", tmp_path / "in.png", overwrite=False)
    assert victim.read_text() == "precious"


def test_two_names_are_never_the_same(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as one, replacing(tmp_path / "a") as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
    assert (tmp_path / "a").read_text() == "one"  # the last that was moved


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "é" * 125 + ".png", "a." + "p" * 253])
def test_names_as_long_as_the_file_system_takes(tmp_path: Path, name: str) -> None:
    out = Beside(tmp_path / name, tmp_path / "in", overwrite=False)
    assert len(os.fsencode(out.path.name)) <= 255
    out.path.write_text("whole")
    out.keep()
    out.discard()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 256 bytes: 255 are the most here"):
        Beside(tmp_path / ("n" * 252 + ".png"), tmp_path / "in", overwrite=False)


def test_file_and_folder_are_synced_around_the_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, move = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")  # noqa: PTH112
        sync(handle)

    def replace(self: Path, target: Path) -> Path:
        done.append("move")
        return move(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    with replacing(tmp_path / "a") as part:
        part.write_text("whole")
    assert done == ["file", "move", "folder"]


def test_a_link_keeps_pointing_where_it_points(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dead").symlink_to("new")
    for name in ("link", "dead"):
        with replacing(tmp_path / name) as part:
            part.write_text(name)
        assert (tmp_path / name).is_symlink()
    assert ((tmp_path / "real").read_text(), (tmp_path / "new").read_text()) == ("link", "dead")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match="can't be written: Too many levels of symbolic links"):
        Beside(tmp_path / "loop", tmp_path / "in", overwrite=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's link")
def test_a_strangers_link_in_a_shared_folder_is_not_followed(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "out.png").symlink_to(tmp_path / "victim")
    os.lchown(shared / "out.png", 4711, 4711)
    with pytest.raises(UserError, match="another user's link"):
        Beside(shared / "out.png", tmp_path / "in", overwrite=True)
    assert not (tmp_path / "victim").exists()


def test_who_could_not_read_the_old_file_cannot_read_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o600)
    with replacing(tmp_path / "a") as part:
        part.write_text("new")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_part_file_that_another_has_exchanged_is_not_kept(tmp_path: Path) -> None:
    out = Beside(tmp_path / "a.png", tmp_path / "in", overwrite=False)
    out.path.unlink()
    out.path.write_text("foreign")
    with pytest.raises(OSError, match="another process"):
        out.keep()
    assert not (tmp_path / "a.png").exists()
    out.discard()


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_up_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Two runs to one output: the second finds the first one's result only at its own end."""
    if not links:  # as on FAT

        def link(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
    target, source = tmp_path / "out", tmp_path / "in"
    out = Beside(target, source, overwrite=False)
    out.path.write_text("mine")
    target.write_text("theirs")
    with pytest.raises(OSError, match="come up meanwhile; pass -y"):
        out.keep()
    out.discard()
    assert target.read_text() == "theirs"
    target.unlink()
    again = Beside(target, source, overwrite=False)
    again.path.write_text("mine")
    again.keep()
    again.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("source", "named"), [("a.png", "a_2x.png"), ("b.mp4", "b_2x.mp4"), ("frames", "frames_2x.mkv")]
)
def test_a_folder_is_answered_with_a_name_of_the_input_s_kind(tmp_path: Path, source: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        Beside(tmp_path, tmp_path / source, overwrite=True)
