"""Corrections in long videos: each segment applies what came within it, wherever the work was interrupted."""

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
from pocketsr.video import VideoOptions
from pocketsr.video.segments import Listeners, plan_segments, upscale_in_segments

NETWORK = "bicubic"
ENCODERS: dict[Carrier, str] = {"h264": "libx264", "av1": "libsvtav1"}
LIMITS = {"long": 20, "least": 8}
FRAMES, GOP, FROM = 36, 12, 5


class Stop(KeyboardInterrupt):
    pass


def _message() -> bytes:
    coefficients = np.random.default_rng(1).integers(-9, 10, (4, 41)).astype(np.int8)
    return write(Message(network_id(NETWORK), Correction(coefficients)))


def _clip(path: Path, codec: Carrier) -> Path:
    """A message with picture `FROM` of the first segment, and none after that."""
    still = np.random.default_rng(0).integers(40, 200, (64 * 3 // 2, 64)).astype(np.uint8)
    pictures = [np.roll(still, 3 * number, axis=1) for number in range(FRAMES)]
    packets = encode(as_frames(pictures, 30), CodecSetting(codec, 300, 30, GOP))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(ENCODERS[codec], rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number, packet in enumerate(packets):
            made = with_message(codec, packet, _message()) if number == FROM else packet
            made.stream = stream
            container.mux(made)
    return path


def _lumas(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [next(Frame.from_av(frame).components).copy() for frame in container.decode(video=0)]


@pytest.mark.parametrize(("codec", "suffix"), [("h264", "mp4"), ("av1", "mkv")])
def test_a_correction_counts_within_its_segment(codec: Carrier, suffix: str, tmp_path: Path) -> None:
    source, target = _clip(tmp_path / f"in.{suffix}", codec), tmp_path / "out.mkv"
    plan = plan_segments(source, keep_clock=False, **LIMITS)
    assert plan is not None
    assert len(plan.sections) == FRAMES // GOP
    network = load(NETWORK, 1)

    def made(listeners: Listeners | None = None) -> None:
        done = upscale_in_segments(
            source, target, network, lambda siting: load_chroma(2, siting, 1), VideoOptions(codec="ffv1"),
            network=NETWORK, overwrite=True, listeners=listeners, **LIMITS,
        )  # fmt: skip
        assert done is not None

    made()
    whole = target.read_bytes()
    receiver = Receiver(network_id(NETWORK))
    assert receiver.hear(_message())
    for number, (small, large) in enumerate(zip(_lumas(source), _lumas(target), strict=True)):
        plain = network(np.ascontiguousarray(small))
        corrected = receiver.apply(np.ascontiguousarray(small), plain)
        assert not np.array_equal(plain, corrected)
        assert np.array_equal(large, corrected if FROM <= number < GOP else plain), number

    def stop(done: int, _: int | None) -> None:
        if done > GOP + 2:
            raise Stop

    with pytest.raises(Stop):
        made(Listeners(progress=stop))
    said: list[str] = []
    made(Listeners(resume=said.append))
    assert said
    assert said[0].startswith("going on: ")
    assert target.read_bytes() == whole
