// Planes enlarged twice by bicubic interpolation (a = -0.5, as Python's), for chroma and where no network runs.

const A = -0.5;

function weight(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (A + 2) * x ** 3 - (A + 3) * x ** 2 + 1;
  if (x < 2) return A * x ** 3 - 5 * A * x ** 2 + 8 * A * x - 4 * A;
  return 0;
}

/** For each of `scale` phases: the first of four source samples, relative to the block, and their weights. */
function phases(scale: number, shift: number): { first: number; weights: number[] }[] {
  return Array.from({ length: scale }, (_, p) => {
    const at = (p + 0.5) / scale - 0.5 + shift;
    const first = Math.floor(at) - 1;
    return { first, weights: [0, 1, 2, 3].map((i) => weight(at - first - i)) };
  });
}

/**
 * A plane of 8 bits, `scale` times as large. Edges are repeated.
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
): Uint8ClampedArray<ArrayBuffer> {
  const across = phases(scale, shiftX);
  const down = phases(scale, shiftY);
  const wide = new Float32Array(width * scale * height);
  const clampX = (x: number): number => (x < 0 ? 0 : x >= width ? width - 1 : x);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let p = 0; p < scale; p++) {
        const { first, weights } = across[p]!;
        let sum = 0;
        for (let i = 0; i < 4; i++) sum += weights[i]! * plane[y * width + clampX(x + first + i)]!;
        wide[(y * width + x) * scale + p] = sum;
      }
  const out = new Uint8ClampedArray(width * height * scale * scale);
  const row = width * scale;
  for (let y = 0; y < height; y++)
    for (let p = 0; p < scale; p++) {
      const { first, weights } = down[p]!;
      const rows = [0, 1, 2, 3].map((i) => Math.min(height - 1, Math.max(0, y + first + i)) * row);
      for (let x = 0; x < row; x++) {
        let sum = 0;
        for (let i = 0; i < 4; i++) sum += weights[i]! * wide[rows[i]! + x]!;
        out[(y * scale + p) * row + x] = sum; // rounded and clipped by the array
      }
    }
  return out;
}
