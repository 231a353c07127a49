"""A camera through `pocketsr.Stream`, in a window: python webcam.py [DEVICE or FILE] [NETWORK]

DEVICE is what FFmpeg calls it: /dev/video0 on Linux, "0" with avfoundation on macOS. The key q ends it. For the window
`pip install pocketsr opencv-python`; frames come through PyAV as they are (I420, NV12, YUYV), not converted to RGB.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from time import perf_counter

import av
from av.video.frame import VideoFrame

import pocketsr

FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}


def frames(source: str) -> Iterator[VideoFrame]:
    """Of a device, or of a file where it has a suffix."""
    kind = None if "." in source.rsplit("/", 1)[-1] else FORMATS[sys.platform]
    with av.open(source, format=kind) as container:
        yield from container.decode(video=0)


def upscaled(source: str, model: str = "small") -> Iterator[tuple[pocketsr.Frame, float]]:
    """Each frame twice as large, and the milliseconds that took; changes of size are followed."""
    with pocketsr.Stream(model) as stream:
        for frame in frames(source):
            start = perf_counter()
            yield stream(frame), 1e3 * (perf_counter() - start)


def main(source: str = "/dev/video0", model: str = "small") -> None:
    import cv2

    for frame, ms in upscaled(source, model):
        picture = frame.to_av().to_ndarray(format="bgr24")
        cv2.putText(picture, f"{model} {ms:.1f} ms", (12, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
        cv2.imshow("pocketsr", picture)
        if cv2.waitKey(1) == ord("q"):
            break


if __name__ == "__main__":
    main(*sys.argv[1:])
