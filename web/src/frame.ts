// WebCodecs' VideoFrame to planes and back.

import { toPlanes } from "./colour.js";

/** Places of R, G and B in a pixel. */
const ORDERS: Record<string, readonly number[]> = { RGBA: [0, 1, 2], RGBX: [0, 1, 2], BGRA: [2, 1, 0], BGRX: [2, 1, 0] };
/** Columns and rows of luma for each of chroma. */
const SUBSAMPLING: Record<string, readonly [number, number]> = { I420: [2, 2], NV12: [2, 2], I422: [2, 1], I444: [1, 1] };

/** Chromium's frames from version 138 on: turned by so many degrees when they are shown, after being mirrored. */
export type Oriented = VideoFrame & { rotation?: number; flip?: boolean };

export interface PixelSamples {
  kind: "pixels";
  data: Uint8Array | Uint8ClampedArray;
  order: readonly number[];
  width: number;
  height: number;
}
export interface PlaneSamples {
  kind: "planes";
  format: VideoPixelFormat;
  y: Uint8Array | Uint8ClampedArray;
  u: Uint8Array | Uint8ClampedArray;
  v: Uint8Array | Uint8ClampedArray;
  /** of `y` */
  width: number;
  height: number;
  /** of the luma that chroma belongs to: `width`, until luma is enlarged alone */
  lumaWidth: number;
  lumaHeight: number;
  chromaWidth: number;
  chromaHeight: number;
  ssx: number;
  ssy: number;
  /** as VideoColorSpace names it; null: unknown */
  matrix: string | null;
  full: boolean;
}

/** A plane without gaps. */
function tight(data: Uint8Array, layout: PlaneLayout, width: number, height: number, step = 1, first = 0): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = layout.offset + y * layout.stride + first;
    if (step === 1) out.set(data.subarray(from, from + width), y * width);
    else for (let x = 0; x < width; x++) out[y * width + x] = data[from + x * step]!;
  }
  return out;
}

/** What the visible rectangle holds: Chromium's cameras give 640x360 as a part of 640x480. */
export async function samplesOf(frame: VideoFrame): Promise<PixelSamples | PlaneSamples> {
  const { width, height } = frame.visibleRect!;
  const format = frame.format ?? "RGBA"; // null: of a kind that only the browser knows; it converts
  const subsampling = SUBSAMPLING[format];
  if (subsampling === undefined) {
    const order = ORDERS[format];
    const options: VideoFrameCopyToOptions = order === undefined || frame.format === null ? { format: "RGBA" } : {};
    const data = new Uint8Array(frame.allocationSize(options));
    const layout = await frame.copyTo(data, options);
    const pixels = tight(data, layout[0]!, 4 * width, height);
    if (format.endsWith("X")) for (let i = 3; i < pixels.length; i += 4) pixels[i] = 255; // anything, else: none has alpha
    return { kind: "pixels", data: pixels, order: order ?? ORDERS["RGBA"]!, width, height };
  }
  const data = new Uint8Array(frame.allocationSize());
  const layout = await frame.copyTo(data);
  const [ssx, ssy] = subsampling;
  const [chromaWidth, chromaHeight] = [Math.ceil(width / ssx), Math.ceil(height / ssy)];
  const chroma = (place: number): Uint8Array<ArrayBuffer> =>
    format === "NV12"
      ? tight(data, layout[1]!, chromaWidth, chromaHeight, 2, place)
      : tight(data, layout[1 + place]!, chromaWidth, chromaHeight);
  return {
    kind: "planes",
    format: format === "NV12" ? "I420" : format,
    y: tight(data, layout[0]!, width, height),
    u: chroma(0),
    v: chroma(1),
    width,
    height,
    lumaWidth: width,
    lumaHeight: height,
    chromaWidth,
    chromaHeight,
    ssx,
    ssy,
    matrix: frame.colorSpace.matrix,
    full: frame.colorSpace.fullRange === true,
  };
}

/** Planes of what comes as pixels: luma and chroma of full range, none subsampled. */
export function planesOf(samples: PixelSamples | PlaneSamples): PlaneSamples {
  if (samples.kind === "planes") return samples;
  const { width, height } = samples;
  const { y, cb, cr } = toPlanes(samples.data, samples.order);
  const sizes = { width, height, lumaWidth: width, lumaHeight: height, chromaWidth: width, chromaHeight: height };
  return { kind: "planes", format: "I444", y, u: cb, v: cr, ...sizes, ssx: 1, ssy: 1, matrix: null, full: true };
}

/**
 * How far results, `scale` times as large, are moved so that chroma stays on luma's columns, in samples of chroma. Codecs of
 * calls and files place subsampled chroma on every other luma column (left), and between rows.
 */
export function chromaShift(s: PlaneSamples, scale: number): number {
  return s.ssx === 2 ? (1 - 1 / scale) / 4 : 0;
}

/** A frame of planes without gaps, with the times, the colours, the orientation and the shape of another one. */
export function frameOf(like: VideoFrame, format: VideoPixelFormat, data: Uint8Array<ArrayBuffer> | Uint8ClampedArray<ArrayBuffer>, width: number, height: number): VideoFrame {
  const { rotation = 0, flip, displayWidth, displayHeight, visibleRect } = like as Oriented;
  const scale = width / visibleRect!.width;
  // an init has the shape as it is before it is turned
  const [shownWidth, shownHeight] = rotation % 180 ? [displayHeight, displayWidth] : [displayWidth, displayHeight];
  const init = {
    format,
    codedWidth: width,
    codedHeight: height,
    timestamp: like.timestamp,
    duration: like.duration ?? undefined,
    rotation,
    flip,
    displayWidth: scale * shownWidth,
    displayHeight: scale * shownHeight,
  } as VideoFrameBufferInit;
  // Chromium takes I420 without tags for BT.709 whatever it was before: tags that say "unknown" keep it as it is
  if (format !== "RGBA" || like.colorSpace.matrix === "rgb") init.colorSpace = like.colorSpace;
  return new VideoFrame(data, init);
}
