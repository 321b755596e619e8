// What settings of a recipe change in the time and the memory of a training step:
//   node bench/step-settings.js [--model deit_tiny_patch16_224] [--batch 8] [--engine onnx|xla] [--rounds 6] \
//     [--precision float32] [--variants '[{}, {"patchDropout": 0.5}]'] [--json results.json]
// A variant with "allImages" computes branches for all images and multiplies those of stochastic depth by 0.
// The programs take turns in one process, so that what else the machine does meets all of them. Times are the least and the
// median over the rounds; memory is what the engine says that the program needs.
import { openEngine, parseRecipe } from "deit";
import { inTurns, machine, median, optionsOf, writeReport } from "./harness.js";
import { createStudent, isLaunched, launch } from "./internals.js";
import { readyStep } from "./recipe-step.js";

const options = optionsOf({
  ...{ model: "deit_tiny_patch16_224", batch: 8, rounds: 6, engine: "onnx", precision: "float32" },
  ...{ variants: '[{}, {"patchDropout": 0.5}]', json: undefined },
});
// As in training, XLA wants its memory settings from the start of the process.
if (options.engine === "xla" && !isLaunched()) process.exit(await launch(process.argv[1], process.argv.slice(2)));
const { batch: batchSize, precision } = options;
const engine = await openEngine({ engine: options.engine });

const runs = {};
const memory = {};
for (const variant of JSON.parse(options.variants)) {
  const name = JSON.stringify(variant);
  const { allImages = false, ...settings } = variant;
  const recipe = parseRecipe({ model: options.model, batchSize, repeatedAugmentation: 1, ...settings });
  const student = createStudent(recipe, 1000);
  const computingAll = (context, images) => student.forward({ ...context, residual: undefined }, images);
  const model = allImages ? { ...student, forward: computingAll } : student;
  const { program, run } = await readyStep(engine, recipe, model, { precision });
  const need = await engine.memoryNeed(program, { precision });
  memory[name] = need && Math.round(need.needed / 2 ** 20);
  runs[name] = run;
}

const times = await inTurns(runs, options.rounds);
const results = Object.entries(times).map(([settings, list]) => ({
  ...{ settings, best: Math.min(...list), median: median(list), memoryMiB: memory[settings] },
}));
for (const { settings, best, median: middle, memoryMiB } of results)
  console.log(
    `${settings.padEnd(48)} ${best.toFixed(0).padStart(6)} ms, median ${middle.toFixed(0).padStart(6)} ms; ${(best / results[0].best).toFixed(3)} × the first; ${memoryMiB} MiB`,
  );
const { version, platform, threads } = engine.info;
writeReport(options.json, {
  ...machine(),
  engine: `${options.engine} ${version} on ${platform}`,
  threads,
  ...options,
  results,
});
await engine.close();
process.exit(0);
