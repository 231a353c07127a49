// Each network as files of its own under networks/, for npm: `node networks.mjs [NAME..]`, by the pocketsr on the PATH, or
// the command in POCKETSR.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const target = fileURLToPath(new URL("networks", import.meta.url));
const names = process.argv.length > 2 ? process.argv.slice(2) : ["phone", "tiny", "small", "small-w8a8", "medium", "quality", "photo", "screen", "tiny-call", "small-call", "small-call-w8a8", "medium-call"];
const pocketsr = process.env.POCKETSR ?? "pocketsr";
const scratch = mkdtempSync(join(tmpdir(), "pocketsr-networks-"));
try {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  for (const name of names) {
    const done = spawnSync(pocketsr, ["export", "wasm", "-m", name, "-o", scratch], { stdio: ["ignore", "ignore", "inherit"] });
    if (done.error) throw new Error(`${pocketsr} can't be run (pip install pocketsr, or name it in POCKETSR)`);
    if (done.status !== 0) process.exit(done.status ?? 1);
    const { modules } = JSON.parse(readFileSync(join(scratch, `${name}.json`), "utf8"));
    for (const file of [`${name}.json`, ...Object.values(modules)]) cpSync(join(scratch, file), join(target, file));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
