"""Pictures to payloads: sizes, colours, key frames and bit rates as each frame asks."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

pytest.importorskip("aiortc")

from aiortc.codecs import depayload
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from call_samples import picture

from pocketsr.serve import encoding
from pocketsr.serve.encoding import CallEncoder

CODECS = ["VP8", "H264"]


def _decoded(codec: str, payloads: list[list[bytes]]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create({"VP8": "vp8", "H264": "h264"}[codec], "r")
    decoder.thread_count = 1
    about = RTCRtpCodecParameters(f"video/{codec}", 90_000)
    data = [b"".join(depayload(about, payload) for payload in each) for each in payloads]
    found = []
    for each in data:
        if codec == "H264" and each[:5] == b"\0\0\0\1\x67":  # what FFmpeg knows of the sequence before is forgotten
            decoder = av.CodecContext.create("h264", "r")
        found += decoder.decode(av.Packet(each))
    return found


@pytest.mark.parametrize("codec", CODECS)
def test_each_picture_leaves_at_once_and_in_its_own_size(codec: str) -> None:
    done: list[int] = []
    encoder = CallEncoder(codec, done.append)
    sizes = [(64, 48)] * 3 + [(96, 64)] * 3 + [(64, 48)] * 2
    sent = [encoder.encode(picture(number, *size)) for number, size in enumerate(sizes)]
    assert [pts for _, pts in sent] == done == [3000 * number for number in range(8)]
    frames = _decoded(codec, [payloads for payloads, _ in sent])
    assert [(frame.width, frame.height) for frame in frames] == sizes
    assert [frame.key_frame for frame in frames] == [True, False, False] * 2 + [True, False]
    assert (encoder.sent.frames, encoder.sent.key_frames, encoder.sent.reopened) == (8, 3, 2)


@pytest.mark.parametrize("codec", CODECS)
def test_key_frames_when_they_are_asked_for(codec: str) -> None:
    encoder = CallEncoder(codec, lambda _: None)
    sent = [encoder.encode(picture(number), number in (4, 6))[0] for number in range(8)]
    assert [frame.key_frame for frame in _decoded(codec, sent)] == [number in (0, 4, 6) for number in range(8)]


@pytest.mark.parametrize("codec", CODECS)
def test_times_that_jump(codec: str) -> None:
    encoder, payloads = CallEncoder(codec, lambda _: None), []
    for number, pts in enumerate((900_000, 903_000, 0, -3000, 2**40, 3000)):
        each = picture(number)
        each.pts = pts
        made, told = encoder.encode(each)
        assert told == pts
        payloads.append(made)
    assert len(_decoded(codec, payloads)) == 6


def test_h264_says_what_the_colours_mean_from_each_frame_on() -> None:
    encoder, payloads = CallEncoder("H264", lambda _: None), []
    tags = [(5, 1), (5, 1), (1, 1), (1, 2), (1, 2), (2, 0)]  # matrix and range
    levels = []
    for number, (matrix, span) in enumerate(tags):
        each = picture(number, pix_fmt="yuvj420p" if span == 2 else "yuv420p")
        each.colorspace, each.color_range = matrix, span
        levels.append(each.to_ndarray()[:48].mean())
        payloads.append(encoder.encode(each)[0])
    frames = _decoded("H264", payloads)
    assert [(frame.colorspace, frame.color_range) for frame in frames] == tags
    assert encoder.sent.reopened == 3
    for frame, level in zip(frames, levels, strict=True):  # the samples stay what they are, whatever the range
        assert abs(frame.to_ndarray()[:48].mean() - level) < 3


@pytest.mark.parametrize("codec", CODECS)
def test_the_peers_line_sets_the_rate(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(encoding.time, "monotonic", lambda: now[0])
    encoder = CallEncoder(codec, lambda _: None)
    for number in range(3):
        encoder.encode(picture(number, 640, 368))
    before = encoder._codec
    assert before.bit_rate == 706_000
    encoder.target_bitrate = 10**9  # who says so is believed up to what such a picture can use
    encoder.encode(picture(3, 640, 368))
    assert encoder._codec.bit_rate == 2_119_000
    assert encoder._codec is not before  # x264 never goes beyond the largest rate that it was opened with
    before = encoder._codec
    encoder.target_bitrate = 1
    encoder.encode(picture(4, 640, 368))
    assert encoder._codec.bit_rate == 2_119_000  # not twice within two seconds
    now[0] += 3
    encoder.encode(picture(5, 640, 368))
    assert encoder._codec.bit_rate == 500_000
    assert (encoder._codec is before) == (codec == "H264")


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_sent_follows_the_peers_line_both_ways(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(encoding.time, "monotonic", lambda: now[0])
    encoder = CallEncoder(codec, lambda _: None)
    rng = np.random.default_rng(1)
    bits: list[int] = []
    for bps in (600_000, 2_000_000, 600_000):
        encoder.target_bitrate = bps
        now[0] += 3
        for number in range(45):
            if number == 15:
                before = encoder.sent.bytes
            luma = rng.integers(64, 192, (46, 80), np.uint8).repeat(8, 0).repeat(8, 1)  # nothing of it was there before
            frame = av.VideoFrame.from_ndarray(luma, "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = len(bits) * 45 + number, Fraction(1, 30)
            encoder.encode(frame)
        bits.append((encoder.sent.bytes - before) * 8)
    assert bits[0] * 1.6 < bits[1]
    assert bits[2] * 1.6 < bits[1]


@pytest.mark.parametrize("codec", CODECS)
def test_packets_fit_into_a_datagram(codec: str) -> None:
    import numpy as np

    noise = av.VideoFrame.from_ndarray(np.random.default_rng(0).integers(0, 256, (540, 640), np.uint8), "yuv420p")
    noise.pts, noise.time_base = 0, Fraction(1, 90_000)
    payloads, _ = CallEncoder(codec, lambda _: None).encode(noise)
    assert len(payloads) > 3
    assert max(map(len, payloads)) <= 1300
