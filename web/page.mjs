// Copies the page to where the wheel takes it from: run it (npm run page), and commit what changed.
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = here("../src/pocketsr/webpage/site");
rmSync(target, { recursive: true, force: true });
cpSync(here("site"), target, { recursive: true });
