// What pauses a stream: a page that nobody sees, a battery, times above the frame's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Level, Live } from "../dist/index.js";
import { watch } from "../dist/watch.js";

const samples = { kind: "planes", width: 640, height: 360 };
const network = { luma: async (s) => ({ ...s, width: 2 * s.width, height: 2 * s.height }) };

/** A ladder of `tiny` alone, which takes `ms` a frame by a clock of its own. */
function slowed(t, { always = false } = {}) {
  let now = 0;
  const clock = { ms: 1, wait: (ms) => (now += ms) };
  t.mock.method(performance, "now", () => now);
  const slow = { luma: async (s) => (clock.wait(clock.ms), network.luma(s)) };
  const live = new Live(new Map([[Level.TINY, slow]]), [0, 0, 0, 1000, 0, 0, 0], 25, "none", always);
  const frames = async (count) => {
    const made = [];
    for (let i = 0; i < count; i++) {
      made.push(await live.planes(samples));
      clock.wait(40);
    }
    return made;
  };
  return { live, clock, frames };
}

test("frames that fit are all made", async (t) => {
  const { frames } = slowed(t);
  const made = (await frames(200)).slice(20);
  assert.ok(made.every(({ level, reason, frame, ms }) => level === Level.TINY && reason === "none" && frame.width === 1280 && ms === 1));
});

test("the 90th percentile above a frame's time: none is made, and later again", async (t) => {
  const { clock, frames } = slowed(t);
  await frames(20);
  const made = [];
  for (let i = 0; i < 10; i++) {
    clock.ms = 2;
    made.push(...(await frames(8)));
    clock.ms = 60; // one of nine is late
    made.push(...(await frames(1)));
  }
  const paused = made.findIndex(({ level }) => level < Level.TINY);
  assert.ok(paused > 0 && paused < 30, `paused at frame ${paused}`);
  assert.equal(made[paused].reason, "over budget");
  assert.ok(made.slice(paused).every(({ level }) => level < Level.TINY));
  clock.ms = 2;
  assert.equal((await frames(500)).at(-1).level, Level.TINY);
});

test("always: no governor, whatever it takes", async (t) => {
  const { clock, frames } = slowed(t, { always: true });
  clock.ms = 500;
  assert.ok((await frames(40)).every(({ level, reason, ms }) => level === Level.TINY && reason === "none" && ms === 500));
});

test("a page that is hidden makes nothing", async (t) => {
  const { frames } = slowed(t);
  globalThis.document = { visibilityState: "hidden" };
  try {
    for (const { level, reason, frame } of await frames(30)) assert.deepEqual([level, reason, frame], [0, "hidden", samples]);
  } finally {
    delete globalThis.document;
  }
});

test("a frame that comes while one is made is dropped", async (t) => {
  const { live, frames } = slowed(t);
  await frames(20);
  const both = await Promise.all([live.planes(samples), live.planes(samples)]);
  assert.equal(both[0].level, Level.TINY);
  assert.equal(both[1], undefined);
});

test("a network that fails leaves the frame as it is", async (t) => {
  const { live, frames } = slowed(t);
  await frames(20);
  network.luma = async () => { throw new Error("no"); };
  const [made] = await frames(1);
  network.luma = async (s) => ({ ...s, width: 2 * s.width });
  assert.deepEqual([made.level, made.reason, made.frame], [0, "fault", samples]);
  assert.equal(live.busy, false);
});

test("battery and pressure arrive", async () => {
  const battery = Object.assign(new EventTarget(), { charging: false, level: 0.8 });
  const kept = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { getBattery: async () => battery }, configurable: true });
  let told;
  globalThis.PressureObserver = class {
    constructor(callback) { told = callback; }
    async observe() { throw new Error("forbidden"); }
  };
  try {
    const live = {};
    for (const [mode, expected] of [["tiny", 1], ["pause", 2], ["ignore", undefined]]) {
      delete live.power;
      watch(live, mode);
      await Promise.resolve();
      assert.equal(live.power, expected, mode);
    }
    watch(live, "tiny");
    await Promise.resolve();
    for (const [charging, level, expected] of [[true, 0.1, 0], [false, 0.1, 2], [false, 0.5, 1]]) {
      Object.assign(battery, { charging, level });
      battery.dispatchEvent(new Event("levelchange"));
      assert.equal(live.power, expected);
    }
    for (const [state, expected] of [["serious", 2], ["nominal", 0], ["critical", 3], ["unheard of", 0]]) {
      told([{ state }]);
      assert.equal(live.pressure, expected);
    }
  } finally {
    delete globalThis.PressureObserver;
    if (kept) Object.defineProperty(globalThis, "navigator", kept);
    else delete globalThis.navigator;
  }
});

test("a strength goes to every network of the ladder", () => {
  const [tiny, small] = [{}, {}];
  const live = new Live(new Map([[Level.TINY, tiny], [Level.SMALL, small]]), [0, 0, 0, 1, 2, 0, 0], 25, "none");
  live.strength = 0.7;
  assert.deepEqual([tiny.strength, small.strength], [0.7, 0.7]);
  live.strength = undefined;
  assert.deepEqual([tiny.strength, small.strength], [undefined, undefined]);
});
