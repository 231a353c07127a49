#!/bin/bash
# aiortc gives a video frame to its decoder when the first packet of the NEXT frame comes, and one frame a packet.
#
# A good guess: the marker bit of RTP ends a frame (RFC 7741 for VP8, RFC 6184 for H.264), so with its last packet a
# frame is decoded; and when a lost packet is resent, all frames that it held up are decoded.
# What happens: the jitter buffer looks at timestamps alone. A frame of 30 a second waits 33 ms for its successor. And
# each packet that comes releases at most one frame: where frames are one packet each (a still picture, 60 kbit/s), what
# one lost packet held up stays held up for good: 4 frames more, 133 ms, until the call ends.
# Why it matters: each receiver that is built with aiortc adds a frame's time to a call, and more with each loss.
#
# Versions: aiortc 1.16.0. 2026-11-29. Source: measured while building `pocketsr serve`, pocketsr issue 22;
# aiortc/jitterbuffer.py, JitterBuffer._remove_frame.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aiortc==1.16.0
cat > show.py <<'END'
import sys
from importlib.metadata import version
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

print("aiortc", version("aiortc"))

def packet(number, timestamp, marker):
    made = RtpPacket(payload_type=97, sequence_number=number, timestamp=timestamp, marker=marker)
    made._data = b"frame %d" % (timestamp // 3000)
    return made

buffer = JitterBuffer(capacity=512, is_video=True)
at_marker = [buffer.add(packet(0, 0, 0))[1], buffer.add(packet(1, 0, 1))[1]]
at_next = buffer.add(packet(2, 3000, 0))[1]
print("with the packet that has the marker:", at_marker[1], "- with the next frame's first:", at_next.data[:7])

buffer = JitterBuffer(capacity=512, is_video=True)
numbers = [*range(10), *range(11, 15), 10, *range(15, 60)]  # frame 10 is lost and resent four packets later
behind = []
for number in numbers:
    frame = buffer.add(packet(number, 3000 * number, 1))[1]
    behind.append(None if frame is None else number - frame.timestamp // 3000)
print("frames behind, before the loss:", behind[9], "- at the end, 45 frames after it was mended:", behind[-1])
as_told = at_marker == [None, None] and at_next is not None and behind[9] == 1 and behind[-1] >= 4
sys.exit(0 if as_told else 1)
END
venv/bin/python show.py
