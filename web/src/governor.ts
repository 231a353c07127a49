// Which network of a ladder makes the next frame, or none, and why: live/governor.py in TypeScript, decision by decision.
// Both run tests/live/governor-traces.json. All quotients are of integers below 2^53 that aren't negative.

import { CONSTANTS, LEVELS, Level, clamp, sane, whole } from "./situation.js";
import type { Reason, Sane, Situation } from "./situation.js";

const C = CONSTANTS;
const IDLE = 1_000; // the slowness of a machine that is as it was when the costs were measured

export interface Decision {
  level: Level;
  reason: Reason;
}

interface Frame {
  begun: number;
  deadline: number;
  most: number;
  predicted: number;
}

const divided = (a: number, b: number): number => Math.floor(a / b);

/** Decides before each frame (`begin`) and learns from its time (`end`). */
export class Governor {
  level: Level = Level.PASS_THROUGH;
  /** how many thousandths of an idle machine's time frames take now */
  slow = IDLE;
  readonly #costs: number[];
  #clock = 0;
  #now: number | undefined;
  #warm = C.warm_up_frames;
  #settle = C.settle_frames;
  #changed = 0;
  #raised = -C.steady_us;
  #wait = C.wait_us;
  #calm: number | undefined;
  #goal: Level = Level.PASS_THROUGH;
  #strike = -C.hold_us - 1;
  #late = false;
  #ratios: [number, number] = [IDLE, IDLE];
  readonly #faults: number[];
  readonly #closed: number[];
  #frame: Frame | undefined;

  /** @param usPerMpx microseconds for a million pixels of input, of each level in their order; 0: it isn't there */
  constructor(usPerMpx: readonly number[]) {
    if (usPerMpx.length !== LEVELS.length)
      throw new RangeError(`${LEVELS.length} costs are expected`);
    this.#costs = usPerMpx.map((cost) => clamp(whole(cost, "usPerMpx"), 0, C.most_us_per_mpx));
    for (let level = LEVELS.length - 1, least = Infinity; level > Level.BICUBIC; level--) {
      const cost = this.#costs[level] ?? 0;
      if (cost < least) least = cost || least;
      else this.#costs[level] = 0; // a network that takes as long as a better one is as if it weren't there
    }
    this.#faults = LEVELS.map(() => 0);
    this.#closed = LEVELS.map(() => 0);
  }

  /** What makes the next frame. */
  begin(situation: Situation): Decision {
    this.#advance(whole(situation.now_us, "now_us"));
    this.#frame = undefined;
    const s = sane(situation);
    const before = this.level;
    const fit = this.#fit(s, s.cap);
    if (this.#warm >= 0) {
      this.#warm -= 1;
      this.level = this.#warm >= 0 ? this.#fit(s, Math.min(s.cap, Level.BICUBIC) as Level) : fit;
      if (this.#warm < 0) this.#change(fit);
    } else this.#govern(s, s.cap, fit);
    this.#late = false;
    if (s.still && this.#warm < 0 && this.level === before) return { level: this.level, reason: "static" };
    const most = divided(s.budget * C.leave_permille, 1_000 * s.streams);
    this.#frame = { begun: situation.now_us, deadline: s.deadline, most, predicted: this.#predicted(this.level, s) };
    return { level: this.level, reason: this.#warm >= 0 ? "warm up" : this.#reason(s, s.cap, s.why) };
  }

  /** The frame is done, or failed. Nothing is learnt from frames that this isn't called for. */
  end(nowUs: number, fault = false): void {
    this.#advance(whole(nowUs, "nowUs"));
    const frame = this.#frame;
    if (frame === undefined) return;
    this.#frame = undefined;
    if (fault) this.#close(this.level);
    else if (this.#settle > 0) this.#settle -= 1;
    else if (nowUs >= frame.begun) {
      const took = Math.min(nowUs - frame.begun, C.most_us);
      this.#late = nowUs > frame.deadline && took > frame.most;
      this.#learn(took, frame.predicted);
    }
  }

  #advance(now: number): void {
    if (this.#now !== undefined) this.#clock += clamp(now - this.#now, 0, C.step_us);
    this.#now = now;
  }

  #learn(took: number, predicted: number): void {
    let ratio = IDLE;
    if (predicted > 0) {
      ratio = divided((took + C.slack_us) * 1_000, predicted + C.slack_us);
      ratio = clamp(ratio, C.least_slow_permille, C.most_slow_permille);
    }
    this.#ratios = [this.#ratios[1], ratio];
    this.slow = divided(7 * this.slow + Math.min(ratio, 2 * this.slow) + 4, 8);
  }

  #close(level: Level): void {
    if (level === Level.PASS_THROUGH) return;
    const faults = this.#faults[level] ?? 0;
    this.#faults[level] = faults + 1;
    this.#closed[level] = this.#clock + Math.min(C.fault_us * 2 ** Math.min(faults, 8), C.longest_fault_us);
  }

  #govern(s: Sane, cap: Level, fitting: Level): void {
    let fit = fitting;
    const struck = this.#struck(s);
    if (struck) {
      this.slow = Math.max(this.slow, Math.min(...this.#ratios));
      fit = this.#fit(s, Math.min(cap, Math.max(this.level - 1, 0)) as Level);
    }
    const tooMuch = this.#load(this.level, s, this.slow) > C.leave_permille;
    if (this.level !== Level.PASS_THROUGH && (struck || tooMuch || this.level > cap || this.#isClosed(this.level))) {
      const lasted = this.#clock - this.#raised;
      this.#wait = lasted < C.steady_us ? Math.min(2 * this.#wait, C.longest_wait_us) : C.wait_us;
      this.#change(fit);
    } else if (fit <= this.level || s.serious) this.#calm = undefined;
    else {
      if (this.#calm === undefined) {
        this.#calm = this.#clock;
        this.#goal = fit;
      }
      this.#goal = Math.min(this.#goal, fit) as Level;
      if (this.#clock - this.#calm >= this.#wait && this.#clock - this.#changed >= C.hold_us) {
        this.#raised = this.#clock;
        this.#change(this.#goal);
      }
    }
  }

  /** Whether a second frame is late, or was dropped, within the time of a hold. */
  #struck(s: Sane): boolean {
    if (this.#settle > 0 || !(this.#late || s.queue > 0)) return false;
    const before = this.#strike;
    this.#strike = this.#clock;
    return this.#clock - before <= C.hold_us;
  }

  #change(level: Level): void {
    this.level = level;
    this.#changed = this.#clock;
    this.#calm = undefined;
    this.#settle = C.settle_frames;
    this.#strike = -C.hold_us - 1;
  }

  #predicted(level: Level, s: Sane): number {
    return Math.min(divided((this.#costs[level] ?? 0) * s.pixels, 1_000_000), C.most_us);
  }

  /** Thousandths of the budget. */
  #load(level: Level, s: Sane, slow: number, streams = s.streams): number {
    return divided(this.#predicted(level, s) * slow * streams, s.budget);
  }

  #isClosed(level: Level): boolean {
    return this.#clock < (this.#closed[level] ?? 0);
  }

  /** The best level that may be entered. */
  #fit(s: Sane, cap: Level): Level {
    for (let level = LEVELS.length - 1; level > 0; level--) {
      const each = level as Level;
      const there = each <= cap && (this.#costs[each] ?? 0) > 0 && !this.#isClosed(each);
      if (there && this.#load(each, s, this.slow) <= C.enter_permille) return each;
    }
    return Level.PASS_THROUGH;
  }

  #reason(s: Sane, cap: Level, why: Reason): Reason {
    let better = this.level + 1;
    while (better < LEVELS.length && (this.#costs[better] ?? 0) === 0) better += 1;
    if (better >= LEVELS.length) return "none";
    if (better > cap) return why;
    const level = better as Level;
    if (this.#isClosed(level)) return "fault";
    const idle = this.#load(level, s, Math.min(this.slow, IDLE), 1);
    return idle > C.enter_permille ? "size too large" : "over budget";
  }
}
