// src to dist: types with their comments by tsc, code without by esbuild, file by file, so that bundlers leave out what a
// page doesn't use. The engine's loader is the file that `pocketsr export wasm` writes too: it is copied, not kept twice.
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
for (const made of ["dist", "site"]) rmSync(here(made), { recursive: true, force: true });
copyFileSync(here("../src/pocketsr/export/engine.js"), here("src/engine.js"));

for (const options of [["-p", here("."), "--emitDeclarationOnly"], ["-p", here("tsconfig.page.json")]]) {
  const tsc = [here("node_modules/typescript/bin/tsc"), ...options];
  const checked = spawnSync(process.execPath, tsc, { stdio: "inherit" });
  if (checked.status !== 0) process.exit(checked.status ?? 1);
}
await build({
  entryPoints: readdirSync(here("src")).map((file) => here(`src/${file}`)),
  outdir: here("dist"),
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
});
// What is left of line breaks and indentation is in shaders, where it means nothing
const screen = here("dist/screen.js");
writeFileSync(screen, readFileSync(screen, "utf8").replace(/\n +/g, "\n"));

// The page of `pocketsr web`, with what it needs of the package in one file, to be read: what is committed under
// src/pocketsr/webpage/site is a copy of it (npm run page), so that a wheel can be built without Node.
await build({
  entryPoints: { page: here("page/main.ts"), worker: here("src/worker.ts") },
  outdir: here("site"),
  bundle: true,
  external: ["node:*"], // of the loader, for Node alone
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "// Made from web/ by `npm run page`: edit that." },
});
for (const file of ["index.html", "page.css"]) copyFileSync(here(`page/${file}`), here(`site/${file}`));
