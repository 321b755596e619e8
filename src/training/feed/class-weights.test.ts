import { describe, expect, it } from "vitest";
import { parseRecipe, type RecipeSettings } from "../recipe/recipe.js";
import { classWeightsOf, classWeightsSentence } from "./class-weights.js";

/** Labels of classes with these sizes. */
function labelled(...sizes: number[]) {
  const labels = sizes.flatMap((n, c) => new Array<number>(n).fill(c));
  return { classes: sizes.map((_, c) => `c${c}`), length: labels.length, label: (i: number) => labels[i] };
}
const weights = (settings: RecipeSettings, ...sizes: number[]) =>
  classWeightsOf(parseRecipe(settings), labelled(...sizes));
const near = (numbers: readonly number[]) => numbers.map((n) => expect.closeTo(n, 9));

describe("classWeights", () => {
  it("is inverse to the images as scikit-learn's `balanced`", () => {
    expect(weights({ classWeights: "inverse" }, 5000, 500, 50)).toEqual(near([0.37, 3.7, 37]));
  });
  it("is inverse to the effective number of images (Cui et al.: computed with NumPy)", () => {
    const effective = [0.4276358208562208, 3.450028266888709, 33.736135245490814];
    expect(weights({ classWeights: "effective" }, 5000, 500, 50)).toEqual(near(effective));
    expect(weights({ classWeights: "effective", classWeightBeta: 0 }, 7, 2)).toEqual(near([1, 1]));
  });
  it("weighs by effective number if the classes are of very unequal size, by `auto`", () => {
    expect(weights({ classWeights: "auto" }, 49, 10)).toBeUndefined();
    expect(weights({ classWeights: "auto" }, 50, 10)).toEqual(weights({ classWeights: "effective" }, 50, 10));
    expect(weights({}, 50, 1)).toBeUndefined();
  });
  it("has 1 for a class without images, and a mean of 1 over all others' images", () => {
    expect(weights({ classWeights: "inverse" }, 4, 0, 1)).toEqual(near([0.625, 1, 2.5]));
  });
  it("takes numbers as they are, one for each class", () => {
    expect(weights({ classWeights: [0, 3] }, 2, 2)).toEqual([0, 3]);
    expect(() => weights({ classWeights: [1, 3] }, 1, 1, 1)).toThrow(
      "classWeights lists 2 weights, but the data has 3 classes; give one for each,",
    );
    expect(() => parseRecipe({ classWeights: "effectiv" })).toThrow("effective");
    expect(() => parseRecipe({ classWeights: [1, -3] })).toThrow("classWeights");
  });
  it("is refused where no loss reads it", () => {
    expect(() => parseRecipe({ classWeights: "auto", cosub: true })).toThrow("knows no classWeights");
    expect(() => parseRecipe({ classWeights: "auto", epochs: 0, headStart: "fitted" })).toThrow(
      "only heads are fitted",
    );
  });
  it("says the largest and the smallest", () => {
    expect(classWeightsSentence([0.37, 3.7, 37.004], ["cat", "dog", "emu"])).toBe(
      'The classes have weights in the loss (classWeights), from 0.37 of "cat" to 37 of "emu".',
    );
  });
});
