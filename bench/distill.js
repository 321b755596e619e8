// What a teacher costs per step: from stored answers, and in the loop, against training without one.
//   npm run bench:distill -- [--model deit_tiny_patch16_224] [--teacher regnety_004] [--batch 8] [--rounds 7] [--engine onnx]
// The four programs take turns, so that what else the machine does meets all of them; medians over the rounds.
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { isLaunched, launch } from "../dist/cluster/launcher.js";
import { openEngine } from "../dist/engines/open.js";
import { inferenceProgram } from "../dist/evaluation/classifier.js";
import { createModel, createOptimizer, initialize, parseRecipe, tensor } from "../dist/index.js";
import { stepData } from "../dist/training/feed/step-data.js";
import { optimizerOf } from "../dist/training/recipe/recipe.js";
import { stepOf } from "../dist/training/run/recipe-step.js";

const { values: options } = parseArgs({
  options: {
    model: { type: "string", default: "deit_tiny_patch16_224" },
    teacher: { type: "string", default: "regnety_004" },
    batch: { type: "string", default: "8" },
    rounds: { type: "string", default: "7" },
    engine: { type: "string", default: "onnx" },
  },
});
// As in training, XLA wants its memory settings from the start of the process.
if (options.engine === "xla" && !isLaunched()) process.exit(await launch(process.argv[1], process.argv.slice(2)));
const batchSize = Number(options.batch);
const rounds = Number(options.rounds);
const engine = await openEngine({ engine: options.engine });
const model = createModel(options.model);
const teacher = createModel(options.teacher, { imageSize: model.imageSize, classes: model.classes });
const { hostTensor, zeros } = tensor;

const pixels = batchSize * model.imageSize ** 2 * 3;
const batch = {
  ...{ step: 0, first: 0, count: batchSize },
  images: Uint8Array.from({ length: pixels }, (_, i) => (i * 2654435761) >>> 24),
  labels: Int32Array.from({ length: batchSize }, (_, i) => i % model.classes),
  indices: Int32Array.from({ length: batchSize }, (_, i) => i),
};
const plain = { batchSize, model: options.model, repeatedAugmentation: 1 };
const hard = { ...plain, distillation: "hard", distillationOn: "class", teacherCache: "of this benchmark" };
const answer = hostTensor("int32", [batchSize], batch.labels);

/** A training step that is ready to run; `run` gives its milliseconds. */
async function step(settings, teaching) {
  const recipe = parseRecipe(settings);
  const { program, state: shapes, frozen } = stepOf(recipe, model, teaching);
  const executable = await engine.compile(program);
  const weights = initialize(model, 0);
  const taught = initialize(teacher, 1);
  const state = await engine.createState(
    new Map([
      ...[...shapes].map(([name, shape]) => [name, weights.get(name) ?? zeros("float32", shape)]),
      ...[...frozen.keys()].map((name) => [name, taught.get(name.replace(/^teacher\./, ""))]),
    ]),
  );
  const optimizer = createOptimizer(optimizerOf(recipe));
  let count = 0;
  return async () => {
    const scalars = { ...optimizer.scalars(1e-4, ++count), apply: 1, passOver: 0, emaDecay: 0 };
    return timed(() =>
      executable.run(state, stepData(executable.program, { recipe, epoch: 0, batch }, { scalars, answer })),
    );
  };
}

async function forward() {
  const executable = await engine.compile(inferenceProgram(teacher, batchSize));
  const state = await engine.createState(initialize(teacher, 1));
  const images = hostTensor("uint8", [batchSize, model.imageSize, model.imageSize, 3], batch.images);
  return () => timed(() => executable.run(state, new Map([["images", images]])));
}

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const runs = {
  alone: await step(plain, {}),
  stored: await step(hard, { answers: { kind: "labels" } }),
  inTheLoop: await step(hard, { teacher: { kind: "model", model: teacher } }),
  teacherForward: await forward(),
};
const times = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
for (let round = -2; round < rounds; round++)
  for (const [name, run] of Object.entries(runs)) {
    const milliseconds = await run();
    if (round >= 0) times[name].push(milliseconds);
  }
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const ms = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
const { platform, threads, version } = engine.info;
console.log(
  JSON.stringify({
    ...{ processor: cpus()[0].model.trim(), engine: `${options.engine} ${version} on ${platform}`, threads },
    ...{ model: model.name, teacher: teacher.name, batchSize, rounds, milliseconds: ms },
    storedOverAlone: ms.stored / ms.alone,
    inTheLoopOverSum: ms.inTheLoop / (ms.alone + ms.teacherForward),
  }),
);
await engine.close();
process.exit(0);
