// With the networks that POCKETSR_NETWORKS names, and the native library's results beside them: tests/web/test_web.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { createUpscaler } from "../dist/index.js";

const folder = process.env.POCKETSR_NETWORKS;
const skip = folder === undefined ? "POCKETSR_NETWORKS names no folder" : false;
const base = folder && pathToFileURL(`${folder}/`);
const SIZES = [[1, 1], [67, 31], [130, 9], [64, 48]];

/** A worker of Node with the face of a page's. */
function makeWorker() {
  const script = `
    import { parentPort } from "node:worker_threads";
    import { serve } from ${JSON.stringify(new URL("../dist/strips.js", import.meta.url).href)};
    const port = { onmessage: null, postMessage: (message, transfer) => parentPort.postMessage(message, transfer) };
    parentPort.on("message", (data) => port.onmessage({ data }));
    serve(port);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  const face = { onmessage: null, postMessage: (m, t) => worker.postMessage(m, t), terminate: () => worker.terminate() };
  worker.on("message", (data) => face.onmessage({ data }));
  return face;
}

async function compared(options) {
  const upscaler = await createUpscaler("small-w8a8", { base, ...options });
  try {
    assert.equal(upscaler.reason, "none");
    for (const [width, height] of SIZES) {
      const stem = `${folder}/${width}x${height}`;
      const input = new Uint8Array(readFileSync(`${stem}.in`));
      const made = await upscaler.plane(input, width, height);
      assert.deepEqual(Buffer.from(made), readFileSync(`${stem}.expected`), `${width}x${height}`);
    }
    return upscaler.workers;
  } finally {
    upscaler.close();
  }
}

test("the native bits, on this thread", { skip }, async () => assert.equal(await compared({ workers: 0 }), 0));
test("the native bits, in strips on three workers", { skip }, async () =>
  assert.equal(await compared({ workers: 3, makeWorker }), 3));
test("the native bits, in shared memory", { skip }, async () => {
  globalThis.crossOriginIsolated = true;
  try {
    assert.equal(await compared({ workers: 2, makeWorker }), 2);
  } finally {
    delete globalThis.crossOriginIsolated;
  }
});

test("frames come back in order, and closing rejects what waits", { skip }, async () => {
  const upscaler = await createUpscaler("small-w8a8", { base, workers: 2, makeWorker });
  const flat = (value) => upscaler.plane(new Uint8Array(32 * 16).fill(value), 32, 16);
  const made = await Promise.all([10, 200, 90].map(flat));
  made.forEach((plane, i) => assert.ok(Math.abs(plane[0] - [10, 200, 90][i]) <= 2));
  await assert.rejects(upscaler.plane(new Uint8Array(3), 2, 2), /4 are expected/);
  const last = flat(5);
  await new Promise((done) => setImmediate(done));
  upscaler.close();
  await assert.rejects(last, /closed/);
  await assert.rejects(flat(5), /closed/);
});

test("pictures: a grey one stays grey, transparency is enlarged", { skip }, async () => {
  const upscaler = await createUpscaler("small-w8a8", { base, workers: 0 });
  const grey = new Uint8ClampedArray(4 * 8 * 6).fill(120);
  const out = await upscaler.rgba(grey, 8, 6);
  assert.equal(out.length, 4 * 16 * 12);
  out.forEach((value) => assert.ok(Math.abs(value - 120) <= 2));
});
