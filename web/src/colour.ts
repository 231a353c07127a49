// R, G and B to luma and chroma and back. Pictures are enlarged in BT.601 of full range, as JPEG has it; frames stay in
// what their tags say.

/** Three planes without gaps, all of one size. */
export interface Planes {
  y: Uint8ClampedArray<ArrayBuffer>;
  cb: Uint8ClampedArray<ArrayBuffer>;
  cr: Uint8ClampedArray<ArrayBuffer>;
}

/** R = gain (Y - black) + red Cr, G = gain (Y - black) + greenCb Cb + greenCr Cr, B = gain (Y - black) + blue Cb; in levels. */
export interface Matrix {
  black: number;
  gain: number;
  red: number;
  greenCb: number;
  greenCr: number;
  blue: number;
}

/** Shares of R and B in luma. What isn't here, null too, is BT.601: so Chromium draws frames without tags. */
const SHARES: Record<string, readonly [number, number]> = { bt709: [0.2126, 0.0722], "bt2020-ncl": [0.2627, 0.0593] };

/** @param matrix as VideoColorSpace names it */
export function matrixOf(matrix: string | null, full: boolean): Matrix {
  const [kr, kb] = SHARES[matrix ?? ""] ?? [0.299, 0.114];
  const [gain, chroma] = full ? [1, 1] : [255 / 219, 255 / 224];
  const [red, blue, kg] = [2 * (1 - kr) * chroma, 2 * (1 - kb) * chroma, 1 - kr - kb];
  return { black: full ? 0 : 16, gain, red, greenCb: (-kb / kg) * blue, greenCr: (-kr / kg) * red, blue };
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

export function toPixels(planes: Planes, alpha?: Uint8ClampedArray, matrix = matrixOf(null, true)): Uint8ClampedArray<ArrayBuffer> {
  const size = planes.y.length;
  const { black, gain, red, greenCb, greenCr, blue } = matrix;
  const out = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    const [y, cb, cr] = [gain * (planes.y[i]! - black), planes.cb[i]! - 128, planes.cr[i]! - 128];
    out[4 * i] = y + red * cr;
    out[4 * i + 1] = y + greenCb * cb + greenCr * cr;
    out[4 * i + 2] = y + blue * cb;
    out[4 * i + 3] = alpha?.[i] ?? 255;
  }
  return out;
}
