from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_samples import make_clip
from PIL import Image

from pocketsr.cli._upscaling import Job
from pocketsr.engine import load, load_chroma
from pocketsr.report import Report

Run = Callable[..., Any]


@pytest.fixture(autouse=True, scope="module")
def compiled() -> None:
    """The networks are in the cache, so that no line about compiling comes between."""
    load("tiny")
    load_chroma(siting="center")
    load_chroma(siting="left")


@pytest.fixture
def album(photo: Path, clip: Path) -> Path:
    folder = photo.with_name("album")
    (folder / "sub" / "empty").mkdir(parents=True)
    shutil.move(photo, folder / "a.png")
    shutil.move(clip, folder / "sub" / "clip.mp4")
    Image.new("RGB", (5, 3), "red").save(folder / "sub" / "b.JPG")
    return folder


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_same_names_in_the_same_places(pocketsr: Run, album: Path) -> None:
    out = album.with_name("out")
    done = pocketsr("upscale", album, "-o", out, "-m", "tiny")
    assert (done.code, done.err) == (0, "")
    assert _files(out) == ["a.png", "sub/b.JPG", "sub/clip.mp4"]
    assert [line.split(": ")[0] for line in done.out.splitlines()] == [str(out / name) for name in _files(out)]
    with Image.open(out / "sub" / "b.JPG") as image:
        assert image.size == (10, 6)


def test_one_bad_file_does_not_stop_the_rest(pocketsr: Run, album: Path) -> None:
    (album / "a0.png").write_text("This is no image.")
    (album / "notes.txt").write_text("notes")
    (album / "sub" / "anim.gif").write_bytes(b"GIF89a")
    out = album.with_name("out")
    done = pocketsr("upscale", album, "-o", out, "-m", "tiny")
    assert done.code == 2
    assert _files(out) == ["a.png", "sub/b.JPG", "sub/clip.mp4"]
    lines = done.err.splitlines()
    assert lines[0] == f"pocketsr: skipped {album / 'notes.txt'}: neither an image nor a video"
    assert lines[1].startswith(f"pocketsr: {album / 'a0.png'} is not an image")
    assert "anim.gif" in lines[2]
    assert lines[3:] == ["pocketsr: 2 of 5 files failed"]


def test_existing_outputs_need_y(pocketsr: Run, album: Path) -> None:
    out = album.with_name("out")
    assert pocketsr("upscale", album, "-o", out, "-m", "tiny").code == 0
    again = pocketsr("upscale", album, "-o", out, "-m", "tiny")
    assert again.code == 2
    assert again.err.splitlines()[-1] == "pocketsr: 3 of 3 files failed"
    assert pocketsr("upscale", album, "-o", out, "-m", "tiny", "-y").code == 0


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("album", "album", "lies in the input folder"),
        ("album", "album/sub/out", "lies in the input folder"),
        ("album", "file", "file is a file"),
        ("album/sub/empty", "out", "holds no image and no video"),
    ],
)
def test_folders_that_cannot_work(
    pocketsr: Run, album: Path, source: str, target: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(album.parent)
    Path("file").write_text("text")
    before = _files(album.parent)
    done = pocketsr("upscale", source, "-o", target, "-m", "tiny")
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert _files(album.parent) == before


def test_an_unknown_model_is_one_error_and_not_one_a_file(pocketsr: Run, album: Path) -> None:
    done = pocketsr("upscale", album, "-o", album.with_name("out"), "-m", "huge")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert not album.with_name("out").exists()


def test_what_systems_leave_behind_is_skipped_quietly(pocketsr: Run, album: Path) -> None:
    (album / "._a.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(40))
    (album / "sub" / "._clip.mp4").write_bytes(b"\0\5\x16\7" + bytes(40))
    (album / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (album / ".a.pocketsr-0123456789abcdef.part.png").write_bytes((album / "a.png").read_bytes())
    out = album.with_name("out")
    done = pocketsr("upscale", album, "-o", out, "-m", "tiny")
    assert (done.code, done.err) == (0, "")
    assert _files(out) == ["a.png", "sub/b.JPG", "sub/clip.mp4"]


def test_every_format_that_is_read_is_taken(pocketsr: Run, tmp_path: Path) -> None:
    """What is not written in its own format becomes PNG or Matroska."""
    folder = tmp_path / "in"
    folder.mkdir()
    picture = Image.new("RGB", (8, 8), "red")
    for name in ("a.avif", "b.jp2", "c.tga", "d.gif", "e.ico"):
        picture.save(folder / name)
    make_clip(folder / "f.h264", frames=3, width=32, height=16)
    shutil.move(make_clip(folder / "g.mp4", frames=3, width=32, height=16), folder / "g.qt")
    picture.save(folder / "i.mjpeg", "JPEG")
    (folder / "i.mjpeg").write_bytes((folder / "i.mjpeg").read_bytes() * 3)
    (folder / "j.y4m").write_bytes(b"YUV4MPEG2 W16 H16 F25:1 Ip C420jpeg\n" + (b"FRAME\n" + bytes(384)) * 3)
    (folder / "h.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    out = tmp_path / "out"
    done = pocketsr("upscale", folder, "-o", out, "-m", "tiny")
    more = ["i.mjpeg.mkv", "j.y4m.mkv"]
    assert _files(out) == ["a.avif", "b.jp2", "c.tga", "d.gif.png", "e.ico.png", "f.h264", "g.qt.mkv", *more], done.err
    assert done.code == 2
    assert "HEIC picture, which is not supported" in done.err
    assert done.err.splitlines()[-1] == "pocketsr: 1 of 10 files failed"


@pytest.mark.parametrize(
    "stop", [AttributeError("'AudioStream' has no 'name'\nat all"), MemoryError(), OSError(5, "I/O")]
)
def test_whatever_a_file_does_the_others_are_done(
    pocketsr: Run, album: Path, stop: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    upscale = Job.upscale

    def fail(self: Job, source: Path, target: Path | None, *, overwrite: bool) -> Report:
        if source.name == "a.png":
            raise stop
        return upscale(self, source, target, overwrite=overwrite)

    monkeypatch.setattr(Job, "upscale", fail)
    out = album.with_name("out")
    done = pocketsr("upscale", album, "-o", out, "-m", "tiny")
    assert done.code == 2
    assert _files(out) == ["sub/b.JPG", "sub/clip.mp4"]
    first, last = done.err.splitlines()
    assert str(album / "a.png") in first
    assert last == "pocketsr: 1 of 3 files failed"


def test_two_files_never_become_one(pocketsr: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (8, 8), "red").save(folder / "a.gif")
    Image.new("RGB", (8, 8), "blue").save(folder / "a.gif.png")
    done = pocketsr("upscale", folder, "-o", tmp_path / "out", "-m", "tiny", "-y")
    assert done.code == 2
    assert "became" in done.err
    assert _files(tmp_path / "out") == ["a.gif.png"]
