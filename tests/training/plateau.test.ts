/** The measure of evaluations that is chosen decides on the rate and the best epoch, also of a run that is continued. */
import { join } from "node:path";
import { expect, it } from "vitest";
import type { RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { readLog } from "../../src/training/run-folder/log-schema.js";
import { useRuns } from "./setup.js";

const runs = useRuns();
/** Measures change too little to count as better, so that every second evaluation lets the rate fall. */
const settings: RecipeSettings = {
  ...{ schedule: "plateau", patienceEpochs: 1, decayRate: 0.5, evalMetric: "loss", lr: 1e-9, minLr: 1e-10, epochs: 6 },
};
const rates = async (folder: string) =>
  (await readLog(join(folder, "log.jsonl"))).flatMap((line) => (line.kind === "epoch" ? [line.lr] : []));

it("lets the rate fall on a plateau, and remembers it where a run continues", async () => {
  const whole = runs.options("whole", settings);
  const { best, epochs, evalMetric } = await train(whole);
  expect(await rates(whole.output)).toEqual([1e-9, 1e-9, 1e-9, 5e-10, 5e-10, 2.5e-10]);
  const losses = epochs.map(({ test }) => test!.loss);
  expect(evalMetric).toBe("loss");
  expect(best?.test?.loss).toBe(Math.min(...losses));

  const stopped = new AbortController();
  const options = runs.options("halves", settings, {
    signal: stopped.signal,
    onEvent: (event) => {
      if (event.kind === "epoch" && event.record.epoch === 4) stopped.abort();
    },
  });
  expect((await train(options)).interrupted).toBe(true);
  await train({ ...options, signal: undefined, onEvent: undefined, resume: true });
  expect(await rates(options.output)).toEqual(await rates(whole.output));
});

it("refuses another measure where a run continues, and measures that say nothing", async () => {
  const options = runs.options("metric", { epochs: 2, evalMetric: "meanClassTop1" });
  const { epochs } = await train(options);
  for (const { test } of epochs) expect(test?.meanClassTop1).toBeGreaterThanOrEqual(0);
  const other = runs.options("metric", { epochs: 3, evalMetric: "loss" });
  await expect(train({ ...other, resume: true, allowChanges: ["evalMetric", "epochs"] })).rejects.toThrow(
    /evalMetric=meanClassTop1, which cannot become loss/,
  );
  expect(() => runs.options("map", { evalMetric: "map" })).toThrow(/set labels=several/);
});
