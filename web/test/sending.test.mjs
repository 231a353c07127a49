// The traces are Python's: tests/codec/sending-traces.json.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { chooseSize, halfSizePsnr, SIZE_CONSTANTS, SIZE_NETWORK, SIZE_TABLE, SizeSwitch } from "../dist/index.js";

const file = JSON.parse(readFileSync(new URL("../../tests/codec/sending-traces.json", import.meta.url), "utf8"));

test("the table and the constants are Python's", () => {
  assert.deepEqual(SIZE_CONSTANTS, file.constants);
  assert.deepEqual(SIZE_TABLE, file.table);
  assert.equal(SIZE_NETWORK, file.network);
});

test("sizes are looked up as Python does", () => {
  for (const [codec, rate, softness, scale] of file.choices) assert.equal(chooseSize(codec, rate, softness), scale, `${codec} ${rate} ${softness}`);
});

for (const trace of file.traces)
  test(`trace: ${trace.name}`, () => {
    const sizes = new SizeSwitch();
    const answers = trace.told.map(([now, codec, rate, softness, qp]) => sizes.update(now, codec, rate, softness, qp ?? undefined));
    assert.deepEqual(answers.map(({ scale, model, reason }) => [scale, model, reason]), trace.expected);
  });

test("names of objects are no codecs", () => {
  assert.equal(new SizeSwitch().update(0, "constructor", 0.001, 40).reason, "codec not measured");
});

/** As tools/sending_traces.py makes it. */
function picture(width, height, grain) {
  const made = new Uint8ClampedArray(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const waves = (((x * x * 3 + y * y * 5 + x * y * 7) >> 4) % 128) + 40;
      const noise = ((x * 7919 + y * 104_729 + x * y * 31) % (2 * grain + 1)) - grain;
      const ramp = grain > 50 ? (3 * x + 2 * y) % 256 : (x + 2 * y) % 200;
      made[y * width + x] = ((waves + ramp) >> 1) + noise;
    }
  return made;
}

test("softness is Python's, but for the edges", () => {
  for (const [width, height, grain, expected] of file.softness) {
    const found = halfSizePsnr(picture(width, height, grain), width, height);
    assert.ok(Math.abs(found - expected) < 0.2, `${width}x${height}: ${found}, ${expected}`);
  }
  assert.equal(halfSizePsnr(new Uint8Array(64).fill(9), 8, 8), 100);
  assert.throws(() => halfSizePsnr(new Uint8Array(9), 3, 3), RangeError);
});
