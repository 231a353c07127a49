// The traces are Python's: tests/live/governor-traces.json.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CONSTANTS, Governor, LEVELS } from "../dist/index.js";

const file = JSON.parse(readFileSync(new URL("../../tests/live/governor-traces.json", import.meta.url), "utf8"));

test("the constants are Python's", () => assert.deepEqual(CONSTANTS, file.constants));

for (const trace of file.traces)
  test(`trace: ${trace.name}`, () => {
    const governor = new Governor(trace.us_per_mpx);
    trace.frames.forEach(({ after_us, fault, ...situation }, i) => {
      const { level, reason } = governor.begin(situation);
      if (after_us !== undefined) governor.end(situation.now_us + after_us, fault > 0);
      assert.deepEqual([LEVELS[level], reason, governor.slow], trace.expected[i], `frame ${i}`);
    });
  });

test("what is no integer is refused", () => {
  assert.throws(() => new Governor([1.5, 1, 1, 1, 1, 1, 1]), TypeError);
  assert.throws(() => new Governor([1, 2, 3]), RangeError);
  assert.throws(() => new Governor([0, 1, 1, 1, 1, 1, 1]).begin({ now_us: NaN }), TypeError);
});
