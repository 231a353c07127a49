// Frames of a call or video, on time: the governor chooses among networks, bicubic, and leaving a frame as it is.

import { Governor } from "./governor.js";
import { Level } from "./situation.js";
import type { Reason, Situation } from "./situation.js";
import { createUpscaler, Upscaler } from "./upscaler.js";
import type { Options } from "./upscaler.js";

const NAMES = ["tiny", "small", "medium", "quality"] as const;
const [PROBE_WIDTH, PROBE_HEIGHT] = [320, 180];

export interface LiveOptions extends Options {
  /** networks of the ladder, by name; default: tiny and small */
  networks?: readonly (typeof NAMES)[number][];
  /** frames a second; default: 30 */
  fps?: number;
}
export interface Result {
  frame: VideoFrame;
  level: Level;
  /** why no better level made it; "hidden": nobody sees it */
  reason: Reason | "hidden" | "no simd" | "not loaded" | "not luma";
}

/** Upscales frame after frame, each as well as there is time for. */
export class Live {
  /** 0 mains, 1 battery, 2 low */
  power = 0;
  /** 0 nominal to 3 critical, as the Compute Pressure API tells */
  pressure = 0;
  #dropped = 0;
  #busy = false;
  readonly #governor: Governor;

  /** @internal */
  constructor(
    private readonly ladder: ReadonlyMap<Level, Upscaler>,
    costs: readonly number[],
    private readonly fps: number,
    private readonly why: Result["reason"],
  ) {
    this.#governor = new Governor(costs);
  }

  /** The frame, enlarged, or itself; undefined where the last one is still being made. The caller closes frames. */
  async next(frame: VideoFrame): Promise<Result | undefined> {
    if (this.#busy) {
      this.#dropped += 1;
      return undefined;
    }
    if (typeof document === "object" && document.visibilityState === "hidden")
      return { frame, level: Level.PASS_THROUGH, reason: "hidden" };
    this.#busy = true;
    const now = (): number => Math.round(performance.now() * 1000);
    const situation: Situation = {
      now_us: now(),
      budget_us: Math.round(1e6 / this.fps),
      width: frame.visibleRect?.width ?? frame.codedWidth,
      height: frame.visibleRect?.height ?? frame.codedHeight,
      queue: this.#dropped,
      pressure: this.pressure,
      power: this.power,
    };
    this.#dropped = 0;
    const { level, reason } = this.#governor.begin(situation);
    const upscaler = this.ladder.get(level);
    try {
      const made = upscaler === undefined ? frame : await upscaler.frame(frame);
      this.#governor.end(now());
      return { frame: made, level, reason: reason === "none" && this.why !== "none" ? this.why : reason };
    } catch {
      this.#governor.end(now(), true);
      return { frame, level: Level.PASS_THROUGH, reason: "fault" };
    } finally {
      this.#busy = false;
    }
  }

  close(): void {
    for (const each of this.ladder.values()) each.close();
  }
}

/** The ladder of networks, each one's cost measured on a blank frame, twice since code gets faster. */
export async function createLive(options: LiveOptions = {}): Promise<Live> {
  const ladder = new Map<Level, Upscaler>([[Level.BICUBIC, new Upscaler("bicubic", 2, "none", undefined)]]);
  let why: Result["reason"] = "none";
  for (const name of options.networks ?? ["tiny", "small"]) {
    const upscaler = await createUpscaler(name, options);
    if (upscaler.reason === "none") ladder.set((2 + NAMES.indexOf(name)) as Level, upscaler);
    else why = upscaler.reason;
  }
  const costs = [0, 0, 0, 0, 0, 0];
  const blank = new Uint8Array(PROBE_WIDTH * PROBE_HEIGHT);
  for (const [level, upscaler] of ladder) {
    for (let warm = 0; warm < 8; warm++) await upscaler.plane(blank, PROBE_WIDTH, PROBE_HEIGHT);
    const start = performance.now();
    for (let i = 0; i < 3; i++) await upscaler.plane(blank, PROBE_WIDTH, PROBE_HEIGHT);
    costs[level] = Math.max(1, Math.round((((performance.now() - start) / 3) * 1e9) / blank.length));
  }
  return new Live(ladder, costs, options.fps ?? 30, why);
}

/** A camera's or a call's track, enlarged; undefined where the browser can't (Firefox, Safari: use `upscaleVideo`). */
export function upscaleTrack(track: MediaStreamTrack, live: Live): MediaStreamTrack | undefined {
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = globalThis as any;
  if (MediaStreamTrackProcessor === undefined || MediaStreamTrackGenerator === undefined) return undefined;
  const processor = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 });
  const generator = new MediaStreamTrackGenerator({ kind: "video" });
  const transform = new TransformStream<VideoFrame, VideoFrame>({
    async transform(frame, controller) {
      const result = await live.next(frame);
      if (result?.frame !== frame) frame.close();
      if (result !== undefined) controller.enqueue(result.frame);
    },
  });
  void processor.readable.pipeThrough(transform).pipeTo(generator.writable).catch(() => undefined); // the track ended
  return generator as MediaStreamTrack;
}

/** Draws a <video>'s frames, enlarged, on a canvas. Returns what ends it. */
export function upscaleVideo(video: HTMLVideoElement, canvas: HTMLCanvasElement, live: Live, told?: (result: Result) => void): () => void {
  const context = canvas.getContext("2d");
  let running = true;
  const draw = async (): Promise<void> => {
    if (!running) return;
    video.requestVideoFrameCallback(() => void draw());
    const frame = new VideoFrame(video);
    const result = await live.next(frame);
    if (result !== undefined) {
      const { displayWidth, displayHeight } = result.frame;
      if (canvas.width !== displayWidth || canvas.height !== displayHeight) [canvas.width, canvas.height] = [displayWidth, displayHeight];
      context?.drawImage(result.frame, 0, 0);
      told?.(result);
      if (result.frame !== frame) result.frame.close();
    }
    frame.close();
  };
  video.requestVideoFrameCallback(() => void draw());
  return () => {
    running = false;
  };
}
