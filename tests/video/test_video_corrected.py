"""Files that carry corrections are upscaled with them, picture by picture."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from pocketsr.codec.correction import Correction, Message, Receiver, network_id, with_message, write
from pocketsr.codec.correction.carriage import Carrier
from pocketsr.codec.encoding import CodecSetting, as_frames, encode
from pocketsr.engine import load, load_chroma
from pocketsr.frames import Frame
from pocketsr.video import VideoOptions, upscale_video
from pocketsr.video.file_source import VideoFileSource

NETWORK = "bicubic"
ENCODERS: dict[Carrier, str] = {"h264": "libx264", "h265": "libx265", "av1": "libsvtav1"}


def _message(seed: int) -> bytes:
    coefficients = np.random.default_rng(seed).integers(-9, 10, (4, 41)).astype(np.int8)
    return write(Message(network_id(NETWORK), Correction(coefficients)))


def _clip(path: Path, codec: Carrier, messages: dict[int, bytes]) -> None:
    rng = np.random.default_rng(0)
    still = rng.integers(40, 200, (96 * 3 // 2, 128)).astype(np.uint8)
    pictures = [np.roll(still, 3 * number, axis=1) for number in range(6)]
    packets = encode(as_frames(pictures, 30), CodecSetting(codec, 300, 30, 300))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(ENCODERS[codec], rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number, packet in enumerate(packets):
            data = messages.get(number)
            made = packet if data is None else with_message(codec, packet, data)
            made.stream = stream
            container.mux(made)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("h264", "mp4"), ("h264", "mkv"), ("h264", "ts"), ("h265", "mp4"), ("av1", "mkv"), ("av1", "mp4")],
)
def test_corrections_in_files_are_applied(codec: Carrier, suffix: str, tmp_path: Path) -> None:
    source, target = tmp_path / f"in.{suffix}", tmp_path / "out.mkv"
    messages = {1: _message(1), 3: b"torn" + _message(2), 4: write(Message(network_id(NETWORK), None))}
    _clip(source, codec, messages)
    network, receiver = load(NETWORK), Receiver(network_id(NETWORK))
    wanted = []
    with VideoFileSource(source) as frames:
        for number, frame in enumerate(frames):
            assert len(frame.messages) == (number in messages)
            if number in messages:
                receiver.hear(messages[number])
            luma = np.ascontiguousarray(next(frame.components))
            wanted.append(receiver.apply(luma, network(luma)))
            assert (receiver.correction is not None) == (1 <= number < 4)
    upscale_video(source, target, network, lambda siting: load_chroma(2, siting), VideoOptions(codec="ffv1"))
    with av.open(str(target)) as container:
        made = [next(Frame.from_av(frame).components).copy() for frame in container.decode(video=0)]
    assert len(made) == len(wanted) == 6
    for one, other in zip(made, wanted, strict=True):
        assert np.array_equal(one, other)
