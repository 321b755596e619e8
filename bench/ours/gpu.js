// Our forward pass or training step in bfloat16 on the XLA engine's device, with two runs under way at any time:
//   node bench/ours/gpu.js MODEL BATCH forward|step ITERATIONS      (DEIT_PJRT_PLUGIN names the plugin)

import { createModel, createOptimizer, initialize, openEngine, tensor, trainStep } from "deit";
import { flops } from "../flops.js";
import { pixels } from "../harness.js";
import { inferenceProgram } from "../internals.js";

const [name, batchText, work, iterations] = process.argv.slice(2);
const batch = Number(batchText);
const model = createModel(name);
const optimizer = { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.01 };
const engine = await openEngine({ engine: "xla", devices: 1 });
const step = work === "step" ? trainStep(model, { batch, optimizer }) : undefined;
const program = step?.program ?? inferenceProgram(model, batch);
const executable = await engine.compile(program, { precision: "bfloat16" });
const weights = initialize(model, 0);
const state = await engine.createState(
  step ? new Map([...step.state].map(([n, s]) => [n, weights.get(n) ?? tensor.zeros("float32", s)])) : weights,
);
const side = model.imageSize;
const labels = Int32Array.from({ length: batch }, (_, i) => i % model.classes);
const data = new Map([
  ["images", tensor.hostTensor("uint8", [batch, side, side, 3], pixels(batch * side * side * 3))],
  ["labels", tensor.hostTensor("int32", [batch], labels)],
  ...Object.entries(createOptimizer(optimizer).scalars(1e-4, 1)).map(([n, v]) => [n, tensor.float32([], [v])]),
]);

/** Seconds of `count` runs; a run starts when the one two before it has ended. */
async function timed(count) {
  const start = performance.now();
  const runs = [];
  for (let i = 0; i < count; i++) {
    await runs[i - 2];
    runs.push(executable.run(state, data));
  }
  await Promise.all(runs);
  return (performance.now() - start) / 1000;
}

await timed(3);
const seconds = (await timed(Number(iterations))) / Number(iterations);
console.log(
  JSON.stringify({
    imagesPerSecond: batch / seconds,
    gflops: flops(program) / seconds / 1e9,
    version: `${engine.info.platform} ${engine.info.version}`,
  }),
);
await engine.close();
process.exit(0);
