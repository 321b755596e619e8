// DeiT in bfloat16 on an accelerator against timm with torch.compile and AMP on the same card, and the input pipeline:
//   npm run bench:gpu -- [--models deit_tiny_patch16_224,…] [--work step,forward] [--batch 256] [--iterations 20]
//                        [--data FILE.records] [--seconds 520] [--json FILE] [--dry]
// Ours is measured with cuDNN's fused attention and without. All sides keep the device busy: the host never waits for a step
// before it starts the next one. Our figures include copying each batch of uint8 images to the device, timm's images lie there
// already. What --seconds leaves no time for is left to the next call, which measures what FILE lacks; the exit code is then 75.

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { here, listOf, measured, optionsOf, ours, output, peer, writeReport } from "./harness.js";
import { launchEnvironment } from "./internals.js";

const started = performance.now();
const options = optionsOf({
  ...{ models: undefined, work: "step,forward", batch: undefined, iterations: undefined, data: here("gpu.records") },
  ...{ seconds: 520, dry: false, json: undefined },
});
const small = options.dry;
// The one in the middle first: it says most if time is short.
const models =
  options.models ??
  (small ? "deit_tiny_patch16_224" : ["small", "base", "tiny"].map((s) => `deit_${s}_patch16_224`).join());
const batch = options.batch ?? (small ? "2" : "256");
const iterations = options.iterations ?? (small ? "2" : "20");

/** Dense bfloat16 products of the makers' data sheets, in TFLOP/s. The first name that fits counts. */
const cards = [
  ["B200", 2250],
  ["GH200", 989],
  ["H200", 989],
  ["H100 PCIe", 756],
  ["H100", 989],
  ["A100", 312],
  ["A10G", 70],
  ["A10", 125],
  ["L40S", 362],
  ["L4", 121],
  ["RTX 5090", 209.5],
  ["RTX 4090", 165.2],
  ["RTX 3090", 71],
];

if (!process.env.DEIT_PEER_PYTHON)
  throw new Error("Start this through bench/gpu.sh, which finds or makes the Python environment of the peer.");
const device = small ? "cpu" : "cuda";

const left = () => options.seconds - (performance.now() - started) / 1000;

/** A failure of one side is a result too: its last line. Undefined if there was no time for it. */
function tried(command, environment = {}) {
  const seconds = left();
  if (seconds < 20) return undefined;
  try {
    return measured(...command, { ...process.env, ...launchEnvironment(), ...environment }, Math.round(seconds * 1000));
  } catch (error) {
    if (error.code === "ETIMEDOUT" && seconds < options.seconds - 60) return undefined;
    return { failure: (error.message.trim().split("\n").at(-1) ?? "").slice(0, 300) };
  }
}

const contenders = {
  deit: (model, work) => tried(ours("gpu", model, batch, work, iterations)),
  timm: (model, work) => tried(peer("gpu", model, batch, work, iterations, device)),
  "deit without fused attention": (model, work) =>
    tried(ours("gpu", model, batch, work, iterations), { DEIT_FUSED_ATTENTION: "off" }),
};

/** Views from records per second, with a core left to the thread that feeds the device. */
function pipeline(work) {
  const workers = Math.max(1, availableParallelism() - 1);
  const images = small ? 200 : 1000 * workers;
  const result = tried(ours("data", work, options.data, workers, images));
  return result && { workers, ...result };
}

const measurements = [
  ...(existsSync(options.data) ? ["augmentation", "evaluation"] : []).map((work) => ({
    ...{ model: "input pipeline", work, name: "deit" },
    run: () => pipeline(work),
  })),
  ...listOf(models).flatMap((model) =>
    listOf(options.work).flatMap((work) =>
      Object.entries(contenders).map(([name, run]) => ({ model, work, name, run: () => run(model, work) })),
    ),
  ),
];

const earlier = options.json && existsSync(options.json) ? JSON.parse(readFileSync(options.json, "utf8")).results : [];
const results = earlier.filter((r) => !r.failure);
const same = (a) => (b) => a.model === b.model && a.work === b.work && a.name === b.name;
const card = small ? "this machine's CPU" : cardName();
let missing = 0;
for (const { run, ...what } of measurements) {
  if (results.some(same(what))) continue;
  const result = run();
  if (!result) {
    missing++;
    continue;
  }
  if (result.failure) console.error(`${what.model}, ${what.work}, ${what.name}: ${result.failure}`);
  for (const note of result.notes ?? []) console.error(`${what.model}, ${what.work}, ${what.name}: ${note}`);
  results.push({ ...what, ...(what.model === "input pipeline" ? {} : { batch: Number(batch) }), ...result });
  // After each, so that nothing is lost if this process is stopped.
  writeReport(options.json, { dry: small, card, results });
}
report();
if (results.some((r) => r.failure)) process.exitCode = 1;
else if (missing > 0) {
  console.log(`${missing} measurements are left; run the same command again.`);
  process.exitCode = 75;
}

/** The name of the card; it does not take a process of the peer. */
function cardName() {
  try {
    return output("nvidia-smi", ["--query-gpu=name", "--format=csv,noheader"]).trim().split("\n")[0];
  } catch {
    return "unknown";
  }
}

function report() {
  const peak = cards.find(([name]) => card.includes(name))?.[1];
  console.log(`bfloat16, batch ${batch}, on ${card}${peak || small ? "" : " (not in the table of peaks)"}`);
  const done = results.filter((r) => !r.failure);
  const speed = (model, work, name) => done.find(same({ model, work, name }));
  for (const { model, work, name, ...r } of done) {
    if (model === "input pipeline") {
      console.log(`  ${model}, ${work}: ${r.imagesPerSecond.toFixed(0)} images/s with ${r.workers} workers`);
      continue;
    }
    const timm = speed(model, work, "timm");
    const fed = speed("input pipeline", work === "step" ? "augmentation" : "evaluation", "deit");
    const parts = [
      `${r.imagesPerSecond.toFixed(1)} images/s`,
      `${(r.gflops / 1000).toFixed(2)} TFLOP/s${peak ? ` (${((r.gflops / peak / 1000) * 100).toFixed(1)} % of ${peak})` : ""}`,
      timm && name !== "timm" ? `${(r.imagesPerSecond / timm.imagesPerSecond).toFixed(2)} × timm` : "",
      fed && name === "deit"
        ? `the input pipeline gives ${(fed.imagesPerSecond / r.imagesPerSecond).toFixed(2)} of it`
        : "",
      `${r.compileSeconds.toFixed(0)} s to compile`,
      r.version,
    ];
    console.log(`  ${model}, ${work}, ${name}: ${parts.filter(Boolean).join(", ")}`);
  }
  for (const { model, work, name, values } of done) {
    if (name !== "deit") continue;
    const plain = speed(model, work, "deit without fused attention");
    if (plain)
      console.log(`  ${model}, ${work}: fused attention changes the numbers by ${relative(values, plain.values)}`);
  }
}

/** The largest difference between two lists, relative to the largest number in them. */
function relative(a, b) {
  const scale = Math.max(...a.map(Math.abs), ...b.map(Math.abs));
  return `${((Math.max(...a.map((v, i) => Math.abs(v - b[i]))) / scale) * 100).toFixed(3)} %`;
}
