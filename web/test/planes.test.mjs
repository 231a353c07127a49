import assert from "node:assert/strict";
import { test } from "node:test";
import { bicubic, createUpscaler } from "../dist/index.js";
import { toPixels, toPlanes } from "../dist/colour.js";

test("bicubic keeps what is flat, and a ramp", () => {
  assert.ok(bicubic(new Uint8Array(35).fill(77), 7, 5).every((value) => value === 77));
  const ramp = Uint8Array.from({ length: 16 * 2 }, (_, i) => 8 * (i % 16));
  const row = bicubic(ramp, 16, 2).slice(8, 24);
  row.forEach((value, i) => assert.ok(Math.abs(value - 8 * ((i + 8.5) / 2 - 0.5)) <= 0.5, `${i}: ${value}`));
  const left = bicubic(ramp, 16, 2, 2, 0.125).slice(8, 24); // an eighth of a sample further on
  left.forEach((value, i) => assert.ok(Math.abs(value - 8 * ((i + 8.5) / 2 - 0.375)) <= 0.5, `${i}: ${value}`));
});

test("colours survive there and back", () => {
  const pixels = Uint8Array.from({ length: 4 * 512 }, (_, i) => (i % 4 === 3 ? 255 : (i * 73) % 256));
  toPixels(toPlanes(pixels)).forEach((value, i) => assert.ok(Math.abs(value - pixels[i]) <= 2));
});

test("without SIMD: bicubic, and the reason", async () => {
  const { validate } = WebAssembly;
  WebAssembly.validate = () => false;
  try {
    const upscaler = await createUpscaler("tiny");
    assert.equal(upscaler.reason, "no simd");
    assert.deepEqual(await upscaler.plane(new Uint8Array(6).fill(9), 3, 2), new Uint8ClampedArray(24).fill(9));
    await assert.rejects(createUpscaler("tiny", { fallback: false }), /SIMD/);
  } finally {
    WebAssembly.validate = validate;
  }
});

test("a network that isn't there: bicubic, and the reason", async () => {
  const upscaler = await createUpscaler("nothing", { base: new URL("./nowhere/", import.meta.url) });
  assert.equal(upscaler.reason, "not loaded");
  await assert.rejects(upscaler.plane(new Uint8Array(5), 3, 2), /6 are expected/);
});
