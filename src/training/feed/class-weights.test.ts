import { describe, expect, it } from "vitest";
import { classWeightsCount } from "../recipe/class-weighting.js";
import { parseRecipe, type RecipeSettings } from "../recipe/recipe.js";
import { classWeightSentences, classWeightsOf } from "./class-weights.js";

/** Labels of classes with these sizes. */
function labelled(...sizes: number[]) {
  const labels = sizes.flatMap((n, c) => new Array<number>(n).fill(c));
  return { classes: sizes.map((_, c) => `c${c}`), length: labels.length, label: (i: number) => labels[i] };
}
const weights = (settings: RecipeSettings, ...sizes: number[]) =>
  classWeightsOf(parseRecipe(settings), labelled(...sizes), "classWeights")?.each;
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
  it("says the largest and the smallest, and when they come in", () => {
    const dataset = { classes: ["cat", "dog", "emu"] };
    const classWeights = { each: [0.37, 3.7, 37.004] };
    expect(classWeightSentences({ dataset, classWeights }, parseRecipe({}))).toEqual([
      'The classes have weights in the loss (classWeights): 0.37 of "cat" to 37 of "emu".',
    ]);
    const late = { epochs: 12, classWeightsFrom: 0.9, classWeights: "auto", ...taught } as const;
    expect(classWeightSentences({ dataset, distillationWeights: { each: [2, 1, 3] } }, parseRecipe(late))).toEqual([
      `The teacher's decisions have weights (distillationClassWeights): 1 of "dog" to 3 of "emu", from epoch 12 on.`,
    ]);
  });
});

const taught = { distillation: "hard", teacherWeights: "teacher.safetensors" } as const;

describe("distillationClassWeights", () => {
  it("has the rules of classWeights, and its own list", () => {
    const of = (rule: RecipeSettings["distillationClassWeights"]) =>
      classWeightsOf(
        parseRecipe({ ...taught, distillationClassWeights: rule }),
        labelled(5000, 500, 50),
        "distillationClassWeights",
      );
    expect(of("inverse")).toEqual({ each: near([0.37, 3.7, 37]), deferred: false });
    expect(of("none")).toBeUndefined();
    expect(() => of([1, 2])).toThrow("distillationClassWeights lists 2 weights, but the data has 3 classes");
  });
  it("is refused where there is no teacher to decide", () => {
    const settings = { distillationClassWeights: "effective" } as const;
    expect(() => parseRecipe(settings)).toThrow(
      'but its distillation is "none", which has none; set distillation=hard',
    );
    expect(() => parseRecipe({ ...settings, distillation: "labels", distilled: true })).toThrow(
      "both heads learn from the labels, which classWeights weighs",
    );
  });
});

describe("classWeightsFrom", () => {
  const from = (classWeightsFrom: number, epochs: number) =>
    ({ classWeights: "auto", classWeightsFrom, epochs }) as const;
  it("starts with the epoch after that share, as DeiT-LT's --drw 1100 of 1200", () => {
    const first = (share: number, epochs: number) => {
      const recipe = parseRecipe(from(share, epochs));
      return Array.from({ length: epochs }, (_, e) => e).find((e) => classWeightsCount(recipe, e));
    };
    expect([first(0, 5), first(0.5, 4), first(0.5, 5), first(0.07, 100), first(1100 / 1200, 1200)]).toEqual([
      0, 2, 3, 7, 1100,
    ]);
  });
  it("is refused where no epoch is left, or no weights are deferred", () => {
    expect(() => parseRecipe(from(0.9, 3))).toThrow("leaves no epoch of 3 in which classWeights would count");
    expect(() => parseRecipe({ classWeightsFrom: 0.5 })).toThrow("but the recipe has none");
  });
});
