/**
 * Days in short: 50,000 steps of a micro model with checkpoints all the time. Resident memory and open files of the
 * training process are looked at from outside; both must stay flat.
 *
 *   npm run build && npm run soak:steps -- [STEPS] [ENGINE]
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [steps = "50000", engine = "onnx"] = process.argv.slice(2);
const epochs = 100;
const perEpoch = Math.max(10, Math.ceil(Number(steps) / epochs));
const batch = 4;
const folder = await mkdtemp(join(tmpdir(), "deit-soak-"));
const deit = fileURLToPath(new URL("../../bin/deit.js", import.meta.url));
const train = [
  ...["train", `procedural:8:${perEpoch * batch}`, "--validation", "procedural:8:32", "--engine", engine],
  ...["--output", join(folder, "run"), "--epochs", String(Math.ceil(Number(steps) / perEpoch))],
  ...["--batch-size", String(batch), "--workers", "1", "--checkpoint-minutes", "0.01", "--json", "--set"],
  ...["model=deit", "imageSize=8", "patchSize=4", "width=8", "depth=1", "heads=1", "warmupEpochs=0", "emaDecay=0.99"],
  ...["repeatedAugmentation=1", "autoAugment=none"],
];
const child = spawn(process.execPath, [deit, ...train], { stdio: ["ignore", "ignore", "inherit"] });

/** The process itself, or for XLA the one that it has launched. */
function trainer() {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim();
  return engine === "xla" && children !== "" ? Number(children.split(" ")[0]) : child.pid;
}
function look() {
  const pid = trainer();
  const kib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  const epochs = (readFileSync(join(folder, "run/log.jsonl"), "utf8").match(/"kind":"epoch"/g) ?? []).length;
  return { step: epochs * perEpoch, residentMiB: kib / 1024, files: readdirSync(`/proc/${pid}/fd`).length };
}

const samples = [];
const start = performance.now();
let shown = 0;
const timer = setInterval(() => {
  try {
    const sample = look();
    if (sample.step === 0 || sample.step === samples.at(-1)?.step) return;
    samples.push(sample);
    if (sample.step >= shown + steps / 20) {
      console.error(JSON.stringify(sample));
      shown = sample.step;
    }
  } catch {
    // between two processes, or at the end
  }
}, 200);
const code = await new Promise((resolve) => child.once("exit", resolve));
clearInterval(timer);
await rm(folder, { recursive: true });

/** Middle of the samples between two shares of the run: what comes and goes within seconds does not count. */
function during(from, to, key) {
  const values = samples.filter((s) => s.step >= from * steps && s.step <= to * steps).map((s) => s[key]);
  return values.sort((a, b) => a - b)[values.length >> 1];
}
const figures = {
  ...{ engine, steps: Number(steps), code },
  residentMiB: { early: during(0.1, 0.3, "residentMiB"), late: during(0.8, 1, "residentMiB") },
  files: { early: during(0.1, 0.3, "files"), late: during(0.8, 1, "files") },
};
const flat =
  figures.residentMiB.late < figures.residentMiB.early * 1.05 + 8 && figures.files.late <= figures.files.early + 2;
console.log(JSON.stringify({ ...figures, flat, seconds: Math.round((performance.now() - start) / 1000) }));
if (code !== 0 || !flat) {
  console.error(code === 0 ? "Memory or open files have grown." : `Training ended with ${code}.`);
  process.exitCode = 1;
}
