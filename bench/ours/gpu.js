// Our forward pass or training step in bfloat16 on the XLA engine's device, with two runs under way at any time:
//   node bench/ours/gpu.js MODEL BATCH forward|step ITERATIONS
// DEIT_PJRT_PLUGIN names the plugin, DEIT_FUSED_ATTENTION=off turns cuDNN's attention off. The best of three measurements counts.

import { createModel, createOptimizer, initialize, openEngine, tensor, trainStep } from "deit";
import { flops } from "../flops.js";
import { pixels } from "../harness.js";
import { inferenceProgram } from "../internals.js";

const [name, batchText, work, iterations] = process.argv.slice(2);
const batch = Number(batchText);
const model = createModel(name);
const optimizer = { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.01 };
const notes = [];
const engine = await openEngine({ engine: "xla", devices: 1, onNote: (note) => notes.push(String(note)) });
const step = work === "step" ? trainStep(model, { batch, optimizer }) : undefined;
const program = step?.program ?? inferenceProgram(model, batch);
const begin = performance.now();
const executable = await engine.compile(program, { precision: "bfloat16" });
const compileSeconds = (performance.now() - begin) / 1000;
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

// The first numbers that come out: the losses of three steps, or logits. They tell whether two variants agree.
const values = [];
for (let i = 0; i < 3; i++) {
  const results = await executable.run(state, data);
  const shown = step ? results.get("loss") : [...results.values()].find(({ data }) => data.length >= batch);
  values.push(...Array.from(shown.data.slice(0, step ? 1 : 16), Number));
}
const times = [];
for (let i = 0; i < 3; i++) times.push((await timed(Number(iterations))) / Number(iterations));
const seconds = Math.min(...times);
console.log(
  JSON.stringify({
    ...{ imagesPerSecond: batch / seconds, gflops: flops(program) / seconds / 1e9, times, compileSeconds },
    ...{ temporaryBytes: executable.temporaryBytes, values, notes },
    version: `${engine.info.platform} ${engine.info.version}`,
  }),
);
await engine.close();
process.exit(0);
