/**
 * Mutated files of weights and manifests, so many of each, side by side; the readers of data, which take longer, have a
 * run of their own (data.mjs).
 *
 *   npm run build && npm run fuzz -- [COUNT] [SEED]
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ran = await Promise.all(
  ["weights", "manifests"].map((kind) => {
    const script = fileURLToPath(new URL(`${kind}.mjs`, import.meta.url));
    const child = spawn(process.execPath, [script, ...process.argv.slice(2)], { stdio: "inherit" });
    return new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  }),
);
if (ran.some((code) => code !== 0)) process.exitCode = 1;
