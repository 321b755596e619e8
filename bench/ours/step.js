// The same work on one of our engines, in a process of its own:
//   node bench/ours/step.js MODEL BATCH forward|step onnx|xla float32|bfloat16 ITERATIONS

import { createModel, createOptimizer, initialize, openEngine, tensor, trainStep } from "deit";
import { flops } from "../flops.js";
import { median, pixels } from "../harness.js";
import { freeUnusedMemory, inferenceProgram, stateOf } from "../internals.js";

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
const first = () => (step ? stateOf(step, initialize(model, 0), 0) : initialize(model, 0));
const state = await engine.createState(first());
freeUnusedMemory(); // as a run does before its first step
const { imageSize } = model;
const [height, width] = typeof imageSize === "number" ? [imageSize, imageSize] : imageSize;
const images = tensor.hostTensor("uint8", [batch, height, width, 3], pixels(batch * height * width * 3));
const times = [];
for (let i = 0; i < Number(iterations) + 2; i++) {
  const scalars = createOptimizer(optimizer).scalars(1e-4, i + 1);
  const data = new Map([
    ["images", images],
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
const counted = times.slice(2);
const best = Math.min(...counted);
console.log(
  JSON.stringify({
    imagesPerSecond: batch / best,
    median: batch / median(counted),
    peakMiB: process.resourceUsage().maxRSS / 1024,
    gflops: flops(program) / best / 1e9,
    compileSeconds,
    version: `${engine.info.engine} ${engine.info.version}`,
  }),
);
await engine.close();
process.exit(0);
