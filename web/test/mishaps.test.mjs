// Workers that fail, frames that are turned or have no alpha, numbers that are none, networks of other sizes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { createLive, createUpscaler, Level, Live } from "../dist/index.js";
import { chromaShift, frameOf, samplesOf } from "../dist/frame.js";
import { levelOf } from "../dist/live.js";

const folder = process.env.POCKETSR_NETWORKS;
const skip = folder === undefined ? "POCKETSR_NETWORKS names no folder" : false;
const base = folder && pathToFileURL(`${folder}/`);

/** A worker whose script can't be loaded, or which dies as soon as there is something to do. */
function failing(kind) {
  const worker = { onmessage: null, onerror: null, ended: false, terminate: () => (worker.ended = true) };
  worker.postMessage = (message) => {
    if (message.kind === kind) setImmediate(() => worker.ended || worker.onerror({}));
  };
  return worker;
}

for (const kind of ["start", "strip"])
  test(`workers that fail at ${kind}: the frame is made here, and all that follow`, { skip }, async () => {
    const made = [];
    const makeWorker = () => (made.push(failing(kind)), made.at(-1));
    const upscaler = await createUpscaler("small-w8a8", { base, workers: 3, makeWorker });
    const input = new Uint8Array(readFileSync(`${folder}/67x31.in`));
    for (let i = 0; i < 2; i++)
      assert.deepEqual(Buffer.from(await upscaler.plane(input, 67, 31)), readFileSync(`${folder}/67x31.expected`));
    assert.equal(upscaler.workers, 0);
    assert.ok(made.length === 3 && made.every(({ ended }) => ended));
    upscaler.close();
    await assert.rejects(upscaler.plane(input, 67, 31), /closed/);
  });

test("workers that may not be made, as those of another site's script", { skip }, async () => {
  const makeWorker = () => { throw new Error("SecurityError"); };
  const upscaler = await createUpscaler("small-w8a8", { base, workers: 2, makeWorker });
  assert.deepEqual([upscaler.reason, upscaler.workers], ["none", 0]);
  assert.equal((await upscaler.plane(new Uint8Array(12).fill(9), 4, 3)).length, 48);
});

test("bicubic in the place of a network enlarges as much", async () => {
  for (const [name, scale] of [["small-x4", 4], ["quality-x3", 3], ["small", 2]]) {
    const upscaler = await createUpscaler(name, { base: "./nowhere/" }); // as a page writes it
    assert.deepEqual([upscaler.reason, upscaler.scale], ["not loaded", scale]);
    assert.equal((await upscaler.plane(new Uint8Array(6), 3, 2)).length, 6 * scale ** 2);
  }
});

test("each network that doubles has a level", async () => {
  const expected = {
    phone: 2, "steep-tiny": 3, "tiny-call": 3, "steep-small-w8a8": 4, "small-call-w8a8": 4, photo: 4, screen: 4, medium: 5, quality: 6,
  };
  for (const [name, level] of Object.entries(expected)) assert.equal(levelOf(name), level, name);
  for (const name of ["small-x4", "quality-x3", "bicubic", "constructor", "", "nothing"])
    await assert.rejects(createLive({ networks: ["tiny", name] }), /is on no level/, name);
});

test("a rate or a pressure that is no number stops nothing", async () => {
  const network = { luma: async (samples) => samples };
  const live = new Live(new Map([[Level.TINY, network]]), [0, 0, 0, 1000, 0, 0, 0], 0, "none");
  for (const [fps, pressure] of [[0, 0], [NaN, 0], [Infinity, 0], [1e-9, 0], [30, NaN], [30, 0]]) {
    Object.assign(live, { fps, pressure });
    const { reason } = await live.planes({ width: 64, height: 64 });
    assert.equal(reason, Number.isNaN(pressure) ? "fault" : "warm up");
    assert.equal(live.busy, false);
  }
});

test("chroma's place at each size", () => {
  // the luma column over which sample j of the result lies, 2 j, in samples of the source's chroma
  for (const scale of [2, 3, 4])
    for (const j of [0, 5]) {
      const place = ((2 * j + 0.5) / scale - 0.5) / 2;
      assert.ok(Math.abs((j + 0.5) / scale - 0.5 + chromaShift({ ssx: 2 }, scale) - place) < 1e-12);
    }
  assert.equal(chromaShift({ ssx: 1 }, 2), 0);
});

test("a pixel without alpha isn't transparent", async () => {
  const data = Uint8Array.from({ length: 4 * 6 }, (_, i) => (i % 4 === 3 ? i : 100));
  const copyTo = async (out) => (out.set(data), [{ offset: 0, stride: 12 }]);
  for (const format of ["RGBX", "BGRX", "RGBA"]) {
    const frame = { format, visibleRect: { width: 3, height: 2 }, allocationSize: () => 24, copyTo };
    const alpha = (await samplesOf(frame)).data.filter((_, i) => i % 4 === 3);
    assert.deepEqual([...alpha], format === "RGBA" ? [3, 7, 11, 15, 19, 23] : Array(6).fill(255));
  }
});

test("a frame keeps how it is turned, and its pixels' shape", () => {
  const like = { timestamp: 5, duration: null, visibleRect: { width: 10, height: 8 }, colorSpace: { matrix: "bt709" }, format: "I420" };
  globalThis.VideoFrame = class { constructor(data, init) { this.init = init; } };
  try {
    const made = (more) => frameOf({ ...like, ...more }, "I420", new Uint8Array(480), 20, 16).init;
    const { rotation, flip, displayWidth, displayHeight, colorSpace } = made({ rotation: 90, flip: true, displayWidth: 8, displayHeight: 13 });
    assert.deepEqual([rotation, flip, displayWidth, displayHeight, colorSpace], [90, true, 26, 16, like.colorSpace]);
    const plain = made({ displayWidth: 10, displayHeight: 8 });
    assert.deepEqual([plain.rotation, plain.displayWidth, plain.displayHeight, plain.duration], [0, 20, 16, undefined]);
  } finally {
    delete globalThis.VideoFrame;
  }
});
