// What reason codes mean, and what went wrong, in words.

import type { LiveReason } from "../src/live.js";
import type { SizeReason } from "../src/sending.js";
import type { Sent } from "./call.js";

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

const SIZES: Record<SizeReason, string> = {
  "nothing measured yet": "nothing is measured yet",
  "codec not measured": "for this codec nobody measured when a smaller size pays",
  "picture too crisp": "the picture is too crisp to be sent smaller",
  "few bits": "with so few bits a smaller size is better",
  "enough bits": "there are bits enough for the full size",
  "fine as it is": "the encoder has the bits that it needs",
  "too soon to change": "another size would be better, and is taken in a moment",
};

/** What size is sent, and why. */
export function sentInWords({ width, height, scale, reason, bitsPerPixel }: Sent, adapts: boolean): string {
  const size = scale === 1 || !adapts ? `${width}x${height}` : `${width}x${height}, 1/${scale} of the full size`;
  const rate = bitsPerPixel === undefined ? "" : `, ${bitsPerPixel.toFixed(4)} bits a pixel`;
  return `${size}${rate}: ${adapts ? SIZES[reason] : "always the full size"}`;
}
