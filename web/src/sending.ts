// Which size a call's sender codes: codec/rule.py and codec/sending.py in TypeScript, decision by decision. Both run
// tests/codec/sending-traces.json, which has the table too: it was fitted to measurements, for small-call at the other end.

import { bicubic } from "./bicubic.js";

export const SIZE_CONSTANTS = { hold_us: 5_000_000, mean_us: 2_000_000, leave: 1.25 } as const;
const C = SIZE_CONSTANTS;

/** What the table was fitted with. */
export const SIZE_NETWORK = "small-call";

/** From this softness on, in dB: up to how many bits per full-size pixel 2x pays, and 1.5x. */
type Limit = readonly [softnessDb: number, bpp2x: number, bpp15x: number];

export const SIZE_TABLE: Readonly<Record<string, readonly Limit[]>> = {
  h264: [[32, 0.017, 0.038], [36, 0.017, 0.038]],
  h265: [[32, 0, 0.02], [36, 0, 0.02]],
  vp8: [[32, 0, 0.02], [36, 0, 0.02]],
  vp9: [[32, 0.0088, 0.02], [36, 0.0088, 0.02]],
  av1: [[32, 0, 0.023], [36, 0, 0.023]],
};

const MOST_QP: Readonly<Record<string, number>> = { h264: 51, h265: 51, vp9: 255, av1: 255 };
const AC_STEPS = [[0, 4], [1, 8], [95, 102], [120, 152], [150, 255], [176, 408], [198, 615], [216, 864], [233, 1196], [255, 1828]] as const;

export type Scale = 1 | 1.5 | 2;
export type SizeReason =
  | "nothing measured yet"
  | "codec not measured"
  | "picture too crisp"
  | "few bits"
  | "enough bits"
  | "fine as it is"
  | "too soon to change";

export interface Sizing {
  /** sides of the full size are divided by it */
  scale: Scale;
  /** what makes it large again */
  model: string | null;
  reason: SizeReason;
  /** of the full size, on average */
  bitsPerPixel: number | undefined;
}

/** The quantizer's step in levels of an orthonormal transform. */
function stepOf(codec: string, qp: number): number {
  if (codec === "h264" || codec === "h265") return 2 ** ((qp - 4) / 6);
  const last = AC_STEPS.length - 1;
  let i = 0;
  while (i < last - 1 && qp > AC_STEPS[i + 1]![0]) i++;
  const [[from, low], [to, high]] = [AC_STEPS[i]!, AC_STEPS[i + 1]!];
  const share = (qp - from) / (to - from);
  return Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low))) / 8;
}

/** The size that was better on all training clips of this softness; 1, the full one, where that isn't known. */
export function chooseSize(codec: string, bitsPerPixel: number, softnessDb: number, qp?: number): Scale {
  if (qp !== undefined && stepOf(codec, qp) ** 2 / 12 < 255 ** 2 * 10 ** (-softnessDb / 10)) return 1;
  const limit = SIZE_TABLE[codec]?.filter(([softness]) => softnessDb >= softness).at(-1);
  if (limit === undefined) return 1;
  return bitsPerPixel <= limit[1] ? 2 : bitsPerPixel <= limit[2] ? 1.5 : 1;
}

/** Tells a sender which size to code. It begins with the full one. */
export class SizeSwitch {
  #scale: Scale = 1;
  #mean: number | undefined;
  #now: number | undefined;
  #clock = 0; // microseconds since the first call; time doesn't run backwards
  #changed = 0;
  #last: SizeReason = "nothing measured yet";

  /**
   * To be called once a second or so. Numbers that can't be change nothing.
   * @param codec "h264", "h265", "vp8", "vp9" or "av1"; the full size is sent with others
   * @param bitsPerPixel what was sent since the last call, over the pixels that the frames have at full size
   * @param softnessDb `halfSizePsnr` of the original
   * @param qp the quantizer, 0 to 51, or base_q_idx, 0 to 255; it counts at full size alone
   */
  update(nowUs: number, codec: string, bitsPerPixel: number, softnessDb: number, qp?: number): Sizing {
    const step = this.#now === undefined ? 0 : Math.min(Math.max(nowUs - this.#now, 0), C.hold_us);
    this.#clock += step;
    this.#now = nowUs;
    if (!(Number.isFinite(bitsPerPixel) && bitsPerPixel > 0) || Number.isNaN(softnessDb)) return this.#told(this.#last);
    this.#mean ??= bitsPerPixel;
    this.#mean += ((bitsPerPixel - this.#mean) * Math.min(step, C.mean_us)) / C.mean_us;
    if (!Object.hasOwn(SIZE_TABLE, codec)) {
      this.#scale = 1;
      return this.#told("codec not measured");
    }
    const known = qp !== undefined && qp >= 0 && qp <= (MOST_QP[codec] ?? -1) && this.#scale === 1 ? qp : undefined;
    let wanted = chooseSize(codec, this.#mean, softnessDb, known);
    if (wanted < this.#scale) {
      const surer = chooseSize(codec, this.#mean / C.leave, softnessDb);
      wanted = surer < this.#scale ? surer : this.#scale;
    }
    if (wanted !== this.#scale) {
      if (this.#clock - this.#changed < C.hold_us) return this.#told("too soon to change");
      this.#scale = wanted;
      this.#changed = this.#clock;
    }
    return this.#told(this.#reason(codec, this.#mean, softnessDb, known));
  }

  #reason(codec: string, mean: number, softnessDb: number, qp: number | undefined): SizeReason {
    if (this.#scale > 1) return "few bits";
    if (!SIZE_TABLE[codec]!.some(([softness]) => softnessDb >= softness)) return "picture too crisp";
    return qp !== undefined && chooseSize(codec, mean, softnessDb) > 1 ? "fine as it is" : "enough bits";
  }

  #told(reason: SizeReason): Sizing {
    this.#last = reason;
    return { scale: this.#scale, model: this.#scale > 1 ? SIZE_NETWORK : null, reason, bitsPerPixel: this.#mean };
  }
}

/**
 * What halving costs a plane of luma: PSNR in dB after it was halved and doubled by bicubic; 25 is crisp, 40 soft, at most 100.
 * Sides that are odd lose a row or column.
 */
export function halfSizePsnr(luma: Uint8Array | Uint8ClampedArray, width: number, height: number): number {
  const [across, down] = [width >> 1, height >> 1];
  if (across < 2 || down < 2) throw new RangeError(`${width}x${height}: 4x4 is the least`);
  const narrow = halved((x, y) => luma[y * width + x]!, across, 2 * down);
  const half = new Uint8ClampedArray(across * down); // which rounds
  half.set(transposed(halved((y, x) => narrow[y * across + x]!, down, across), down, across));
  const back = bicubic(half, across, down, 2);
  let sum = 0;
  for (let y = 0; y < 2 * down; y++)
    for (let x = 0; x < 2 * across; x++) sum += (back[2 * y * across + x]! - luma[y * width + x]!) ** 2;
  return sum === 0 ? 100 : Math.min(100, 10 * Math.log10((255 ** 2 * 4 * across * down) / sum));
}

const TAPS = [-0.01171875, -0.03515625, 0.11328125, 0.43359375, 0.43359375, 0.11328125, -0.03515625, -0.01171875]; // a = -0.5

/** Rows of `at`, halved: `count` samples of each. Where taps lie beyond the edge, the others are made to sum to 1. */
function halved(at: (x: number, y: number) => number, count: number, rows: number): Float32Array {
  const out = new Float32Array(count * rows);
  for (let x = 0; x < count; x++) {
    const first = Math.max(0, 3 - 2 * x);
    const end = Math.min(8, 2 * count - (2 * x - 3));
    let whole = 0;
    for (let k = first; k < end; k++) whole += TAPS[k]!;
    for (let y = 0; y < rows; y++) {
      let sum = 0;
      for (let k = first; k < end; k++) sum += TAPS[k]! * at(2 * x - 3 + k, y);
      out[y * count + x] = sum / whole;
    }
  }
  return out;
}

function transposed(plane: Float32Array, width: number, height: number): Float32Array {
  const out = new Float32Array(plane.length);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out[x * height + y] = plane[y * width + x]!;
  return out;
}
