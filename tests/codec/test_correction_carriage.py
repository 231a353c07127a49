"""Messages in streams: found where they were put, and nobody else takes notice of them."""

from __future__ import annotations

import io
from typing import cast

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream
from streams import sent

from pocketsr.codec.correction import found, put, with_message
from pocketsr.codec.correction.carriage import IDENTIFIER, Carrier
from pocketsr.codec.correction.nal import length_bytes
from pocketsr.codec.encoding import CodecSetting, VideoPacket, decode, described
from pocketsr.errors import ArgumentError

CARRIERS: tuple[Carrier, ...] = ("h264", "h265", "av1")
MESSAGES = [b"\0\0\1\0\0\0\3\0\0\2", b"\0" * 30, b"", b"\x80\0\0", bytes(range(256)) * 2, b"\xff" * 255]
"""What start codes, emulation prevention, trailing bits and long sizes could break."""


@pytest.fixture(scope="module", params=CARRIERS)
def stream(request: pytest.FixtureRequest) -> tuple[Carrier, list[VideoPacket]]:
    return request.param, sent(request.param)


def _marked(codec: Carrier, packets: list[VideoPacket]) -> list[VideoPacket]:
    return [with_message(codec, *two) for two in zip(packets, MESSAGES, strict=True)]


def test_messages_are_found_where_they_were_put(stream: tuple[Carrier, list[VideoPacket]]) -> None:
    codec, packets = stream
    assert [found(codec, bytes(packet)) for packet in packets] == [[]] * len(packets)
    marked = _marked(codec, packets)
    assert [found(codec, bytes(packet)) for packet in marked] == [[message] for message in MESSAGES]
    twice = put(codec, bytes(marked[0]), b"second")
    assert found(codec, twice) == [MESSAGES[0], b"second"]
    for one, other in zip(packets, marked, strict=True):
        assert (one.pts, one.dts, one.time_base, one.is_keyframe) == (
            other.pts, other.dts, other.time_base, other.is_keyframe
        )  # fmt: skip


def test_a_decoder_shows_the_same_frames(stream: tuple[Carrier, list[VideoPacket]]) -> None:
    codec, packets = stream
    plain, marked = (
        [frame.to_ndarray() for frame in decode(each, codec)] for each in (packets, _marked(codec, packets))
    )
    assert len(plain) == len(packets)
    assert all(np.array_equal(*two) for two in zip(plain, marked, strict=True))


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_they_come_through_a_file(stream: tuple[Carrier, list[VideoPacket]], container: str) -> None:
    """Where NAL units stand behind their lengths; and a message can be put there too."""
    codec, packets = stream
    file = io.BytesIO()
    told = described(CodecSetting(codec, 120, 30.0, 300))
    with av.open(file, "w", format=container) as output:
        track = cast(VideoStream, output.add_stream(told["encoder"], rate=30))
        track.width, track.height, track.pix_fmt = 96, 64, "yuv420p"
        track.codec_context.bit_rate, track.codec_context.options = 120_000, told["options"]
        made = [packet for frame in decode(packets, codec) for packet in track.encode(frame)] + track.encode(None)
        for packet, message in zip(made, MESSAGES, strict=True):
            output.mux(with_message(codec, packet, message))
    file.seek(0)
    with av.open(file) as source:
        video = source.streams.video[0]
        length = length_bytes(codec, video.codec_context.extradata)
        read_back = [packet for packet in source.demux(video) if packet.size]
        assert (length is not None) == (codec != "av1")
        assert [found(codec, bytes(packet), length) for packet in read_back] == [[message] for message in MESSAGES]
        again = put(codec, bytes(read_back[0]), b"again", length)
        assert found(codec, again, length) == [MESSAGES[0], b"again"]
    file.seek(0)
    with av.open(file) as source:
        assert sum(1 for _ in source.decode(video=0)) == len(MESSAGES)


def test_what_is_broken_raises_nothing(stream: tuple[Carrier, list[VideoPacket]]) -> None:
    codec, packets = stream
    rng = np.random.default_rng(0)
    whole = put(codec, bytes(packets[1]), b"message")
    for _ in range(700):
        data = bytearray(whole[: rng.integers(len(whole) + 1)] if rng.random() < 0.5 else whole)
        for _ in range(rng.integers(0, 8)):
            if data:
                data[rng.integers(min(len(data), 64))] = rng.integers(256)
        for length in (None,) if codec == "av1" else (None, 1, 2, 4):
            messages = found(codec, bytes(data), length)
            assert sum(map(len, messages)) <= len(data)


def test_many_messages_are_not_all_kept(stream: tuple[Carrier, list[VideoPacket]]) -> None:
    codec, packets = stream
    data = bytes(packets[1])
    for _ in range(80):
        data = put(codec, data, b"x")
    assert len(found(codec, data)) == 64


def test_where_there_is_no_picture_nothing_is_put() -> None:
    for codec in CARRIERS:
        for data in (b"", b"\0\0\1", b"\0\0\0\1\x09\x10", b"\x12\0"):
            if not (codec == "h265" and data.endswith(b"\x09\x10")):  # which is a slice there
                with pytest.raises(ArgumentError, match="no picture"):
                    put(codec, data, b"x")


def test_codecs_without_a_place_are_named() -> None:
    for call in (lambda: put("vp9", b"", b""), lambda: found("vp9", b"")):
        with pytest.raises(ArgumentError, match="vp9 has no place"):
            call()
    with pytest.raises(ArgumentError, match="AV1 has no lengths"):
        found("av1", b"", 4)
    with pytest.raises(ArgumentError, match="1 to 4"):
        found("h264", b"abc", 5)


def test_other_identifiers_are_not_ours() -> None:
    packet = Packet(bytes(sent("h264", count=1)[0]))  # x264 writes its version into SEI of its own
    assert b"x264" in bytes(packet)
    assert found("h264", bytes(packet)) == []
    assert IDENTIFIER.version == 4
