// What a teacher costs per step: from stored answers, and in the loop, against training without one.
//   npm run bench:distill -- [--model deit_tiny_patch16_224] [--teacher regnety_004] [--batch 8] [--rounds 7] [--engine onnx]
// The four programs take turns, so that what else the machine does meets all of them; medians over the rounds.
import { createModel, initialize, openEngine, parseRecipe, tensor } from "deit";
import { inTurns, machine, median, optionsOf, pixels } from "./harness.js";
import { inferenceProgram, isLaunched, launch } from "./internals.js";
import { readyStep } from "./recipe-step.js";

const options = optionsOf({
  ...{ model: "deit_tiny_patch16_224", teacher: "regnety_004", batch: 8, rounds: 7, engine: "onnx" },
});
// As in training, XLA wants its memory settings from the start of the process.
if (options.engine === "xla" && !isLaunched()) process.exit(await launch(process.argv[1], process.argv.slice(2)));
const { batch: batchSize, rounds } = options;
const engine = await openEngine({ engine: options.engine });
const model = createModel(options.model);
const teacher = createModel(options.teacher, { imageSize: model.imageSize, classes: model.classes });
const plain = { batchSize, model: options.model, repeatedAugmentation: 1 };
const hard = { ...plain, distillation: "hard", distillationOn: "class", teacherCache: "of this benchmark" };
const answers = Int32Array.from({ length: batchSize }, (_, i) => i % model.classes);
const taught = new Map([["teacherLabels", tensor.hostTensor("int32", [batchSize], answers)]]);
const teachers = initialize(teacher, 1);
const frozen = (name) => teachers.get(name.replace(/^teacher\./, ""));

/** A training step that is ready to run. */
const step = async (settings, teaching) =>
  (await readyStep(engine, parseRecipe(settings), model, { teaching, taught, frozen })).run;

async function forward() {
  const executable = await engine.compile(inferenceProgram(teacher, batchSize));
  const state = await engine.createState(teachers);
  const shape = [batchSize, model.imageSize, model.imageSize, 3];
  const images = tensor.hostTensor("uint8", shape, pixels(tensor.sizeOf(shape)));
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
