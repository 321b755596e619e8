import { expect, it } from "vitest";
import { openDataset } from "../../data/sources/open.js";
import { parseRecipe } from "../recipe/recipe.js";
import { createStudent } from "../recipe/student.js";
import { trainingLoader } from "./training-data.js";

// There may be enough images for a run of the program but not for the step: 20 images are enough for 16, but not 2 ×
// 16.
it.each([
  [20, 32, 1, 1, false],
  [20, 32, 2, 1, false],
  [20, 32, 4, 1, false],
  [20, 24, 3, 1, false],
  [20, 20, 4, 1, true],
  [300, 300, 2, 3, false], // repeated views are in multiples of 256
  [300, 256, 2, 3, true],
])(
  "%i images, batch %i in %i runs, %i views of each: whole steps %s",
  async (images, batchSize, accumulate, views, fits) => {
    const dataset = await openDataset(`procedural:16:${images}`, { split: "train" });
    const recipe = parseRecipe({
      ...{ model: "deit", imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 1 },
      ...{ batchSize, accumulate, repeatedAugmentation: views },
    });
    const open = () => trainingLoader(dataset, recipe, createStudent(recipe, 10), { data: "", workers: 0 });
    if (!fits)
      return expect(open).toThrow(
        `has ${images} images to train on, fewer than one batch of ${batchSize}; give a \`batchSize\` of`,
      );
    const loader = open();
    expect(Math.floor(loader.stepsPerEpoch / accumulate)).toBe(1);
    await loader.close();
  },
);
