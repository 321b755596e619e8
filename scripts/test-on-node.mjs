// Runs the unit tests on other versions of Node than this one:
//   npm run test:nodes -- [MAJOR …]        20, 22 and 24 unless told; the running one is skipped, npm test uses it
// The binaries are those of the packages `node-SYSTEM-PROCESSOR`, which hold nothing else and run no script (the package
// `node` chooses among them in a script at installation). They are kept in node_modules/.cache. A version that cannot be had
// is skipped with a notice: a machine without a network can still test on its own.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const system = process.platform === "win32" ? "win" : process.platform;
const binary = system === "win" ? "node.exe" : "node";
const given = process.argv.slice(2);
const majors = (given.length > 0 ? given : ["20", "22", "24"]).filter((v) => v !== process.versions.node.split(".")[0]);

/** Path of the program of that version, installed where it is not yet; a reason where it cannot be had. */
function nodeOf(major) {
  const name = `node-${system}-${process.arch}`;
  const folder = join(root, "node_modules/.cache/node", major);
  const program = join(folder, "node_modules", name, "bin", binary);
  if (existsSync(program)) return { program };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}\n");
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"];
  const ran = spawnSync("npm", ["install", ...flags, `${name}@${major}`], {
    ...{ cwd: folder, encoding: "utf8", shell: system === "win", timeout: 120_000 },
  });
  if (existsSync(program)) return { program };
  return { reason: ran.stderr?.trim().split("\n")[0] || ran.error?.message || "npm says nothing" };
}

let failed = false;
for (const major of majors) {
  const { program, reason } = nodeOf(major);
  const line = "!".repeat(80);
  if (!program) {
    console.warn(`${line}\nNode ${major} cannot be had: ${reason}\nThe unit tests are SKIPPED on it.\n${line}`);
    continue;
  }
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const ran = spawnSync(program, [vitest, "run", "--project", "unit", "--reporter=dot"], {
    cwd: root,
    stdio: "inherit",
  });
  const version = spawnSync(program, ["--version"], { encoding: "utf8" }).stdout.trim();
  console.log(`unit tests on Node ${version}: ${ran.status === 0 ? "passed" : "FAILED"}`);
  failed ||= ran.status !== 0;
}
process.exit(failed ? 1 : 0);
