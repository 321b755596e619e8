// DeiT in bfloat16 on an accelerator against timm with torch.compile and AMP on the same card, in turns:
//   npm run bench:gpu -- [--models deit_tiny_patch16_224,…] [--batch 256] [--iterations 30] [--rounds 2] [--dry] [--json FILE]
// Both sides keep the device busy: the host never waits for a step before it starts the next one. Our figures include
// copying each batch of uint8 images to the device, timm's images lie there already.

import { listOf, measured, optionsOf, ours, peer, writeReport } from "./harness.js";
import { launchEnvironment } from "./internals.js";

const options = optionsOf({
  ...{ models: undefined, work: "step,forward", batch: undefined, iterations: undefined, rounds: undefined },
  ...{ dry: false, json: undefined },
});
const small = options.dry;
const models =
  options.models ??
  (small ? "deit_tiny_patch16_224" : ["tiny", "small", "base"].map((s) => `deit_${s}_patch16_224`).join());
const batch = options.batch ?? (small ? "2" : "256");
const iterations = options.iterations ?? (small ? "3" : "30");
const rounds = Number(options.rounds ?? (small ? 1 : 2));

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

/** A failure of one side is a result too: its last line. */
function tried(command) {
  try {
    return measured(...command, launchEnvironment());
  } catch (error) {
    return { failure: (error.message.trim().split("\n").at(-1) ?? "").slice(0, 300) };
  }
}

const contenders = {
  deit: (model, work) => tried(ours("gpu", model, batch, work, iterations)),
  timm: (model, work) => tried(peer("gpu", model, batch, work, iterations, device)),
};

const results = [];
for (const model of listOf(models)) {
  for (const work of listOf(options.work)) {
    const best = {};
    for (let round = 0; round < rounds; round++) {
      for (const [name, run] of Object.entries(contenders)) {
        const result = run(model, work);
        if (result.failure) console.error(`${model} ${work} ${name}: ${result.failure}`);
        if (!best[name] || result.imagesPerSecond > (best[name].imagesPerSecond ?? 0)) best[name] = result;
      }
    }
    report(model, work, best);
    for (const [name, r] of Object.entries(best)) results.push({ model, work, batch: Number(batch), name, ...r });
  }
}

function report(model, work, best) {
  const card = best.timm?.card ?? "unknown";
  const peak = cards.find(([name]) => card.includes(name))?.[1];
  console.log(`${model}, ${work}, batch ${batch}, bfloat16, on ${card}${peak ? "" : " (not in the table of peaks)"}`);
  for (const [name, r] of Object.entries(best)) {
    if (r.failure) continue;
    const share = peak ? `, ${((r.gflops / peak / 1000) * 100).toFixed(1)} % of ${peak} TFLOP/s` : "";
    const ratio = best.timm.imagesPerSecond ? (r.imagesPerSecond / best.timm.imagesPerSecond).toFixed(2) : "?";
    console.log(
      `  ${name}  ${r.imagesPerSecond.toFixed(1).padStart(8)} images/s  ${(r.gflops / 1000).toFixed(2).padStart(7)} TFLOP/s${share}  ${ratio} × timm  (${r.version})`,
    );
  }
}

writeReport(options.json, { dry: small, results });
if (results.some((r) => r.failure)) process.exit(1);
