// A call with oneself: two peers in one page, the camera's track from one to the other at a bitrate that can be set. The
// sender codes the full size or a smaller one, as `SizeSwitch` tells it.

import { SizeSwitch } from "../src/sending.js";
import type { Sizing } from "../src/sending.js";
import { Softness } from "./softness.js";

/** What is sent of a full size. */
export interface Sent extends Sizing {
  width: number;
  height: number;
}

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
  #sent = { bytes: 0, frames: 0, qps: 0 };
  #scale = 1;
  #setting: Promise<void> = Promise.resolve();
  #softness: Softness | undefined;
  readonly #sizes = new SizeSwitch();

  /** What arrives of `track`. */
  async start(track: MediaStreamTrack, kbits: number): Promise<MediaStreamTrack> {
    const [from, to] = [this.#from, this.#to];
    from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? undefined);
    to.onicecandidate = ({ candidate }) => void from.addIceCandidate(candidate ?? undefined);
    const arrived = new Promise<MediaStreamTrack>((resolve) => (to.ontrack = ({ track: received }) => resolve(received)));
    from.addTrack(track);
    this.#softness = new Softness(track);
    await from.setLocalDescription();
    await to.setRemoteDescription(from.localDescription!);
    await to.setLocalDescription();
    await from.setRemoteDescription(to.localDescription!);
    await this.setRate(kbits);
    return arrived;
  }

  async setRate(kbits: number): Promise<void> {
    await this.#encode({ maxBitrate: kbits * 1000 });
  }

  /** One change at a time: what was got before another one was made can't be set any more. */
  #encode(wanted: Pick<RTCRtpEncodingParameters, "maxBitrate" | "scaleResolutionDownBy">): Promise<void> {
    this.#setting = this.#setting.catch(() => undefined).then(async () => {
      for (const sender of this.#from.getSenders()) {
        const parameters = sender.getParameters();
        for (const encoding of parameters.encodings) Object.assign(encoding, wanted);
        await sender.setParameters(parameters);
      }
    });
    return this.#setting;
  }

  /**
   * Makes the sender code the size that the bits since the last time speak for.
   * @param adapt otherwise the full size
   */
  async size(adapt: boolean): Promise<Sent | undefined> {
    const full = await this.#softness?.look();
    const sender = this.#from.getSenders()[0];
    const report = await sender?.getStats();
    for (const each of report?.values() ?? []) {
      if (each.type !== "outbound-rtp" || each.kind !== "video" || full === undefined) continue;
      const { bytesSent: bytes, framesEncoded: frames, qpSum: qps = 0, codecId, frameWidth: width = 0, frameHeight: height = 0 } = each;
      const [bits, count, qp] = [8 * (bytes - this.#sent.bytes), frames - this.#sent.frames, qps - this.#sent.qps];
      this.#sent = { bytes, frames, qps };
      const codec = String(report!.get(codecId)?.mimeType ?? "").toLowerCase().replace("video/", "");
      const pixels = count * full.width * full.height; // none: the rate is no number, and changes nothing
      const sizing = this.#sizes.update(Math.round(each.timestamp * 1000), codec, bits / pixels, full.softnessDb, qps > 0 ? qp / count : undefined);
      const scale = adapt ? sizing.scale : 1;
      if (scale !== this.#scale) await this.#encode({ scaleResolutionDownBy: scale });
      this.#scale = scale;
      return { ...sizing, width, height };
    }
    return undefined;
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
    this.#softness?.close();
    this.#from.close();
    this.#to.close();
  }
}
