// Create a small DeiT and train it for a few steps by hand, without the trainer:
//   node examples/train-step.mjs
import {
  createLoader,
  createOnnxEngine,
  createOptimizer,
  deit,
  initialize,
  openDataset,
  tensor,
  trainStep,
} from "deit";

const model = deit("small-one", { imageSize: 32, patchSize: 8, width: 48, depth: 2, heads: 3, classes: 10 });
/** @type {import("deit").OptimizerOptions} */
const optimizer = { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.05 };
const { program, state: shapes } = trainStep(model, { batch: 32, optimizer, labelSmoothing: 0.1 });

const engine = await createOnnxEngine();
const executable = await engine.compile(program);
const weights = initialize(model, 0);
const state = await engine.createState(
  new Map([...shapes].map(([name, shape]) => [name, weights.get(name) ?? tensor.zeros("float32", shape)])),
);

const loader = createLoader({
  dataset: await openDataset("procedural:32:640", { split: "train" }),
  batchSize: 32,
  transform: { kind: "evaluation", size: 32, cropRatio: 1, interpolation: "bicubic" },
  seed: 0,
  workers: 0,
  order: "shuffled",
  dropLast: true,
});
for await (const { images, labels, step } of loader.epoch(0)) {
  const data = new Map([
    ["images", tensor.hostTensor("uint8", [32, 32, 32, 3], images)],
    ["labels", tensor.hostTensor("int32", [32], labels)],
  ]);
  const numbers = createOptimizer(optimizer).scalars(1e-3, step + 1);
  for (const [name, value] of Object.entries(numbers)) data.set(name, tensor.float32([], [value]));
  const outputs = await executable.run(state, data);
  console.log(`step ${step + 1}: loss ${Number(outputs.get("loss")?.data[0]).toFixed(4)}`);
}
await engine.close();
