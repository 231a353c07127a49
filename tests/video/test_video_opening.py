"""What is opened, and what is not: nothing but the file that was named."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from clipmaker import Clip, upscale

from pocketsr.errors import UserError
from pocketsr.video.opening import open_input

TS = Clip(time_base=Fraction(1, 90000), pts=range(9000, 45000, 3600))


def _refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_input(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.m3u8", "a.ts", "a.mp4"])
@pytest.mark.parametrize("absolute", [False, True])
def test_a_playlist_opens_nothing(tmp_path: Path, name: str, absolute: bool) -> None:
    other = TS.write(tmp_path / "other.ts")
    part = other if absolute else other.name
    (tmp_path / name).write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{part}\n#EXT-X-ENDLIST\n")
    assert "is an HLS playlist" in _refusal(tmp_path / name)


def test_lists_and_manifests_open_nothing(tmp_path: Path) -> None:
    other = Clip().write(tmp_path / "other.mp4")
    (tmp_path / "c.mp4").write_text(f"ffconcat version 1.0\nfile {other.name}\n")
    (tmp_path / "d.mpd").write_text('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>')
    (tmp_path / "s.sdp").write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n")
    assert "list of files for FFmpeg's concat" in _refusal(tmp_path / "c.mp4")
    assert "is a manifest" in _refusal(tmp_path / "d.mpd")
    assert "is a session description" in _refusal(tmp_path / "s.sdp")


def test_pictures_and_sound_are_no_videos(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("frame%03d.png", "frame001.png", "x.jpg", "x.webp", "x.tif", "x.ppm"):
        Image.new("RGB", (8, 8)).save(tmp_path / name, format={".tif": "TIFF"}.get(Path(name).suffix))
        assert "isn't supported as a video" in _refusal(tmp_path / name)
    with av.open(str(tmp_path / "x.wav"), "w") as container:
        container.add_stream("pcm_s16le", rate=8000)
        container.start_encoding()
    assert "x.wav is" in _refusal(tmp_path / "x.wav")


def test_a_device_is_not_read(tmp_path: Path) -> None:
    assert "is a device" in _refusal(Path("/dev/zero"))
    (tmp_path / "x.mp4").symlink_to("/dev/zero")
    assert "is a device" in _refusal(tmp_path / "x.mp4")


def test_a_film_without_a_decoder_names_its_codec(tmp_path: Path) -> None:
    clip = Clip().write(tmp_path / "clip.mp4")
    (tmp_path / "in.mp4").write_bytes(clip.read_bytes().replace(b"avc1", b"zz01"))
    with pytest.raises(UserError, match=r"no decoder for its video \(zz01\)"):
        upscale(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "in.mp4"]


def test_a_still_picture_in_mp4_is_none(tmp_path: Path) -> None:
    clip = Clip(pts=(0,)).write(tmp_path / "clip.mp4")
    (tmp_path / "in.mp4").write_bytes(clip.read_bytes().replace(b"isom", b"heic", 1))
    assert "is a still picture (HEIC)" in _refusal(tmp_path / "in.mp4")


def test_pictures_that_nothing_decodes_are_named(tmp_path: Path) -> None:
    for head, name in ((b"\xff\x0a\xf8\x3e", "JPEG XL"), (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000")):
        (tmp_path / "x").write_bytes(head + bytes(2000))
        assert f"is a still picture ({name}), and there is no decoder for its video" in _refusal(tmp_path / "x")


def test_a_frame_of_gigabytes_is_not_decoded(tmp_path: Path) -> None:
    clip = Clip(codec="ffv1", options={}, time_base=Fraction(1, 1000), pts=(0, 40)).write(tmp_path / "clip.mkv")
    data = bytearray(clip.read_bytes())
    for name in (b"\xb0\x81\x40", b"\xba\x81\x30"):  # PixelWidth 64, PixelHeight 48, a byte each
        at = data.index(name)
        data[at + 2] = 0xFF
    (tmp_path / "in.mkv").write_bytes(data)
    upscale(tmp_path / "in.mkv", tmp_path / "out.mkv")  # 255x255, as a check that the two were found
    from pocketsr.video import decoding

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_MOST_PIXELS", 255 * 254)
        with pytest.raises(UserError, match="not one frame of its video could be decoded"):
            upscale(tmp_path / "in.mkv", tmp_path / "out2.mkv")
