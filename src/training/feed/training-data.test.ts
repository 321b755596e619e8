import { expect, it } from "vitest";
import { openDataset } from "../../data/sources/open.js";
import { parseRecipe } from "../recipe/recipe.js";
import { createStudent } from "../recipe/student.js";
import { trainingLoader } from "./training-data.js";

// There may be enough images for a run of the program but not for the step: 20 images are enough for 16, but not 2 ×
// 16.
it.each([
  [20, 32, 1, 1, 1, "20 images"],
  [20, 32, 2, 1, 1, "20 images"],
  [20, 32, 4, 1, 1, "20 images"],
  [20, 24, 3, 1, 1, "20 images"],
  [20, 20, 4, 1, 1, undefined],
  [300, 300, 2, 3, 1, "300 images (256 in an epoch)"], // repeated views are in multiples of 256
  [300, 256, 2, 3, 1, undefined],
  [20, 40, 2, 1, 2, undefined],
  [20, 42, 1, 1, 2, "20 images (40 in an epoch)"],
] as const)(
  "%i images, batch %i in %i runs, %i views of each, %i passes: has too few, %s",
  async (images, batchSize, accumulate, views, epochRepeats, few) => {
    const dataset = await openDataset(`procedural:16:${images}`, { split: "train" });
    const recipe = parseRecipe({
      ...{ model: "deit", imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 1 },
      ...{ batchSize, accumulate, repeatedAugmentation: views, epochRepeats },
    });
    const open = () => trainingLoader(dataset, recipe, createStudent(recipe, 10), { data: "", workers: 0 });
    if (few)
      return expect(open).toThrow(
        `has ${few} to train on, fewer than one batch of ${batchSize}; give a \`batchSize\` of`,
      );
    const loader = open();
    expect(Math.floor(loader.stepsPerEpoch / accumulate)).toBe(1);
    await loader.close();
  },
);
