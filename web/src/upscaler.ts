// A network by name or address, ready for planes, pictures and frames; bicubic, with a reason, where it can't run.

import { bicubic } from "./bicubic.js";
import { toPixels, toPlanes } from "./colour.js";
import { bytesOf, compile, features } from "./engine.js";
import type { Facts } from "./engine.js";
import { chromaShift, frameOf, samplesOf } from "./frame.js";
import type { PlaneSamples } from "./frame.js";
import { Pool } from "./pool.js";
import type { MakeWorker, Plane } from "./pool.js";

/** Why no network runs; "none": it does. */
export type Why = "none" | "no simd" | "not loaded" | "not luma";

export interface Options {
  /** how many threads; default: one less than the machine has, at most 4; 0: the caller's own */
  workers?: number;
  /** the folder where the networks' files are, with a slash at its end, as the page sees it; default: beside this package */
  base?: string | URL;
  /** false: never bicubic, an error instead */
  fallback?: boolean;
  /** relaxed SIMD, where there is some; default: true */
  relaxed?: boolean;
  /** makes a worker that runs dist/worker.js: for bundlers that put it elsewhere */
  makeWorker?: MakeWorker;
}

/** A picture or frame that comes in, and what comes out: of the same kind, `scale` times as large. */
export class Upscaler {
  /** How degraded pictures are, 0 (clean) to 1, for a network that is told; undefined: the network's default. */
  strength: number | undefined;

  /** @internal */
  constructor(
    readonly name: string,
    readonly scale: number,
    /** why results are bicubic; "none": they are the network's */
    readonly reason: Why,
    private readonly pool: Pool | undefined,
  ) {}

  get workers(): number {
    return this.pool?.workers ?? 0;
  }

  /** A luma plane without gaps. */
  async plane(plane: Plane, width: number, height: number): Promise<Uint8Array<ArrayBuffer> | Uint8ClampedArray<ArrayBuffer>> {
    if (plane.length !== width * height) throw new RangeError(`${plane.length} samples: ${width * height} are expected`);
    return this.pool?.run(plane, width, height, this.strength) ?? bicubic(plane, width, height, this.scale);
  }

  /** A picture. Its luma goes through the network, colour and transparency are enlarged by bicubic. */
  async imageData(image: ImageData): Promise<ImageData> {
    const { width, height } = image;
    const out = await this.rgba(image.data, width, height);
    return new ImageData(out, width * this.scale, height * this.scale, { colorSpace: image.colorSpace });
  }

  /** R, G, B and A, a byte each, as in ImageData. */
  async rgba(
    pixels: Uint8Array | Uint8ClampedArray,
    width: number,
    height: number,
    order: readonly number[] = [0, 1, 2],
  ): Promise<Uint8ClampedArray<ArrayBuffer>> {
    const planes = toPlanes(pixels, order);
    const luma = this.plane(planes.y, width, height);
    const [cb, cr] = [planes.cb, planes.cr].map((plane) => bicubic(plane, width, height, this.scale));
    let alpha: Uint8ClampedArray | undefined;
    if (pixels.some((value, i) => i % 4 === 3 && value < 255))
      alpha = bicubic(Uint8Array.from({ length: width * height }, (_, i) => pixels[4 * i + 3]!), width, height, this.scale);
    return toPixels({ y: new Uint8ClampedArray((await luma).buffer), cb: cb!, cr: cr! }, alpha);
  }

  /**
   * A video frame: I420, NV12, I422, I444, or 4 bytes a pixel. The result has its times and its colours' tags; the caller
   * closes both.
   */
  async frame(frame: VideoFrame): Promise<VideoFrame> {
    const samples = await samplesOf(frame);
    const { width, height } = samples;
    if (samples.kind === "pixels")
      return frameOf(frame, "RGBA", await this.rgba(samples.data, width, height, samples.order), width * this.scale, height * this.scale);
    const luma = this.plane(samples.y, width, height);
    const chroma = [samples.u, samples.v].map((plane) =>
      bicubic(plane, samples.chromaWidth, samples.chromaHeight, this.scale, chromaShift(samples, this.scale)),
    );
    return frameOf(frame, samples.format, joined(await luma, chroma, samples, this.scale), width * this.scale, height * this.scale);
  }

  /** Luma alone, for a `Screen`, which enlarges chroma itself. */
  async luma(samples: PlaneSamples): Promise<PlaneSamples> {
    const { width, height } = samples;
    return { ...samples, y: await this.plane(samples.y, width, height), width: width * this.scale, height: height * this.scale };
  }

  close(): void {
    this.pool?.close();
  }
}

/** Three planes after each other; chroma of odd pictures is cut to what theirs has. */
function joined(luma: Plane, chroma: Plane[], s: { width: number; height: number; chromaWidth: number; chromaHeight: number; ssx: number; ssy: number }, scale: number): Uint8Array<ArrayBuffer> {
  const [wide, high] = [Math.ceil((s.width * scale) / s.ssx), Math.ceil((s.height * scale) / s.ssy)];
  const out = new Uint8Array(luma.length + 2 * wide * high);
  out.set(luma);
  chroma.forEach((plane, i) => {
    for (let y = 0; y < high; y++) {
      const from = y * s.chromaWidth * scale;
      out.set(plane.subarray(from, from + wide), luma.length + (i * high + y) * wide);
    }
  });
  return out;
}

/**
 * A network, ready to run.
 * @param network a name ("small"), or the address of a NAME.json that `pocketsr export wasm` wrote
 */
export async function createUpscaler(network: string | URL = "small", options: Options = {}): Promise<Upscaler> {
  const name = String(network);
  const named = /^[a-z0-9-]+$/i.test(name);
  let scale = Number(/-x([34])\b/.exec(name)?.[1] ?? 2); // of bicubic in its place, where nothing says it
  const instead = (why: Why, error: Error): Upscaler => {
    if (options.fallback === false) throw error;
    return new Upscaler(name, scale, why, undefined);
  };
  const page = (globalThis as { location?: { href: string } }).location?.href ?? import.meta.url;
  const base = new URL(options.base ?? new URL("../networks/", import.meta.url), page);
  const address = named ? new URL(`${name}.json`, base) : new URL(name, page);
  let facts: Facts;
  let module: WebAssembly.Module;
  try {
    facts = JSON.parse(new TextDecoder().decode(await bytesOf(address))) as Facts;
    if (facts.scale > 0) scale = facts.scale;
    module = await compile(facts, address, { relaxed: options.relaxed ?? true });
  } catch (error) {
    return features().simd ? instead("not loaded", error as Error) : instead("no simd", new Error("no SIMD"));
  }
  if (facts.channels !== 1) return instead("not luma", new Error(`${name} takes no luma`));
  const cores = globalThis.navigator?.hardwareConcurrency ?? 2;
  const count = options.workers ?? Math.min(4, Math.max(1, cores - 1));
  let makeWorker: MakeWorker | undefined = options.makeWorker;
  if (makeWorker === undefined && typeof Worker === "function")
    makeWorker = () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }) as unknown as ReturnType<MakeWorker>;
  return new Upscaler(facts.name, facts.scale, "none", new Pool(module, facts, count, count > 0 ? makeWorker : undefined));
}
