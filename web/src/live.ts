// Frames of a call or video, on time: the governor chooses among networks, bicubic, and leaving a frame as it is.

import type { PlaneSamples } from "./frame.js";
import { Governor } from "./governor.js";
import { clamp, Level, LEVELS } from "./situation.js";
import type { Reason, Situation } from "./situation.js";
import { createUpscaler, Upscaler } from "./upscaler.js";
import type { Options } from "./upscaler.js";
import { watch } from "./watch.js";

const [PROBE_WIDTH, PROBE_HEIGHT] = [320, 180];

export interface LiveOptions extends Options {
  /** networks of the ladder, by name, as "small" or "small-call", one a level, of twice the size; default: tiny and small */
  networks?: readonly string[];
  /** frames a second, until a track or video says it; default: 30 */
  fps?: number;
  /** the best network makes every frame it can, whatever time it takes, and frames that come meanwhile are dropped */
  always?: boolean;
  /** on battery: "tiny", no network above that (default); "pause": none; "ignore" */
  onBattery?: "tiny" | "pause" | "ignore";
}
/** Why no better level made it; "hidden": nobody sees it. */
export type LiveReason = Reason | "hidden" | "no simd" | "not loaded" | "not luma";
export interface Made<Frame> {
  frame: Frame;
  level: Level;
  reason: LiveReason;
  /** how long it took */
  ms: number;
}
export type Result = Made<VideoFrame>;

/** The level of a network, by how its name begins. Throws a RangeError for one without a place, and those of x3 and x4. */
export function levelOf(name: string): Level {
  const size = /^(photo|screen)$/.test(name) ? "small" : name.replace("steep-", "").split("-")[0];
  const level = LEVELS.indexOf(size as (typeof LEVELS)[number]) as Level;
  if (level <= Level.BICUBIC || /-x\d/.test(name)) throw new RangeError(`${name} is on no level`);
  return level;
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
  readonly #always: Level | undefined;

  /** @internal */
  constructor(
    private readonly ladder: ReadonlyMap<Level, Upscaler>,
    costs: readonly number[],
    /** frames a second */
    public fps: number,
    private readonly why: LiveReason,
    always = false,
  ) {
    this.#governor = new Governor(costs);
    if (always) this.#always = Math.max(...ladder.keys()) as Level;
  }

  /** How degraded frames are, 0 (clean) to 1, for networks that are told; undefined: the networks' defaults. */
  set strength(strength: number | undefined) {
    for (const each of this.ladder.values()) each.strength = strength;
  }

  /** Whether a frame is being made: the next one would be dropped. */
  get busy(): boolean {
    return this.#busy;
  }

  /** The frame, enlarged, or itself; undefined where the last one is still being made. The caller closes frames. */
  next(frame: VideoFrame): Promise<Result | undefined> {
    const { width, height } = frame.visibleRect ?? { width: frame.codedWidth, height: frame.codedHeight };
    return this.#next(frame, width, height, (upscaler) => upscaler.frame(frame));
  }

  /** The same for a `Screen`: luma is enlarged, chroma isn't. */
  planes(samples: PlaneSamples): Promise<Made<PlaneSamples> | undefined> {
    return this.#next(samples, samples.width, samples.height, (upscaler) => upscaler.luma(samples));
  }

  async #next<F>(frame: F, width: number, height: number, make: (upscaler: Upscaler) => Promise<F>): Promise<Made<F> | undefined> {
    if (this.#busy) {
      this.#dropped += 1;
      return undefined;
    }
    const asItIs = (reason: LiveReason): Made<F> => ({ frame, level: Level.PASS_THROUGH, reason, ms: 0 });
    if (typeof document === "object" && document.visibilityState === "hidden") return asItIs("hidden");
    const begun = performance.now();
    const now = (): number => Math.round(performance.now() * 1000);
    const situation: Situation = {
      now_us: now(),
      budget_us: Math.round(1e6 / clamp(this.fps || 30, 0.1, 1000)),
      width,
      height,
      queue: this.#dropped,
      pressure: this.pressure,
      power: this.power,
    };
    this.#dropped = 0;
    this.#busy = true;
    try {
      const { level, reason } = this.#always ? { level: this.#always, reason: "none" as const } : this.#governor.begin(situation);
      const upscaler = this.ladder.get(level);
      const made = upscaler ? await make(upscaler) : frame;
      this.#governor.end(now());
      return { frame: made, level, reason: reason === "none" ? this.why : reason, ms: performance.now() - begun };
    } catch {
      this.#governor.end(now(), true);
      return asItIs("fault");
    } finally {
      this.#busy = false;
    }
  }

  close(): void {
    for (const each of this.ladder.values()) each.close();
  }
}

/** The ladder of networks, each one's cost measured on a blank frame, after some for the browser's compiler. */
export async function createLive(options: LiveOptions = {}): Promise<Live> {
  const ladder = new Map<Level, Upscaler>([[Level.BICUBIC, new Upscaler("bicubic", 2, "none", undefined)]]);
  let why: LiveReason = "none";
  const levels = (options.networks ?? ["tiny", "small"]).map((name) => [name, levelOf(name)] as const);
  for (const [name, level] of levels) {
    const upscaler = await createUpscaler(name, options);
    if (upscaler.reason !== "none") why = upscaler.reason;
    else {
      ladder.get(level)?.close();
      ladder.set(level, upscaler);
    }
  }
  const costs = LEVELS.map(() => 0);
  const blank = new Uint8Array(PROBE_WIDTH * PROBE_HEIGHT);
  for (const [level, upscaler] of ladder) {
    let start = 0;
    for (let i = -8; i < 3; i++) {
      if (i === 0) start = performance.now();
      await upscaler.plane(blank, PROBE_WIDTH, PROBE_HEIGHT);
    }
    costs[level] = Math.max(1, Math.round((((performance.now() - start) / 3) * 1e9) / blank.length));
  }
  const live = new Live(ladder, costs, options.fps ?? 30, why, options.always);
  watch(live, options.onBattery ?? "tiny");
  return live;
}
