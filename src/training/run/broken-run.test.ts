import { expect, it } from "vitest";
import { float32, type NamedTensors } from "../../tensor/index.js";
import { beginning } from "../run-folder/position.js";
import { type BrokenContext, rollBack } from "./broken-run.js";
import type { BrokenRun } from "./epoch.js";
import { rollbackFactor } from "./epoch.js";

/** Goes back from a run of the program that broke to a save made after `runs` runs of its epoch. */
async function backTo(runs: number, broke: number, accumulate: number) {
  const written: NamedTensors[] = [];
  const logged: object[] = [];
  const context = {
    state: { write: async (tensors: NamedTensors) => void written.push(tensors) },
    folder: { log: async (line: object) => void logged.push(line) },
    recipe: { accumulate },
  } as unknown as BrokenContext;
  const run = { batch: { step: broke } } as unknown as BrokenRun;
  const saved = {
    state: new Map([
      ["w", float32([1], [5])],
      ["accumulated.w", float32([1], [6])],
    ]),
    position: { ...beginning, epoch: 3, step: 30, runs, lossSum: 1.5 },
  };
  const reached = { ...beginning, epoch: 3, step: 40, runs: broke, rollbacks: 1, passOver: [2] };
  const position = await rollBack(context, run, reached, saved);
  return { position, logged, values: Object.fromEntries([...written[0]].map(([name, { data }]) => [name, data[0]])) };
}

it("goes back to what was saved, skips the step that broke beside those before it, and halves the rate again", async () => {
  const { position, logged, values } = await backTo(8, 13, 2);
  expect(position).toEqual({
    ...{ ...beginning, epoch: 3, step: 30, runs: 8, lossSum: 1.5 },
    ...{ rollbacks: 2, passOver: [2, 6] },
  });
  expect(logged).toEqual([{ kind: "rollback", epoch: 3, step: 30, runs: 8, attempt: 2, rateFactor: 0.25 }]);
  expect(values).toEqual({ w: 5, "accumulated.w": 6 });
  expect([0, 1, 3].map(rollbackFactor)).toEqual([1, 0.5, 0.125]);
});

it("discards a skipped step whose first micro-batches were saved with the state", async () => {
  expect((await backTo(13, 13, 2)).values).toEqual({ w: 5, "accumulated.w": 0 });
  expect((await backTo(12, 13, 2)).values).toEqual({ w: 5, "accumulated.w": 6 }); // all its runs are done again
  expect((await backTo(11, 13, 2)).values).toEqual({ w: 5, "accumulated.w": 6 }); // the sums are another step's
});
