import { expect, it } from "vitest";
import { chooseRecipe, setAside } from "./chosen.js";
import { readRecipe } from "./file.js";
import { parseRecipe } from "./recipe.js";

it.each([1, 2, 6, 8, 20, 64, 384, 5000, 60_000, 130_000, 1_281_167, 14_000_000])(
  "%i images get a batch that they fill, and enough steps",
  async (images) => {
    for (const weights of [true, false]) {
      const { name, changes } = chooseRecipe({ images, classes: 2 }, weights);
      const recipe = parseRecipe({ ...(await readRecipe(name)), ...changes });
      expect(recipe.batchSize).toBeLessThanOrEqual(images);
      const steps = Math.floor(images / recipe.batchSize) * recipe.epochs;
      expect(steps).toBeGreaterThanOrEqual(Math.min(300, 100 * Math.floor(images / recipe.batchSize)));
      expect(name).toBe(weights ? "finetune" : images < 100_000 ? "small-data" : "deit-tiny");
    }
  },
);

it("counts with the batch that the user has decided on", () => {
  const { changes } = chooseRecipe({ images: 640, classes: 8 }, true, 64);
  expect(changes).toMatchObject({ batchSize: 64, epochs: 30, lr: 2e-4 });
});

it("sets a smaller share of more images aside", () => {
  expect([8, 4999, 5000, 1e6].map(setAside)).toEqual([0.2, 0.2, 0.1, 0.02]);
});
