// Planes enlarged by bicubic interpolation (a = -0.5, as Python's), for chroma and where no network runs.

const A = -0.5;

function weight(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (A + 2) * x ** 3 - (A + 3) * x ** 2 + 1;
  if (x < 2) return A * x ** 3 - 5 * A * x ** 2 + 8 * A * x - 4 * A;
  return 0;
}

/** The first of four source samples, relative to the block, and their weights. */
interface Phase {
  first: number;
  weights: [number, number, number, number];
}

/** For each of `scale` phases. */
function phases(scale: number, shift: number): Phase[] {
  return Array.from({ length: scale }, (_, p) => {
    const at = (p + 0.5) / scale - 0.5 + shift;
    const first = Math.floor(at) - 1;
    return { first, weights: [0, 1, 2, 3].map((i) => weight(at - first - i)) as Phase["weights"] };
  });
}

/**
 * A plane of 8 bits, `scale` times as wide and `scaleY` times as high. Edges are repeated.
 * @param shiftX how far to the right of their place results are taken, in samples: 0.125 for chroma that lies on luma
 *   columns (MPEG-2's siting), 0 for what lies between them, and for luma
 */
export function bicubic(
  plane: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  scale = 2,
  shiftX = 0,
  shiftY = 0,
  scaleY = scale,
): Uint8ClampedArray<ArrayBuffer> {
  const row = width * scale;
  const wide = new Float32Array(row * height);
  const across = phases(scale, shiftX);
  const border = scale + 4; // more samples than any phase reads to one side
  const padded = new Float32Array(width + 2 * border);
  for (let y = 0; y < height; y++) {
    const from = y * width;
    padded.fill(plane[from]!, 0, border);
    padded.set(plane.subarray(from, from + width), border);
    padded.fill(plane[from + width - 1]!, border + width);
    for (let p = 0; p < scale; p++) {
      const { first, weights } = across[p]!;
      const [a, b, c, d] = weights;
      for (let x = 0, i = border + first, to = y * row + p; x < width; x++, i++, to += scale)
        wide[to] = a * padded[i]! + b * padded[i + 1]! + c * padded[i + 2]! + d * padded[i + 3]!;
    }
  }
  const out = new Uint8ClampedArray(row * height * scaleY);
  const down = phases(scaleY, shiftY);
  for (let y = 0; y < height; y++)
    for (let p = 0; p < scaleY; p++) {
      const { first, weights } = down[p]!;
      const [a, b, c, d] = weights;
      const place = (i: number): number => Math.min(height - 1, Math.max(0, y + first + i)) * row;
      const [r0, r1, r2, r3] = [place(0), place(1), place(2), place(3)];
      const to = (y * scaleY + p) * row;
      for (let x = 0; x < row; x++) // rounded and clipped by the array
        out[to + x] = a * wide[r0 + x]! + b * wide[r1 + x]! + c * wide[r2 + x]! + d * wide[r3 + x]!;
    }
  return out;
}
