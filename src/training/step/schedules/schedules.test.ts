import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../recipe/recipe.js";
import { scaledLearningRate, scheduledRate } from "./index.js";

describe("schedules", () => {
  it("warms up, falls as a cosine and stays", () => {
    const s = { ...parseRecipe({}), lr: 1, epochs: 10, warmupEpochs: 2, warmupLr: 0, minLr: 0.1 };
    expect([0, 1, 10, 12].map((e) => scheduledRate(s, e))).toEqual([0, 0.5, 0.1, 0.1]);
    expect(scheduledRate(s, 5)).toBeCloseTo(0.55, 12);
  });
  it("scales with the global batch", () => {
    expect(scaledLearningRate(5e-4, 1024)).toBe(1e-3);
  });
});
