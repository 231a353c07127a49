"""Sound, subtitles, attachments, covers and captions come through."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from clipmaker import Clip, decode, replace_packets, samples, times, upscale

from pocketsr.errors import UserError

MKV = Clip(time_base=Fraction(1, 1000), pts=range(0, 480, 40))


def _sound(container: Any, _: Any) -> Any:
    """Adds an AAC or Opus stream; gives a function that makes its packets after each video frame."""
    codec = "libopus" if container.format.name == "webm" else "aac"
    audio = container.add_stream(codec, rate=48000)
    audio.metadata["language"] = "deu"
    audio.metadata["title"] = "Ton"

    def more(index: int) -> list[Any]:
        wave = (np.sin(np.arange(1920) / 20 + index) * 9000).astype(np.float32) / 32768
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1920, Fraction(1, 48000)
        if codec == "libopus":
            resampler = av.AudioResampler("s16", "stereo", 48000)
            return [packet for part in resampler.resample(frame) for packet in audio.encode(part)]
        return list(audio.encode(frame))

    return more


def packets(path: Path, kind: str) -> list[tuple[Fraction, Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [
            (packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base, bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm", ".ts"])
def test_sound_is_copied_bit_for_bit_and_in_time(tmp_path: Path, suffix: str) -> None:
    base = {".mp4": Fraction(1, 12800), ".mov": Fraction(1, 12800), ".ts": Fraction(1, 90000)}.get(
        suffix, Fraction(1, 1000)
    )
    step = round(Fraction(1, 25) / base)
    clip = Clip(time_base=base, pts=range(0, 25 * step, step))
    if suffix == ".webm":
        clip.codec, clip.options = "libvpx-vp9", {"deadline": "realtime"}
    source = clip.write(tmp_path / f"in{suffix}", setup=_sound)
    report = upscale(source, tmp_path / f"out{suffix}")
    before, after = packets(source, "audio"), packets(tmp_path / f"out{suffix}", "audio")
    assert [p[2] for p in after] == [p[2] for p in before]
    assert [p[:2] for p in after] == [p[:2] for p in before]
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        if suffix != ".mov":  # QuickTime's table has no code for it
            assert container.streams.audio[0].metadata["language"] == "deu"
        assert container.streams.audio[0].codec_context.layout.name == "stereo"
    assert report.warnings == []


def test_sound_before_zero_shifts_nothing(tmp_path: Path) -> None:
    """AAC begins before the video, by its encoder's delay; Matroska gets that too, and the video stays at zero."""
    source = Clip(pts=range(0, 25 * 512, 512)).write(tmp_path / "in.mp4", setup=_sound)
    assert packets(source, "audio")[0][0] < 0
    report = upscale(source, tmp_path / "out.mkv")
    assert packets(tmp_path / "out.mkv", "video")[0][0] == 0
    assert times(tmp_path / "out.mkv") == times(source)
    before, after = packets(source, "audio"), packets(tmp_path / "out.mkv", "audio")
    assert [p[2] for p in after] == [p[2] for p in before]
    assert max(abs(a[0] - b[0]) for a, b in zip(after, before, strict=True)) <= Fraction(1, 2000)
    assert report.warnings == []


def test_titles_of_streams_reach_mp4(tmp_path: Path) -> None:
    source = MKV.write(tmp_path / "in.mkv", setup=_sound)
    upscale(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].metadata["handler_name"] == "Ton"


def _subtitles(codec: str) -> Any:
    def setup(container: Any, _: Any) -> Any:
        subtitle = container.add_mux_stream(codec, time_base=Fraction(1, 1000))
        subtitle.metadata["language"] = "fra"
        subtitle.disposition = Disposition.forced

        def more(index: int) -> list[Any]:
            if index not in (2, 6):
                return []
            packet = av.Packet(f"<i>Bonjour</i> {index} é".encode())
            packet.pts = packet.dts = index * 40
            packet.duration, packet.time_base, packet.stream = 80, Fraction(1, 1000), subtitle
            packet.is_keyframe = True
            return [packet]

        return more

    return setup


def test_subtitles_are_copied(tmp_path: Path) -> None:
    source = MKV.write(tmp_path / "in.mkv", setup=_subtitles("subrip"))
    report = upscale(source, tmp_path / "out.mkv")
    assert packets(tmp_path / "out.mkv", "subtitle") == packets(source, "subtitle")
    assert len(packets(source, "subtitle")) == 2
    with av.open(str(tmp_path / "out.mkv")) as container:
        stream = container.streams.subtitles[0]
        assert stream.metadata["language"] == "fra"
        assert stream.disposition & Disposition.forced
    assert report.warnings == []


def test_text_subtitles_are_rewritten_for_mp4_and_back(tmp_path: Path) -> None:
    source = MKV.write(tmp_path / "in.mkv", setup=_subtitles("subrip"))
    upscale(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.subtitles[0].codec_context.name == "mov_text"
        assert container.streams.subtitles[0].metadata["language"] == "fra"
    texts = [(p[0], p[2][2:].decode()) for p in packets(tmp_path / "out.mp4", "subtitle") if len(p[2]) > 2]
    assert texts == [(Fraction(80, 1000), "Bonjour 2 é"), (Fraction(240, 1000), "Bonjour 6 é")]
    upscale(tmp_path / "out.mp4", tmp_path / "back.mkv")
    back = [(p[0], p[1], p[2].decode()) for p in packets(tmp_path / "back.mkv", "subtitle")]
    assert back == [
        (Fraction(2, 25), Fraction(2, 25), "Bonjour 2 é"),
        (Fraction(6, 25), Fraction(2, 25), "Bonjour 6 é"),
    ]
    upscale(tmp_path / "out.mp4", tmp_path / "again.mp4")
    assert packets(tmp_path / "again.mp4", "subtitle") == packets(tmp_path / "out.mp4", "subtitle")


def test_a_stream_that_does_not_fit_is_named_before_the_work(tmp_path: Path) -> None:
    source = MKV.write(tmp_path / "in.mkv", setup=_subtitles("subrip"))
    with pytest.raises(UserError, match=r"avi can't hold stream 1 \(subtitle, subrip\): write to \.mkv"):
        upscale(source, tmp_path / "out.avi")
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]


def test_attachments_and_covers(tmp_path: Path) -> None:
    def setup(container: Any, _: Any) -> None:
        container.add_attachment("font.ttf", "application/x-truetype-font", b"not really a font")

    source = MKV.write(tmp_path / "in.mkv", setup=setup)
    upscale(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        attachment = next(s for s in container.streams if s.type == "attachment")
        assert attachment.data == b"not really a font"
        assert attachment.metadata["filename"] == "font.ttf"
    report = upscale(source, tmp_path / "out.mp4")
    assert any("font.ttf" in text and "left out" in text for text in report.warnings)


def test_a_cover_picture_is_copied_and_never_upscaled(tmp_path: Path) -> None:
    def setup(container: Any, _: Any) -> Any:
        cover = container.add_mux_stream("png", width=32, height=32, time_base=Fraction(1, 1000))
        cover.disposition = Disposition.attached_pic
        data = _png(32)

        def more(index: int) -> list[Any]:
            if index:
                return []
            packet = av.Packet(data)
            packet.pts = packet.dts = 0
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 1000), cover, True
            return [packet]

        return more

    source = Clip().write(tmp_path / "in.mp4", setup=setup)
    upscale(source, tmp_path / "out.mp4")
    with av.open(str(source)) as a, av.open(str(tmp_path / "out.mp4")) as b:
        for container, size in ((a, 64), (b, 128)):
            plain = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
            covers = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
            assert [s.width for s in plain] == [size]
            assert [s.width for s in covers] == [32]
            packet = next(p for p in container.demux(covers[0]) if p.size)
            assert bytes(packet) == _png(32)


def _png(size: int) -> bytes:
    context = av.CodecContext.create("png", "w")
    context.width = context.height = size
    context.pix_fmt, context.time_base = "rgb24", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.full((size, size, 3), 99, np.uint8), "rgb24")
    return b"".join(bytes(p) for f in (frame, None) for p in context.encode(f))


def test_real_sound(tmp_path: Path, shared_data: Path) -> None:
    source = shared_data / "clips" / "bigbuckbunny.mp4"
    with av.open(str(source)) as container:  # the first second
        stream, audio = container.streams.video[0], container.streams.audio[0]
        with av.open(str(tmp_path / "in.mp4"), "w") as output:
            to = {s.index: output.add_stream_from_template(s, opaque=True) for s in (stream, audio)}
            for packet in container.demux(stream, audio):
                if packet.dts is not None and packet.dts * packet.time_base < 1:
                    packet.stream = to[packet.stream_index]
                    output.mux(packet)
    upscale(tmp_path / "in.mp4", tmp_path / "out.mp4", preset="ultrafast")
    assert packets(tmp_path / "out.mp4", "audio") == packets(tmp_path / "in.mp4", "audio")


def test_formats_without_times_before_zero_say_so(tmp_path: Path) -> None:
    source = Clip(pts=range(0, 25 * 512, 512)).write(tmp_path / "in.mp4", setup=_sound)
    report = upscale(source, tmp_path / "out.ts")
    late = Fraction(1024, 48000)
    assert report.warnings == [
        f"{tmp_path / 'out.ts'}: mpegts has no times before zero: all streams begin 0.021 s later; use .mp4 or .mkv"
    ]
    assert times(tmp_path / "out.ts")[0] == pytest.approx(late, abs=1e-4)
    assert packets(tmp_path / "out.ts", "audio")[0][0] == 0


def test_transport_streams_do_not_swallow_subtitles(tmp_path: Path) -> None:
    """FFmpeg would write any of them as private data that nothing can read."""
    source = MKV.write(tmp_path / "in.mkv", setup=_subtitles("subrip"))
    with pytest.raises(UserError, match=r"mpegts can't hold stream 1 \(subtitle, subrip\): write to \.mkv"):
        upscale(source, tmp_path / "out.ts")


def test_a_sound_that_few_formats_hold_names_one(tmp_path: Path) -> None:
    def setup(container: Any, _: Any) -> Any:
        audio = container.add_stream("wmav2", rate=44100, bit_rate=64000)

        def more(index: int) -> list[Any]:
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 2048), np.float32), "fltp", "stereo")
            frame.sample_rate, frame.pts = 44100, index * 2048
            return list(audio.encode(frame))

        return more

    source = Clip(time_base=Fraction(1, 1000), pts=range(0, 400, 40)).write(tmp_path / "in.wmv", setup=setup)
    with pytest.raises(UserError, match=r"mp4 can't hold stream 1 \(audio, wmav2\): write to \.mkv, or take it out"):
        upscale(source, tmp_path / "out.mp4")
    upscale(source, tmp_path / "out.avi")
    assert [p[2] for p in packets(tmp_path / "out.avi", "audio")] == [p[2] for p in packets(source, "audio")]


@pytest.mark.parametrize("channels", [1, 3])
def test_closed_captions_stay_on_their_frames(tmp_path: Path, channels: int) -> None:
    """CEA-608 pairs lie in the video stream itself, in an SEI message a frame."""
    plain = Clip(time_base=Fraction(1, 1000), pts=range(0, 400, 40)).write(tmp_path / "plain.mkv")

    def caption(index: int, data: bytes) -> bytes:
        pairs = bytes([0xFC, 0x14 + index, 0x2C, 0xFD, 0x80, 0x80])
        payload = b"\xb5\x00\x31GA94\x03" + bytes([0x42, 0xFF]) + pairs + b"\xff"
        unit = b"\x06\x04" + bytes([len(payload)]) + payload + b"\x80"
        return len(unit).to_bytes(4, "big") + unit + data

    source = replace_packets(plain, tmp_path / "in.mkv", caption)
    before = [bytes(frame.side_data["A53_CC"]) for frame in decode(source)]
    assert before[3] == bytes([0xFC, 0x17, 0x2C, 0xFD, 0x80, 0x80])
    report = upscale(source, tmp_path / "out.mkv", channels=channels)
    after = decode(tmp_path / "out.mkv")
    assert [bytes(frame.side_data["A53_CC"]) for frame in after] == before
    assert report.warnings == []
    assert float(samples(after[0])[0].std()) > 10
    report = upscale(source, tmp_path / "h265.mkv", codec="h265", channels=channels)
    assert [bytes(frame.side_data["A53_CC"]) for frame in decode(tmp_path / "h265.mkv")] == before
    assert report.warnings == []
    report = upscale(source, tmp_path / "av1.mkv", codec="av1")
    assert any("closed captions" in text for text in report.warnings)
