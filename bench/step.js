// Forward pass and training step against timm, side by side in one run:
//   npm run bench:step -- [--models deit_tiny_patch16_224] [--work forward,step] [--batches 4,8,16] [--engines onnx,xla]
//                         [--rounds 2] [--iterations 8] [--bfloat16] [--no-compile] [--json results.json]
// The model `regnety` is our default RegNetY for images of 32 pixels, whose batches are larger (64). Each measurement has a
// process of its own (peak memory means something), peers take turns (the machine drifts), and each side may choose its
// best batch and its best allocator settings. FLOP/s are set against the fastest matrix product of the same library, measured at
// the beginning of the same round.

import { listOf, measured, optionsOf, ours, peer, writeReport } from "./harness.js";
import { launchEnvironment } from "./internals.js";

const options = optionsOf({
  ...{ models: "deit_tiny_patch16_224", work: "forward,step", batches: "8,16", engines: "onnx,xla" },
  ...{ rounds: 2, iterations: 8, bfloat16: false, "no-compile": false, json: undefined },
});
const allocator = launchEnvironment();
/** Environments that a peer chooses from. */
const choices = [process.env, allocator];

const contenders = [
  ...["eager", ...(options["no-compile"] ? [] : ["compile"]), ...(options.bfloat16 ? ["bf16"] : [])].map((mode) => ({
    name: `timm ${mode}`,
    peak: () => peer("peak", mode === "bf16" ? "bfloat16" : "float32"),
    run: (model, batch, work) => {
      const command = peer("step", model, batch, work, mode, options.iterations);
      const [plain, tuned] = choices.map((env) => measured(...command, env));
      return plain.imagesPerSecond >= tuned.imagesPerSecond ? plain : tuned;
    },
  })),
  ...listOf(options.engines).flatMap((engine) =>
    ["float32", ...(options.bfloat16 && engine === "xla" ? ["bfloat16"] : [])].map((precision) => ({
      name: `deit ${engine}${precision === "float32" ? "" : " bf16"}`,
      peak: () => ours("peak", engine, precision),
      // As `deit train` starts them: ONNX Runtime has an arena of its own, and gains nothing from the settings.
      run: (model, batch, work) =>
        measured(
          ...ours("step", model, batch, work, engine, precision, options.iterations),
          engine === "onnx" ? process.env : allocator,
        ),
    })),
  ),
];

/** The products' peaks of the libraries now, by contender: what a machine has changes from minute to minute. */
function peaksNow() {
  const peaks = new Map();
  const keyOf = ({ peak }) => peak().flat().join(" ");
  for (const contender of contenders) {
    const key = keyOf(contender);
    if (!peaks.has(key)) peaks.set(key, measured(...contender.peak(), allocator).peakGflops);
  }
  return (contender) => peaks.get(keyOf(contender));
}

const results = [];
for (const model of listOf(options.models)) {
  for (const work of listOf(options.work)) {
    const best = new Map();
    for (let round = 0; round < options.rounds; round++) {
      const peakOf = peaksNow();
      for (const batch of listOf(options.batches)) {
        for (const contender of contenders) {
          const { name } = contender;
          const result = { ...contender.run(model, batch, work), batch: Number(batch), peakGflops: peakOf(contender) };
          process.stderr.write(
            `${model} ${work} batch ${batch} ${name}: ${result.imagesPerSecond.toFixed(1)} images/s\n`,
          );
          if (!best.has(name) || result.imagesPerSecond > best.get(name).imagesPerSecond) best.set(name, result);
        }
      }
    }
    report(model, work, best);
    for (const [name, r] of best) results.push({ model, work, name, ...r });
  }
}

function report(model, work, best) {
  const against = (name) => best.get(name)?.imagesPerSecond;
  console.log(`\n${model}, ${work} (best batch and best of ${options.rounds} rounds each)`);
  for (const [name, r] of best) {
    const ratios = ["eager", "compile", "bf16"]
      .filter((mode) => against(`timm ${mode}`))
      .map((mode) => `${(r.imagesPerSecond / against(`timm ${mode}`)).toFixed(2)} × ${mode}`);
    const columns = [
      name.padEnd(14),
      `${r.imagesPerSecond.toFixed(1).padStart(6)} images/s`,
      `batch ${String(r.batch).padStart(2)}`,
      `peak memory ${r.peakMiB.toFixed(0).padStart(5)} MiB`,
      `${r.gflops.toFixed(0).padStart(4)} GFLOP/s (${((100 * r.gflops) / r.peakGflops).toFixed(0)} % of ${r.peakGflops.toFixed(0)})`,
      ratios.join(", "),
    ];
    console.log(`  ${columns.join("  ")}`);
  }
}

writeReport(options.json, { results });
