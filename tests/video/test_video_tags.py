"""Chapters, metadata, rotation and aspect come through."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from clipmaker import Clip, decode, upscale

MKV = Clip(time_base=Fraction(1, 1000), pts=range(0, 480, 40))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_chapters_and_tags(tmp_path: Path, suffix: str) -> None:
    def setup(container: Any, stream: Any) -> None:
        container.metadata.update({"title": "Ein Film", "artist": "wir", "date": "2024"})
        base = Fraction(1, 1000)
        container.set_chapters(
            [
                {"id": 1, "start": 0, "end": 200, "time_base": base, "metadata": {"title": "eins"}},
                {"id": 2, "start": 200, "end": 480, "time_base": base, "metadata": {"title": "zwei"}},
            ]
        )
        stream.metadata["language"] = "jpn"

    source = MKV.write(tmp_path / f"in{suffix}", setup=setup)
    report = upscale(source, tmp_path / f"out{suffix}")
    with av.open(str(source)) as a, av.open(str(tmp_path / f"out{suffix}")) as b:

        def chapters(container: Any) -> list[Any]:
            return [
                (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"])
                for c in container.chapters()
            ]

        assert chapters(b) == chapters(a)
        assert len(chapters(a)) == 2
        for key in ("title", "artist", "date"):
            assert b.metadata.get(key, b.metadata.get(key.upper())) == a.metadata.get(key, a.metadata.get(key.upper()))
        assert b.metadata.get("title") == "Ein Film"
        assert b.streams.video[0].metadata["language"] == "jpn"
    assert report.warnings == []


def test_tags_of_ones_own_survive_in_mp4(tmp_path: Path) -> None:
    def setup(container: Any, _: Any) -> None:
        container.metadata.update({"title": "t", "com.example.camera": "mine"})

    clip = Clip(container_options={"movflags": "use_metadata_tags"})
    source = clip.write(tmp_path / "in.mp4", setup=setup)
    upscale(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["com.example.camera"] == "mine"
        assert container.metadata["title"] == "t"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize(("degrees", "flip"), [(90, False), (180, False), (-90, False), (90, True)])
def test_rotation_is_kept(tmp_path: Path, suffix: str, degrees: int, flip: bool) -> None:
    def matrix(path: Path) -> bytes:
        return bytes(decode(path)[0].side_data["DISPLAYMATRIX"])

    def setup(_: Any, stream: Any) -> None:
        stream.set_display_rotation(degrees, hflip=flip)

    source = MKV.write(tmp_path / "in.mp4", setup=setup)
    report = upscale(source, tmp_path / f"out{suffix}")
    if flip and suffix == ".mkv":  # as FFmpeg writes it, Matroska holds rotations only
        assert any("display matrix" in text for text in report.warnings)
        return
    assert report.warnings == []
    assert abs(decode(source)[0].rotation) == abs(degrees)
    assert decode(tmp_path / f"out{suffix}")[0].rotation == decode(source)[0].rotation
    assert matrix(tmp_path / f"out{suffix}") == matrix(source)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "ffv1"])
def test_sample_aspect_is_kept(tmp_path: Path, suffix: str, codec: str) -> None:
    clip = Clip(time_base=Fraction(1, 1000), pts=(0, 40, 80), tags={"sample_aspect_ratio": Fraction(16, 11)})
    source = clip.write(tmp_path / f"in{suffix}")
    report = upscale(source, tmp_path / f"out{suffix}", codec=codec)
    if codec == "ffv1" and suffix == ".mkv":
        assert any("loses the pixel aspect 16/11" in text for text in report.warnings)
        return
    assert report.warnings == []
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)
