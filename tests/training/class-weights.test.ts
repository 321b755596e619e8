/** Runs whose classes count differently: in the loss against the labels and in that of the teacher's decisions. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import type { RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { expectSameState, trainSteps, useRuns, useTeacher } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const teacher = useTeacher(runs);
/** Distillation to the token, with weights in its second half. */
const deferred = (settings: RecipeSettings = {}): RecipeSettings => ({
  ...{ distilled: true, distillation: "hard", teacherWeights: teacher() },
  ...{ distillationClassWeights: [9, 1, 1, 1, 1, 1, 1, 1, 1, 0], classWeightsFrom: 0.5 },
  ...settings,
});
async function head(name: string): Promise<Float32Array> {
  const { tensors } = await readSafetensors(join(folder(name), "state.safetensors"));
  return tensors.get("head_dist.weight")!.data as Float32Array;
}
const distance = (a: Float32Array, b: Float32Array) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);

describe("weights of the teacher's decisions", () => {
  it("come in after their share of the epochs", async () => {
    const plain = deferred({ distillationClassWeights: "none", classWeightsFrom: 0 });
    // The optimizer's steps do not show the gradients' sizes, so rounding stays small with SGD alone.
    const sgd: RecipeSettings = { optimizer: "sgd", lr: 0.5, epochs: 2, dropPath: 0 };
    await trainSteps(options("plain", { ...plain, ...sgd }), 6);
    await trainSteps(options("late", deferred(sgd)), 6);
    expect(distance(await head("plain"), await head("late"))).toBeLessThan(1e-5);
    await train(options("plain", { ...plain, ...sgd }, { resume: true }));
    await train(options("late", deferred(sgd), { resume: true }));
    expect(distance(await head("plain"), await head("late"))).toBeGreaterThan(1e-3);
  });

  it("continue a run as if it had not been interrupted, bit for bit", async () => {
    const settings = deferred({ classWeights: "inverse", accumulate: 2 });
    const warnings: string[] = [];
    const onEvent: NonNullable<Parameters<typeof train>[0]["onEvent"]> = (event) => {
      if (event.kind === "warning") warnings.push(event.message);
    };
    await train(options("whole", settings, { onEvent }));
    expect(warnings.filter((text) => /weights .*from epoch 2 on\.$/.test(text))).toHaveLength(2);
    expect(await trainSteps(options("broken-off", settings), 8)).toBe(true);
    await train(options("broken-off", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("broken-off"));
  });
});
