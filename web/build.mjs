// src to dist. The engine's loader is the file that `pocketsr export wasm` writes too: it is copied here, not kept twice.
import { copyFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
rmSync(here("dist"), { recursive: true, force: true });
copyFileSync(here("../src/pocketsr/export/engine.js"), here("src/engine.js"));

// Types with their comments, code without: pages load the code.
for (const options of [["--emitDeclarationOnly"], ["--declaration", "false", "--removeComments"]]) {
  const tsc = [here("node_modules/typescript/bin/tsc"), "-p", here("."), ...options];
  const done = spawnSync(process.execPath, tsc, { stdio: "inherit" });
  if (done.status !== 0) process.exit(done.status ?? 1);
}
