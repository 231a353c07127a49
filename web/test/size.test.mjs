// What a page loads besides a network: 15 kB gzipped.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const BUDGET = 15_000;
const dist = new URL("../dist/", import.meta.url);
const code = readdirSync(dist).filter((file) => file.endsWith(".js"));

test("all the code fits the budget", (t) => {
  const bytes = code.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length, 0);
  t.diagnostic(`${bytes} bytes gzipped in ${code.length} files`);
  assert.ok(bytes <= BUDGET, `${bytes} bytes`);
});

test("no dependency, no address of anybody, nothing that a strict content security policy forbids", () => {
  const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.equal(dependencies, undefined);
  for (const file of code) {
    const text = readFileSync(new URL(file, dist), "utf8");
    assert.doesNotMatch(text, /https?:\/\/|\beval\(|new Function|innerHTML|from "(?!\.)/, file);
  }
});
