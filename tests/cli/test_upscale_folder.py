from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Run = Callable[..., Any]


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
    assert (done.code, done.out, done.err) == (0, "", "")
    assert _files(out) == ["a.png", "sub/b.JPG", "sub/clip.mp4"]
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
