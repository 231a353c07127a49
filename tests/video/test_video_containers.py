"""What a container can't hold is known before the work, and everything else comes through."""

from __future__ import annotations

import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec import CodecContext
from av.stream import Disposition
from boxes import SAMPLE_ENTRY, box, insert
from clipmaker import Clip, decode, replace_packets, samples, upscale

from pocketsr.errors import UserError

MS = Fraction(1, 1000)
MKV = Clip(time_base=MS, pts=range(0, 400, 40))


def sound(codec: str, **options: str) -> Any:
    """A stream of silence, for `Clip.write`."""

    def setup(container: Any, _: Any) -> Any:
        audio = container.add_stream(codec, rate=48000, options=options or None)
        context = audio.codec_context
        if codec == "wmav2":
            context.bit_rate = 64000
        context.open()
        resampler = av.AudioResampler(context.format.name, "stereo", 48000, context.frame_size or 1920)

        def more(index: int) -> list[Any]:
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1920), np.float32), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1920, Fraction(1, 48000)
            return [packet for part in resampler.resample(frame) for packet in audio.encode(part)]

        return more

    return setup


def streams(path: Path) -> list[tuple[str, str, int]]:
    """Type, codec and number of packets of each stream."""
    with av.open(str(path)) as container:
        counts = dict.fromkeys(range(len(container.streams)), 0)
        found = [(s.type, s.codec_context.name if s.codec_context else "") for s in container.streams]
        for packet in container.demux():
            counts[packet.stream_index] += bool(packet.size)
    return [(kind, name, counts[index]) for index, (kind, name) in enumerate(found)]


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv", ".webm"])
def test_sound_without_a_decoder_is_left_out_and_told(tmp_path: Path, suffix: str) -> None:
    """An iPhone's spatial sound, beside the plain one: the rest is done."""
    clip = Clip(pts=range(0, 10 * 512, 512)).write(tmp_path / "clip.mp4", setup=sound("aac"))
    (tmp_path / "in.mp4").write_bytes(clip.read_bytes().replace(b"mp4a", b"apac").replace(b"esds", b"free"))
    report = upscale(tmp_path / "in.mp4", tmp_path / f"out{suffix}")
    assert len(report.warnings) == 1
    assert "stream 1 (audio, apac: " in report.warnings[0]
    assert report.warnings[0].endswith("left out")
    assert [kind for kind, _, _ in streams(tmp_path / f"out{suffix}")] == ["video"]
    assert report.frames == 10


def _text(codec: str, data: bytes, base: Fraction) -> Any:
    """A subtitle stream of one packet, of a codec that nothing here need know."""

    def setup(container: Any, _: Any) -> Any:
        stream = container.add_mux_stream(codec, time_base=base)

        def more(index: int) -> list[Any]:
            if index != 2:
                return []
            packet = av.Packet(data)
            packet.pts = packet.dts = round(Fraction(2, 25) / base)
            packet.duration = round(Fraction(1, 25) / base)
            packet.time_base, packet.stream, packet.is_keyframe = base, stream, True
            return [packet]

        return more

    return setup


def test_teletext_and_ttml_are_copied_where_they_can_be(tmp_path: Path) -> None:
    base = Fraction(1, 90000)
    clip = Clip(time_base=base, pts=range(9000, 45000, 3600))
    teletext = clip.write(tmp_path / "in.ts", setup=_text("dvb_teletext", b"\x10\x02\x2c" + b"\xff" * 43, base))
    ttml = Clip().write(tmp_path / "in.mp4", setup=_text("ttml", b"<tt/>", MS))
    for source, same, other, name in ((teletext, ".ts", ".mkv", "dvb_teletext"), (ttml, ".mp4", ".webm", "ttml")):
        with av.open(str(source)) as container:
            assert container.streams[1].codec_context is None
        report = upscale(source, tmp_path / f"out{same}")
        assert streams(tmp_path / f"out{same}")[1] == ("subtitle", "", 1)
        assert report.warnings == []
        report = upscale(source, tmp_path / f"out{other}")
        assert [kind for kind, _, _ in streams(tmp_path / f"out{other}")] == ["video"]
        assert [text for text in report.warnings if f"stream 1 (subtitle, {name}: " in text and "left out" in text]


@pytest.mark.parametrize(("codec", "suffix"), [("pcm_alaw", ".mov"), ("adpcm_ima_wav", ".avi"), ("wmav2", ".wmv")])
def test_matroska_takes_what_ffmpeg_does_not_list(tmp_path: Path, codec: str, suffix: str) -> None:
    clip = MKV if suffix == ".wmv" else Clip(time_base=Fraction(1, 25), pts=range(10), codec="mpeg4", options={})
    source = clip.write(tmp_path / f"in{suffix}", setup=sound(codec))
    report = upscale(source, tmp_path / "out.mkv")
    assert streams(tmp_path / "out.mkv")[1] == streams(source)[1]
    assert [text for text in report.warnings if "audio" in text or "stream" in text] == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert next(container.decode(audio=0)).samples > 0


def test_pcm_of_no_named_layout_goes_into_mp4(tmp_path: Path) -> None:
    source = MKV.write(tmp_path / "in.mkv", setup=sound("pcm_s16le"))
    with av.open(str(source)) as container:
        assert container.streams.audio[0].layout.name == "2 channels"
    upscale(source, tmp_path / "out.mp4")
    assert streams(tmp_path / "out.mp4")[1][:2] == ("audio", "pcm_s16le")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].layout.name == "stereo"


def test_truehd_is_refused_by_name_and_goes_into_others(tmp_path: Path) -> None:
    """Its packets of 0.8 ms share times in Matroska, which other muxers don't take."""
    source = Path(__file__).parents[3] / "shared" / "cases" / "media" / "v12_truehd.mkv"
    if not source.exists():
        pytest.skip(f"needs {source}: this FFmpeg has no encoder for TrueHD")
    mend = r"write to \.mkv, or take it out first: "
    mend += r"ffmpeg -i v12_truehd\.mkv -map 0 -map -0:1 -c copy -copy_unknown CUT\.mkv"
    for suffix, reason in ((".mp4", "experimental"), (".mov", "only supported in MP4")):
        with pytest.raises(UserError, match=rf"can't hold stream 1 \(audio, truehd\): {mend} \(.*{reason}"):
            upscale(source, tmp_path / f"out{suffix}")
        assert not (tmp_path / f"out{suffix}").exists()
    count = streams(source)[1][2]
    for suffix in (".ts", ".mkv"):
        report = upscale(source, tmp_path / f"out{suffix}")
        assert streams(tmp_path / f"out{suffix}")[1][2] == count
        assert not [text for text in report.warnings if "could not be written" in text]


def test_all_that_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    def setup(container: Any, stream: Any) -> Any:
        more = (sound("aac")(container, stream), _text("ass", b"0,0,Default,,0,0,0,,hi", MS)(container, stream))
        return lambda index: [packet for part in more for packet in part(index)]

    source = MKV.write(tmp_path / "in.mkv", setup=setup)
    with pytest.raises(UserError) as caught:
        upscale(source, tmp_path / "out.webm")
    assert "stream 1 (audio, aac), stream 2 (subtitle, ass): write to .mkv, or take them out" in str(caught.value)
    assert "-map -0:1 -map -0:2 -c copy" in str(caught.value)
    assert "VP8 or VP9 or AV1" in str(caught.value)


def _cover(container: Any, _: Any) -> Any:
    context = CodecContext.create("mjpeg", "w")
    context.width = context.height = 32
    context.pix_fmt, context.time_base = "yuvj420p", Fraction(1, 25)
    data = b"".join(bytes(p) for f in (av.VideoFrame(32, 32, "yuvj420p"), None) for p in context.encode(f))
    if container.format.name == "matroska":
        container.add_attachment("front.jpg", "image/jpeg", data)
        return None
    stream = container.add_mux_stream("mjpeg", width=32, height=32, time_base=MS)
    stream.disposition = Disposition.attached_pic

    def more(index: int) -> list[Any]:
        packet = av.Packet(data)
        packet.pts = packet.dts = 0
        packet.time_base, packet.stream, packet.is_keyframe = MS, stream, True
        return [] if index else [packet]

    return more


def test_what_is_lost_is_said_before_the_work(tmp_path: Path) -> None:
    source = MKV.write(tmp_path / "in.mkv", setup=_cover)
    order: list[str] = []
    report = upscale(
        source,
        tmp_path / "out.mov",
        on_warning=order.append,
        on_progress=lambda *_: order.append("frame"),
    )
    assert order[0] == report.warnings[0]
    assert "can't hold stream 1 (cover, front.jpg): left out" in order[0]
    assert order[1:] == ["frame"] * 10


@pytest.mark.parametrize("source", [".mkv", ".mp4"])
@pytest.mark.parametrize("target", [".mkv", ".mp4"])
def test_a_cover_stays_one(tmp_path: Path, source: str, target: str) -> None:
    clip = MKV.write(tmp_path / f"in{source}", setup=_cover)
    report = upscale(clip, tmp_path / f"out{target}")
    with av.open(str(clip)) as a, av.open(str(tmp_path / f"out{target}")) as b:
        data = []
        for container in (a, b):
            film, cover = container.streams.video
            assert not film.disposition & Disposition.attached_pic
            assert cover.disposition & Disposition.attached_pic
            data.append(next(bytes(p) for p in container.demux(cover) if p.size))
        if source == target == ".mkv":
            assert cover.metadata["filename"] == "front.jpg"
    assert data[0] == data[1]
    assert report.warnings == []


def test_a_cover_is_not_lost_to_a_tag(tmp_path: Path) -> None:
    """FFmpeg writes either covers or tags of any name into MP4: the cover stays, and the tags are named."""

    def setup(container: Any, stream: Any) -> Any:
        container.metadata.update({"title": "Film", "purl": "https://example.org"})
        return _cover(container, stream)

    report = upscale(MKV.write(tmp_path / "in.mkv", setup=setup), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        _, cover = container.streams.video
        assert cover.disposition & Disposition.attached_pic
        assert container.metadata["title"] == "Film"
    assert len(report.warnings) == 1
    assert "can't hold the tags PURL beside a cover: left out; use .mkv" in report.warnings[0]


@pytest.mark.parametrize("target", [".mov", ".avi", ".ts"])
def test_a_cover_that_has_no_place_is_told(tmp_path: Path, target: str) -> None:
    clip = MKV.write(tmp_path / "in.mkv", setup=_cover)
    report = upscale(clip, tmp_path / f"out{target}")
    assert [text for text in report.warnings if "can't hold stream 1 (cover, front.jpg): left out" in text]
    assert len(streams(tmp_path / f"out{target}")) == 1


def _packets(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("suffix", [".mpg", ".vob"])
def test_program_streams(tmp_path: Path, suffix: str) -> None:
    clip = Clip(codec="mpeg2video", options={}, time_base=Fraction(1, 25), pts=range(10), format="vob")
    source = clip.write(tmp_path / f"in{suffix}", setup=sound("mp2"))
    report = upscale(source, tmp_path / f"out{suffix}")
    assert report.encoder.startswith("mpeg2video")
    assert report.size == (128, 96)
    shown = [sorted(p.pts * p.time_base for p in _packets(path)) for path in (source, tmp_path / f"out{suffix}")]
    assert [time - shown[0][0] for time in shown[0]] == [time - shown[1][0] for time in shown[1]]
    assert [b - a for a, b in pairwise(shown[1])] == [Fraction(1, 25)] * 9
    assert streams(tmp_path / f"out{suffix}")[1][:2] == streams(source)[1][:2]
    assert [text for text in report.warnings if "before zero" not in text] == []
    with pytest.raises(UserError, match="does not support"):
        upscale(Clip(rate=Fraction(7), pts=range(0, 7000, 700)).write(tmp_path / "slow.mp4"), tmp_path / "slow.mpg")


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_alpha_beside_the_packets(tmp_path: Path, codec: str) -> None:
    """Only Matroska keeps it; elsewhere it would be gone without a word."""
    clip = Clip(codec=codec, pix_fmt="yuva420p", time_base=MS, pts=range(0, 200, 40))
    clip.options = {"auto-alt-ref": "0", "deadline": "good", "crf": "4", "b": "1M"}

    def ramp() -> Any:
        chroma = np.full((24, 32), 128, np.uint8)
        while True:
            yield [np.full((48, 64), 90, np.uint8), chroma, chroma, np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))]

    source = clip.write(tmp_path / "in.webm", ramp(), lambda _, stream: stream.metadata.update(alpha_mode="1"))
    for suffix in (".webm", ".mkv"):
        upscale(source, tmp_path / f"out{suffix}")
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            decoder = CodecContext.create(codec, "r")
            frame = next(f for p in container.demux(video=0) for f in decoder.decode(p))
        assert frame.format.name == "yuva420p"
        assert np.abs(samples(frame)[3][40].astype(int) - np.arange(64).repeat(2) * 4).max() < 12
    with pytest.raises(UserError, match=r"none of our encoders puts yuva420p into mp4: use \.mkv"):
        upscale(source, tmp_path / "out.mp4")


def test_prores_4444_stays_prores(tmp_path: Path) -> None:
    """FFmpeg decodes it to 12 bits, and its encoder takes 10."""
    clip = Clip(codec="prores_ks", options={}, pix_fmt="yuva444p10le", time_base=Fraction(1, 25), pts=range(4))
    source = clip.write(tmp_path / "in.mov")
    report = upscale(source, tmp_path / "out.mov")
    assert report.encoder.startswith("prores_ks")
    assert [text for text in report.warnings if "keeps 10 of the 12 bits" in text]
    before, after = decode(source)[0], decode(tmp_path / "out.mov")[0]
    assert after.format.name == before.format.name == "yuva444p12le"
    for part, other in zip(samples(before), samples(after), strict=True):
        assert np.abs(part.repeat(2, 0).repeat(2, 1).astype(int) - other.astype(int)).mean() < 40  # of 4095


def test_what_the_container_cuts_off_is_cut_off(tmp_path: Path) -> None:
    """MP4's clean aperture and Matroska's PixelCrop, which players follow."""
    clip = Clip().write(tmp_path / "clip.mp4")
    aperture = box(b"clap", struct.pack(">8i", 60, 1, 40, 1, 0, 1, 0, 1))
    (tmp_path / "in.mp4").write_bytes(insert(clip.read_bytes(), SAMPLE_ENTRY, aperture))
    data = Clip(time_base=MS, pts=range(0, 480, 40)).write(tmp_path / "clip.mkv").read_bytes()
    assert data.count(b"\x54\xb2\x81\x04") == 1  # the unit of the display's size becomes PixelCropBottom 8
    (tmp_path / "in.mkv").write_bytes(data.replace(b"\x54\xb2\x81\x04", b"\x54\xaa\x81\x08"))
    for name, size, top, left in (("mp4", (120, 80), 4, 2), ("mkv", (128, 80), 0, 0)):
        report = upscale(tmp_path / f"in.{name}", tmp_path / f"out.{name}", codec="ffv1" if name == "mkv" else "h264")
        assert report.size == size
        whole, cut = decode(tmp_path / f"clip.{name}")[3], decode(tmp_path / f"out.{name}")[3]
        assert (cut.width, cut.height) == size
        expected = samples(whole)[0][top : top + 40, left : left + size[0] // 2].repeat(2, 0).repeat(2, 1)
        assert np.abs(expected.astype(int) - samples(cut)[0].astype(int)).mean() < 4


def _captioned(path: Path, first: int) -> Path:
    """H.264 with captions from frame `first` on."""
    plain = Clip(time_base=MS, pts=range(0, 80 * 40, 40)).write(path.with_name("plain.mkv"))

    def caption(index: int, data: bytes) -> bytes:
        payload = b"\xb5\x00\x31GA94\x03" + bytes([0x42, 0xFF, 0xFC, 0x14, 0x2C, 0xFD, 0x80, 0x80, 0xFF])
        unit = b"\x06\x04" + bytes([len(payload)]) + payload + b"\x80"
        return len(unit).to_bytes(4, "big") + unit + data if index >= first else data

    return replace_packets(plain, path, caption)


@pytest.mark.parametrize("first", [1, 70])
def test_captions_that_begin_later(tmp_path: Path, first: int) -> None:
    source = _captioned(tmp_path / "in.mkv", first)
    for codec in ("h264", "h265"):
        report = upscale(source, tmp_path / f"{codec}.mkv", codec=codec, preset="ultrafast")
        kept = [index for index, frame in enumerate(decode(tmp_path / f"{codec}.mkv")) if "A53_CC" in frame.side_data]
        assert kept == list(range(first, 80))
        assert report.warnings == []
    report = upscale(source, tmp_path / "ffv1.mkv", codec="ffv1")
    assert len([text for text in report.warnings if "closed captions" in text]) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<i>I</i> <3 you", "I <3 you"),
        ("a < b > c", "a < b > c"),
        ("<Door opens>", "<Door opens>"),
        ('<font color="#fff">x</font>{\\an8}', "x"),
        ("1 &lt; 2", "1 &lt; 2"),
    ],
)
def test_angle_brackets_are_text(tmp_path: Path, text: str, shown: str) -> None:
    source = MKV.write(tmp_path / "in.mkv", setup=_text("subrip", text.encode(), MS))
    upscale(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        found = [bytes(p)[2:].decode() for p in container.demux(subtitles=0) if p.size > 2]
    assert found == [shown]


def test_a_second_film_is_copied(tmp_path: Path) -> None:
    """As of two programmes in one transport stream."""
    base = Fraction(1, 90000)

    def second(container: Any, _: Any) -> Any:
        other = container.add_stream("mpeg2video", rate=25)
        other.width = other.height = 32
        other.pix_fmt = "yuv420p"

        def more(index: int) -> list[Any]:
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts, frame.time_base = 9000 + index * 3600, base
            return list(other.encode(frame))

        return more

    source = Clip(time_base=base, pts=range(9000, 45000, 3600)).write(tmp_path / "in.ts", setup=second)
    for suffix in (".ts", ".mkv", ".mp4"):
        report = upscale(source, tmp_path / f"out{suffix}")
        assert [kind for kind, _, _ in streams(tmp_path / f"out{suffix}")] == ["video", "video"]
        assert streams(tmp_path / f"out{suffix}")[1][2] == streams(source)[1][2]
        assert [text for text in report.warnings if "video stream 1 is copied at its own size" in text]


@pytest.mark.parametrize("which", [8, 12])
def test_a_packet_that_the_muxer_refuses_does_not_end_the_work(tmp_path: Path, which: int) -> None:
    """A frame of E-AC-3 that is no frame, hours into the film, or at its very end."""
    whole = MKV.write(tmp_path / "whole.mkv", setup=sound("eac3"))
    with av.open(str(whole)) as container, av.open(str(tmp_path / "in.mkv"), "w") as output:
        to = {stream.index: output.add_stream_from_template(stream, opaque=True) for stream in container.streams}
        count = 0
        for packet in container.demux():
            if not packet.size:
                continue
            made = packet
            if packet.stream_index == 1:
                count += 1
                if count == which:
                    made = av.Packet(b"\xff" * 64)
                    made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
            made.stream = to[packet.stream_index]
            output.mux(made)
    report = upscale(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert report.frames == 10
    assert [text for text in report.warnings if "1 packet of copied streams could not be written" in text]
    assert streams(tmp_path / "out.mp4")[1][2] == count - 1


def test_a_file_that_is_refused_as_a_whole_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Had the rehearsal missed that MP4 refuses PCM without a layout, in its trailer."""
    from pocketsr.video import extras

    source = MKV.write(tmp_path / "in.mkv", setup=sound("pcm_s16le"))
    monkeypatch.setattr(extras, "rehearse", lambda *_: None)
    monkeypatch.setattr(extras, "add_like", lambda output, stream: output.add_stream_from_template(stream, opaque=True))
    with pytest.raises(UserError, match="can't be written"):
        upscale(source, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]
