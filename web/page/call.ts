// A call with oneself: two peers in one page, the camera's track from one to the other at a bitrate that can be set.

export interface Received {
  kbits: number;
  width: number;
  height: number;
  codec: string;
}

export class Call {
  readonly #from = new RTCPeerConnection();
  readonly #to = new RTCPeerConnection();
  #last: { bytes: number; at: number } | undefined;

  /** What arrives of `track`. */
  async start(track: MediaStreamTrack, kbits: number): Promise<MediaStreamTrack> {
    const [from, to] = [this.#from, this.#to];
    from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? undefined);
    to.onicecandidate = ({ candidate }) => void from.addIceCandidate(candidate ?? undefined);
    const arrived = new Promise<MediaStreamTrack>((resolve) => (to.ontrack = ({ track: received }) => resolve(received)));
    from.addTrack(track);
    await from.setLocalDescription();
    await to.setRemoteDescription(from.localDescription!);
    await to.setLocalDescription();
    await from.setRemoteDescription(to.localDescription!);
    await this.setRate(kbits);
    return arrived;
  }

  async setRate(kbits: number): Promise<void> {
    for (const sender of this.#from.getSenders()) {
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) encoding.maxBitrate = kbits * 1000;
      await sender.setParameters(parameters);
    }
  }

  /** What came since the last time. */
  async received(): Promise<Received | undefined> {
    const report = await this.#to.getStats();
    for (const each of report.values()) {
      if (each.type !== "inbound-rtp" || each.kind !== "video") continue;
      const { bytesReceived: bytes, timestamp: at, frameWidth: width = 0, frameHeight: height = 0 } = each;
      const last = this.#last ?? { bytes, at };
      this.#last = { bytes, at };
      const codec = String(report.get(each.codecId)?.mimeType ?? "").replace("video/", "");
      return { kbits: at > last.at ? (8 * (bytes - last.bytes)) / (at - last.at) : 0, width, height, codec };
    }
    return undefined;
  }

  close(): void {
    this.#from.close();
    this.#to.close();
  }
}
