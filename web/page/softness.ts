// How crisp the pictures of a track are before they are coded: what decides whether a smaller size may be sent.

import { halfSizePsnr } from "../src/sending.js";

const EVERY_MS = 3000; // a look takes some milliseconds
const MOST_SIDE = 512; // of the middle that is looked at

export interface Full {
  width: number;
  height: number;
  softnessDb: number;
}

export class Softness {
  readonly #video = document.createElement("video");
  #last: (Full & { at: number }) | undefined;

  constructor(track: MediaStreamTrack) {
    Object.assign(this.#video, { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
    void this.#video.play().catch(() => undefined); // without pictures nothing is known, and the full size is sent
  }

  /** The track's own size, and its softness as it was seconds ago or is now. */
  async look(): Promise<Full | undefined> {
    const { videoWidth: width, videoHeight: height } = this.#video;
    const now = performance.now();
    if (Math.min(width, height) < 4) return undefined;
    const last = this.#last;
    if (last !== undefined && last.width === width && last.height === height && now - last.at < EVERY_MS) return last;
    const [across, down] = [Math.min(width, MOST_SIDE) & ~1, Math.min(height, MOST_SIDE) & ~1];
    const context = new OffscreenCanvas(across, down).getContext("2d", { willReadFrequently: true })!;
    context.drawImage(this.#video, (across - width) >> 1, (down - height) >> 1);
    const { data } = context.getImageData(0, 0, across, down);
    const luma = new Uint8ClampedArray(across * down); // BT.601, studio range, as the rule was fitted with
    for (let i = 0, k = 0; i < luma.length; i++, k += 4)
      luma[i] = 16 + (65.738 * data[k]! + 129.057 * data[k + 1]! + 25.064 * data[k + 2]!) / 256;
    this.#last = { width, height, softnessDb: halfSizePsnr(luma, across, down), at: now };
    return this.#last;
  }

  close(): void {
    this.#video.srcObject = null;
  }
}
