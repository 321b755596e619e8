// The same work on one of our engines, in a process of its own:
//   node bench/our-step.js MODEL BATCH forward|step onnx|xla float32|bfloat16 ITERATIONS

import { openEngine } from "../dist/engines/open.js";
import { inferenceProgram } from "../dist/evaluation/classifier.js";
import { createModel, createOptimizer, initialize, tensor, trainStep } from "../dist/index.js";
import { flops } from "./flops.js";

const [name, batchText, work, engineName, precision, iterations] = process.argv.slice(2);
const batch = Number(batchText);
const model = createModel(name);
const optimizer = { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.01 };
const engine = await openEngine({ engine: engineName });
const step = work === "step" ? trainStep(model, { batch, optimizer }) : undefined;
const program = step?.program ?? inferenceProgram(model, batch);
const started = performance.now();
const executable = await engine.compile(program, { precision });
const compileSeconds = (performance.now() - started) / 1000;
const weights = initialize(model, 0);
const state = await engine.createState(
  step ? new Map([...step.state].map(([n, s]) => [n, weights.get(n) ?? tensor.zeros("float32", s)])) : weights,
);
const pixels = Uint8Array.from({ length: batch * 224 * 224 * 3 }, (_, i) => (i * 2654435761) >>> 24);
const times = [];
for (let i = 0; i < Number(iterations) + 2; i++) {
  const scalars = createOptimizer(optimizer).scalars(1e-4, i + 1);
  const data = new Map([
    ["images", tensor.hostTensor("uint8", [batch, 224, 224, 3], pixels)],
    [
      "labels",
      tensor.hostTensor(
        "int32",
        [batch],
        Int32Array.from({ length: batch }, (_, k) => k % 1000),
      ),
    ],
    ...Object.entries(scalars).map(([n, v]) => [n, tensor.float32([], [v])]),
  ]);
  const start = performance.now();
  await executable.run(state, data);
  times.push((performance.now() - start) / 1000);
}
const sorted = times.slice(2).sort((a, b) => a - b);
console.log(
  JSON.stringify({
    imagesPerSecond: batch / sorted[0],
    median: batch / sorted[Math.floor(sorted.length / 2)],
    peakMiB: process.resourceUsage().maxRSS / 1024,
    gflops: flops(program) / sorted[0] / 1e9,
    compileSeconds,
    version: `${engine.info.engine} ${engine.info.version}`,
  }),
);
await engine.close();
process.exit(0);
