// What reason codes mean, and what went wrong, in words.

import type { LiveReason } from "../src/live.js";

export const REASONS: Record<LiveReason, string> = {
  none: "It is the best one chosen.",
  "warm up": "The first frames, whose times say little.",
  static: "Nothing changed.",
  "over budget": "There would be time for a better one, were this computer idle.",
  "size too large": "At this size there is no time for a better one here.",
  "size too small": "A network sees nothing in so few pixels.",
  battery: "This computer runs on its battery.",
  fault: "It failed; it is tried again later.",
  hidden: "Nobody sees this page.",
  "no simd": "This browser's WebAssembly has no SIMD.",
  "not loaded": "The network's file could not be loaded.",
  "not luma": "The network is none for luma.",
};

const DEVICES: Record<string, string> = {
  NotAllowedError: "The camera may not be used: allow it in the browser's settings for this page.",
  NotFoundError: "There is no camera.",
  NotReadableError: "The camera can't be opened: another program may be using it.",
};

/** An error as one sentence. */
export function sentence(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return DEVICES[name] ?? message;
}
