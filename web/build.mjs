// src to dist: types with their comments by tsc, code without by esbuild, file by file, so that bundlers leave out what a
// page doesn't use. The engine's loader is the file that `pocketsr export wasm` writes too: it is copied, not kept twice.
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
rmSync(here("dist"), { recursive: true, force: true });
copyFileSync(here("../src/pocketsr/export/engine.js"), here("src/engine.js"));

const tsc = [here("node_modules/typescript/bin/tsc"), "-p", here("."), "--emitDeclarationOnly"];
const checked = spawnSync(process.execPath, tsc, { stdio: "inherit" });
if (checked.status !== 0) process.exit(checked.status ?? 1);
await build({
  entryPoints: readdirSync(here("src")).map((file) => here(`src/${file}`)),
  outdir: here("dist"),
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
});
