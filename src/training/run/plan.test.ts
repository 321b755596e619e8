import { expect, it } from "vitest";
import type { Engine } from "../../engines/engine.js";
import { parseRecipe } from "../recipe/recipe.js";
import { type PlanOptions, planRun } from "./plan.js";

const recipe = parseRecipe({
  ...{ model: "deit", imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 1, batchSize: 16 },
});
const engine = { info: { devices: 1 } } as unknown as Engine;
async function planned(options: Partial<PlanOptions>) {
  const warnings: string[] = [];
  const plan = await planRun({
    ...{ recipe, engine, data: "procedural:16:48", workers: 0 },
    onEvent: (event) => void (event.kind === "warning" && warnings.push(event.message)),
    ...options,
  });
  return { plan, warnings };
}

it("finds the images, the test data and the model for their classes, and no teacher", async () => {
  const { plan, warnings } = await planned({ validation: "procedural:16:32" });
  expect([plan.dataset.length, plan.test?.length, plan.final]).toEqual([48, 32, undefined]);
  expect(plan.found).toBe(plan.dataset); // no image was bad
  expect(plan.model).toMatchObject({ imageSize: 16, classes: plan.dataset.classes.length });
  expect(plan.teaching).toEqual({});
  expect(warnings).toEqual([]);
});

it("trains on as many images as the recipe says, and divides the data as a whole", async () => {
  const { plan } = await planned({ recipe: parseRecipe({ ...recipe, trainImages: 20 }) });
  expect([plan.dataset.length, plan.found.length]).toEqual([20, 48]);
  await expect(planned({ recipe: parseRecipe({ ...recipe, trainImages: 49 }) })).rejects.toThrow("has 48 images");
});

it("splits the batch if memory requires it, unless the run is resumed", async () => {
  const scarce = {
    info: { devices: 1 },
    memoryNeed: async ({ inputs }: { inputs: readonly { name: string; shape: readonly number[] }[] }) => {
      const images = inputs.find(({ name }) => name === "images")!.shape[0];
      return { needed: 1000 * images, limit: 5000, free: 5000 };
    },
  } as unknown as Engine;
  const { plan } = await planned({ engine: scarce, fitBatch: true });
  expect([plan.recipe.batchSize, plan.recipe.accumulate]).toEqual([16, 4]);
  expect((await planned({ engine: scarce, fitBatch: true, resume: true })).plan.recipe.accumulate).toBe(1);
});

it("refuses data that is not there, and a teacher that is not there", async () => {
  await expect(planned({ data: "nowhere" })).rejects.toThrow('Cannot read the data in "nowhere": it does not exist');
  const taught = parseRecipe({ ...recipe, distillation: "hard", teacherWeights: "nobody.safetensors" });
  await expect(planned({ recipe: taught })).rejects.toThrow("nobody.safetensors");
});

it("weighs classes in the loss if the recipe asks for it, which a loss of the caller's own cannot", async () => {
  const weights = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1];
  const weighted = parseRecipe({ ...recipe, classWeights: weights });
  const { plan } = await planned({ recipe: weighted });
  expect(plan.classWeights).toEqual({ each: weights, deferred: false });
  expect(plan.loss).toBeTypeOf("function");
  expect((await planned({})).plan.loss).toBeUndefined();
  await expect(planned({ recipe: weighted, loss: (logits) => logits })).rejects.toThrow("does not read classWeights");
});
