// What one program with a leading axis for the seeds could gain over whole programs side by side (as `deit sweep` runs them):
//   node bench/seeds.js [--recipe bench/cifar10/student.json] [--seeds 2] [--rounds 3] [--seconds 6] [--json results.json]
// The single program gets more than such a program could have: a batch as large as all seeds' together on one set of
// parameters, so that its products are larger and the optimizer's work is that of one seed. It has all threads, the others one each.
import { readFileSync } from "node:fs";
import { openEngine, parseRecipe } from "deit";
import { machine, median, optionsOf, writeReport } from "./harness.js";
import { createStudent } from "./internals.js";
import { readyStep } from "./recipe-step.js";

const options = optionsOf({
  ...{ recipe: "bench/cifar10/student.json", seeds: 2, rounds: 3, seconds: 6, json: undefined },
});
const settings = JSON.parse(readFileSync(options.recipe, "utf8"));
const { seeds } = options;

/** Runs the step on an engine of its own until the time is up; returns images/s. */
async function speed(share, engineOptions, seconds) {
  const engine = await openEngine({ engine: "onnx", ...engineOptions });
  const recipe = parseRecipe({ ...settings, batchSize: parseRecipe(settings).batchSize * share });
  const { run } = await readyStep(engine, recipe, createStudent(recipe, 10));
  await run();
  const begun = performance.now();
  let count = 0;
  for (; performance.now() - begun < seconds * 1000; count++) await run();
  const result = (count * recipe.batchSize * 1000) / (performance.now() - begun);
  await engine.close();
  return result;
}

const arms = {
  "one program": () => speed(seeds, {}, options.seconds),
  "side by side": async () => {
    const each = await Promise.all(
      Array.from({ length: seeds }, () => speed(1, { threads: 1, idle: "sleep" }, options.seconds)),
    );
    return each.reduce((a, b) => a + b);
  },
};
const results = Object.fromEntries(Object.keys(arms).map((name) => [name, []]));
for (let round = 0; round < options.rounds; round++)
  for (const [name, arm] of Object.entries(arms)) results[name].push(await arm());
for (const [name, list] of Object.entries(results))
  console.log(
    `${name.padEnd(14)} ${list.map((v) => v.toFixed(0)).join(", ")} images/s, median ${median(list).toFixed(0)}`,
  );
writeReport(options.json, { ...machine(), ...options, results });
process.exit(0);
