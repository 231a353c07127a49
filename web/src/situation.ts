// What a governor is told and what it may answer: live/situation.py in TypeScript. Integers below 2^53.

/** The ladder. The larger, the better the picture. */
export const Level = { PASS_THROUGH: 0, BICUBIC: 1, PHONE: 2, TINY: 3, SMALL: 4, MEDIUM: 5, QUALITY: 6 } as const;
export type Level = (typeof Level)[keyof typeof Level];
export const LEVELS = Object.keys(Level).map((name) => name.toLowerCase()) as Lowercase<keyof typeof Level>[];

/** Why no better level makes this frame. */
export type Reason =
  | "none" // it is the best there is
  | "warm up" // the first frames, whose times say little
  | "static" // nothing changed: no level runs, the last result is shown again
  | "over budget" // there would be time for it on an idle machine, not now, or not for long enough
  | "size too large" // at this size there is no time for it on this machine, idle or not
  | "size too small" // a network sees nothing in so few pixels
  | "battery"
  | "fault"; // it failed, and isn't tried again yet

const SERIOUS = 2;
export const CRITICAL = 3;
const [BATTERY, LOW] = [1, 2];

/** The same as Python's, and as those beside the traces. */
export const CONSTANTS = {
  enter_permille: 400,
  leave_permille: 800,
  warm_up_frames: 10,
  settle_frames: 2,
  hold_us: 5_000_000,
  wait_us: 10_000_000,
  longest_wait_us: 240_000_000,
  steady_us: 120_000_000,
  fault_us: 60_000_000,
  longest_fault_us: 600_000_000,
  step_us: 1_000_000,
  slack_us: 1_000,
  budget_us: 33_333,
  shortest_budget_us: 1_000,
  longest_budget_us: 10_000_000,
  least_side: 32,
  most_side: 8_192,
  most_pixels: 33_554_432,
  most_us_per_mpx: 10_000_000,
  most_us: 100_000_000,
  least_slow_permille: 250,
  most_slow_permille: 16_000,
  most_streams: 64,
};

const C = CONSTANTS;

/** What is known when a frame is about to be made; times in microseconds, of a clock that needn't be right. */
export interface Situation {
  now_us: number;
  /** when the result is wanted; 0: `budget_us` from now */
  deadline_us?: number;
  /** from one frame to the next; 0: 30 frames a second */
  budget_us?: number;
  width?: number;
  height?: number;
  /** older frames that were dropped for this one */
  queue?: number;
  /** how many share this machine, this one counted */
  streams?: number;
  /** 0 nominal, 1 fair, 2 serious: no climbing, 3 critical: no network */
  pressure?: number;
  /** 0 mains, 1 battery: no network above tiny, 2 low: none at all */
  power?: number;
  /** 1 where the picture is the last one again */
  static?: number;
}

/** A situation whose numbers are in range. */
export interface Sane {
  deadline: number;
  budget: number;
  pixels: number;
  queue: number;
  streams: number;
  pressure: number;
  serious: boolean;
  still: boolean;
  cap: Level;
  why: Reason;
}

export function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}

/** An integer. Throws a TypeError for what is none. */
export function whole(value: number, name: string): number {
  if (typeof value !== "number" || !Number.isInteger(value)) throw new TypeError(`${name} is ${value}: an integer is expected`);
  const most = Number.MAX_SAFE_INTEGER;
  return clamp(value, -most, most);
}

export function sane(s: Situation): Sane {
  const of = (name: keyof Situation, otherwise = 0): number => whole(s[name] ?? otherwise, name);
  const given = of("budget_us");
  const budget = given > 0 ? clamp(given, C.shortest_budget_us, C.longest_budget_us) : C.budget_us;
  const deadline = of("deadline_us") > 0 ? of("deadline_us") : of("now_us") + budget;
  const [width, height] = [of("width"), of("height")];
  const pressure = clamp(of("pressure"), 0, CRITICAL);
  const [cap, why] = capOf(width, height, pressure, of("power"));
  return {
    deadline,
    budget,
    pixels: clamp(width, 0, C.most_side) * clamp(height, 0, C.most_side),
    queue: Math.max(of("queue"), 0),
    streams: clamp(of("streams", 1), 1, C.most_streams),
    pressure,
    serious: pressure >= SERIOUS,
    still: of("static") > 0,
    cap,
    why,
  };
}

/** The best level that anything but time allows, and the reason for none better. */
function capOf(width: number, height: number, pressure: number, power: number): [Level, Reason] {
  const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
  if (shorter < 1) return [Level.PASS_THROUGH, "size too small"];
  if (longer > C.most_side || width * height > C.most_pixels) return [Level.PASS_THROUGH, "size too large"];
  if (power >= (LOW as number)) return [Level.PASS_THROUGH, "battery"];
  if (shorter < C.least_side) return [Level.BICUBIC, "size too small"];
  if (pressure === CRITICAL) return [Level.BICUBIC, "over budget"];
  if (power === BATTERY) return [Level.TINY, "battery"];
  return [Level.QUALITY, "none"];
}
