// R, G and B to luma and chroma of full range and back (BT.601, as JPEG has it): what pictures are enlarged in.

/** Three planes without gaps, all of one size. */
export interface Planes {
  y: Uint8ClampedArray<ArrayBuffer>;
  cb: Uint8ClampedArray<ArrayBuffer>;
  cr: Uint8ClampedArray<ArrayBuffer>;
}

/** @param order places of R, G and B in a pixel's four bytes: [2, 1, 0] for BGRA */
export function toPlanes(pixels: Uint8Array | Uint8ClampedArray, order: readonly number[] = [0, 1, 2]): Planes {
  const size = pixels.length / 4;
  const [red, green, blue] = [order[0]!, order[1]!, order[2]!];
  const [y, cb, cr] = [new Uint8ClampedArray(size), new Uint8ClampedArray(size), new Uint8ClampedArray(size)];
  for (let i = 0; i < size; i++) {
    const [r, g, b] = [pixels[4 * i + red]!, pixels[4 * i + green]!, pixels[4 * i + blue]!];
    y[i] = 0.299 * r + 0.587 * g + 0.114 * b;
    cb[i] = 128 - 0.168736 * r - 0.331264 * g + 0.5 * b;
    cr[i] = 128 + 0.5 * r - 0.418688 * g - 0.081312 * b;
  }
  return { y, cb, cr };
}

export function toPixels(planes: Planes, alpha?: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const size = planes.y.length;
  const out = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    const [y, cb, cr] = [planes.y[i]!, planes.cb[i]! - 128, planes.cr[i]! - 128];
    out[4 * i] = y + 1.402 * cr;
    out[4 * i + 1] = y - 0.344136 * cb - 0.714136 * cr;
    out[4 * i + 2] = y + 1.772 * cb;
    out[4 * i + 3] = alpha?.[i] ?? 255;
  }
  return out;
}
