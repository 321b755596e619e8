// Do the engines and number formats stay together over 200 steps? Trains one model with each and draws the loss
// curves:
//   npm run bench:curves -- [--data FOLDER] [--plot docs/curves.svg] [--seed 0]
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxEngine } from "deit";
import { parseRecipe, train } from "deit/training";
import { optionsOf } from "./harness.js";
import { createXlaEngine, drawChart } from "./internals.js";

const options = optionsOf({ data: "procedural", plot: undefined, seed: 0 });
const steps = 200;
const recipe = parseRecipe({
  ...{ model: "deit", imageSize: 32, patchSize: 8, width: 96, depth: 4, heads: 3, dropPath: 0.1 },
  ...{ batchSize: 64, epochs: 2, lr: 1e-3, scaleLr: false, warmupEpochs: 0.2, seed: options.seed },
  // What makes 200 steps learn nothing is off.
  ...{ mixup: 0, cutmix: 0, autoAugment: "none", eraseProbability: 0, repeatedAugmentation: 1, cropScale: [0.5, 1] },
});
const runs = [
  { name: "ONNX float32", open: () => createOnnxEngine() },
  { name: "XLA float32", open: () => createXlaEngine({ plugin: "cpu" }) },
  { name: "XLA float32, 4 devices", open: () => createXlaEngine({ plugin: "cpu", devices: 4 }) },
  { name: "XLA bfloat16", open: () => createXlaEngine({ plugin: "cpu" }), precision: "bfloat16" },
];

const curves = [];
for (const { name, open, precision } of runs) {
  const engine = await open();
  const output = await mkdtemp(join(tmpdir(), "deit-curves-"));
  const losses = [];
  const enough = new AbortController();
  try {
    const onEvent = (event) => {
      if (event.kind === "step" && losses.push(event.loss) >= steps) enough.abort();
    };
    await train({
      ...{ recipe, engine, precision, data: options.data, output: join(output, "run"), workers: 1 },
      ...{ signal: enough.signal, onEvent },
    });
  } finally {
    await engine.close();
    await rm(output, { recursive: true, force: true });
  }
  curves.push({ name, losses: losses.slice(0, steps) });
  const [{ losses: first }] = curves;
  const apart = (from, to) =>
    Math.max(...losses.slice(from, to).map((loss, i) => Math.abs(loss - first[from + i]))).toExponential(1);
  console.log(
    `${name.padEnd(22)} loss ${losses[0].toFixed(4)} → ${mean(losses.slice(steps - 20, steps)).toFixed(4)} (last 20); largest difference from ${curves[0].name}: ${apart(0, 10)} in the first 10 steps, ${apart(0, steps)} in ${steps}`,
  );
}

if (options.plot) {
  const chart = {
    kind: "lines",
    title: "One training on two engines and in two number formats",
    note: `DeiT of 0.47 M parameters, ${steps} steps of 64 images, mean of 10 steps`,
    x: { label: "step" },
    y: { label: "loss" },
    series: curves.map(({ name, losses }) => ({
      name,
      points: losses.map((_, i) => ({ x: i + 1, y: mean(losses.slice(Math.max(0, i - 9), i + 1)) })),
    })),
  };
  await writeFile(options.plot, drawChart(chart));
}

function mean(values) {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}
