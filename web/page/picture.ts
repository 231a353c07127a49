// A picture: enlarged once by the network and once by bicubic, both kept for the slider.

import { Upscaler } from "../src/upscaler.js";

const MOST_SIDE = 8192; // of what comes in: canvases end at 16384
const MOST_PIXELS = 16e6;

/** The picture's pixels in sRGB. Throws where it is none, or too large. */
export async function pixelsOf(file: Blob): Promise<ImageData> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error("This file is no picture that this browser can read.");
  }
  const { width, height } = bitmap;
  if (Math.max(width, height) > MOST_SIDE || width * height > MOST_PIXELS) {
    bitmap.close();
    throw new Error(`The picture has ${width}x${height} pixels: ${MOST_PIXELS / 1e6} million are the most here.`);
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/** Both results on one canvas, bicubic on the left. */
export class Picture {
  readonly #large: ImageData;
  readonly #bicubic: ImageData;
  readonly #context: CanvasRenderingContext2D;

  private constructor(
    canvas: HTMLCanvasElement,
    large: ImageData,
    bicubic: ImageData,
    /** how long the network's result took, colours included */
    readonly ms: number,
  ) {
    [canvas.width, canvas.height] = [large.width, large.height];
    this.#context = canvas.getContext("2d")!;
    this.#large = large;
    this.#bicubic = bicubic;
  }

  static async make(canvas: HTMLCanvasElement, source: ImageData, upscaler: Upscaler): Promise<Picture> {
    const plain = new Upscaler("bicubic", upscaler.scale, "none", undefined);
    const start = performance.now();
    const large = await upscaler.imageData(source);
    const ms = performance.now() - start;
    return new Picture(canvas, large, await plain.imageData(source), ms);
  }

  /** @param share of the width that is bicubic's */
  draw(share: number): void {
    const { width, height } = this.#large;
    const left = Math.round(width * share);
    if (left > 0) this.#context.putImageData(this.#bicubic, 0, 0, 0, 0, left, height);
    if (left < width) this.#context.putImageData(this.#large, 0, 0, left, 0, width - left, height);
  }

  /** The network's result as a PNG file. */
  async png(): Promise<Blob> {
    const canvas = new OffscreenCanvas(this.#large.width, this.#large.height);
    canvas.getContext("2d")!.putImageData(this.#large, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }
}
