// What a teacher costs per step: from stored answers, and in the loop, against training without one.
//   npm run bench:distill -- [--model deit_tiny_patch16_224] [--teacher regnety_004] [--batch 8] [--rounds 7] [--engine onnx]
// The four programs take turns, so that what else the machine does meets all of them; medians over the rounds.
import { createModel, createOptimizer, initialize, openEngine, parseRecipe, tensor } from "deit";
import { inTurns, machine, median, optionsOf, pixels } from "./harness.js";
import { inferenceProgram, isLaunched, launch, optimizerOf, stepData, stepOf } from "./internals.js";

const options = optionsOf({
  ...{ model: "deit_tiny_patch16_224", teacher: "regnety_004", batch: 8, rounds: 7, engine: "onnx" },
});
// As in training, XLA wants its memory settings from the start of the process.
if (options.engine === "xla" && !isLaunched()) process.exit(await launch(process.argv[1], process.argv.slice(2)));
const { batch: batchSize, rounds } = options;
const engine = await openEngine({ engine: options.engine });
const model = createModel(options.model);
const teacher = createModel(options.teacher, { imageSize: model.imageSize, classes: model.classes });
const { hostTensor, zeros } = tensor;

const batch = {
  ...{ step: 0, first: 0, count: batchSize, views: new Int32Array(batchSize) },
  images: pixels(batchSize * model.imageSize ** 2 * 3),
  labels: Int32Array.from({ length: batchSize }, (_, i) => i % model.classes),
  indices: Int32Array.from({ length: batchSize }, (_, i) => i),
};
const plain = { batchSize, model: options.model, repeatedAugmentation: 1 };
const hard = { ...plain, distillation: "hard", distillationOn: "class", teacherCache: "of this benchmark" };
const taught = new Map([["teacherLabels", hostTensor("int32", [batchSize], batch.labels)]]);

/** A training step that is ready to run. */
async function step(settings, teaching) {
  const recipe = parseRecipe(settings);
  const { program, state: shapes, frozen } = stepOf(recipe, model, teaching);
  const executable = await engine.compile(program);
  const weights = initialize(model, 0);
  const teachers = initialize(teacher, 1);
  const state = await engine.createState(
    new Map([
      ...[...shapes].map(([name, shape]) => [name, weights.get(name) ?? zeros("float32", shape)]),
      ...[...frozen.keys()].map((name) => [name, teachers.get(name.replace(/^teacher\./, ""))]),
    ]),
  );
  const optimizer = createOptimizer(optimizerOf(recipe));
  let count = 0;
  return async () => {
    const scalars = { ...optimizer.scalars(1e-4, ++count), apply: 1, passOver: 0, emaDecay: 0 };
    await executable.run(state, stepData(executable.program, { recipe, epoch: 0, batch }, { scalars, taught }));
  };
}

async function forward() {
  const executable = await engine.compile(inferenceProgram(teacher, batchSize));
  const state = await engine.createState(initialize(teacher, 1));
  const images = hostTensor("uint8", [batchSize, model.imageSize, model.imageSize, 3], batch.images);
  return () => executable.run(state, new Map([["images", images]]));
}

const runs = {
  alone: await step(plain, {}),
  stored: await step(hard, { source: "labels" }),
  inTheLoop: await step(hard, { source: teacher }),
  teacherForward: await forward(),
};
const times = await inTurns(runs, rounds);
const ms = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
const { platform, threads, version } = engine.info;
console.log(
  JSON.stringify({
    ...machine(),
    ...{ engine: `${options.engine} ${version} on ${platform}`, threads },
    ...{ model: model.name, teacher: teacher.name, batchSize, rounds, milliseconds: ms },
    storedOverAlone: ms.stored / ms.alone,
    inTheLoopOverSum: ms.inTheLoop / (ms.alone + ms.teacherForward),
  }),
);
await engine.close();
process.exit(0);
