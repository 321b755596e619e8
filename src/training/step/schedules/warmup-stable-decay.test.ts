import { expect, it } from "vitest";
import { parseRecipe } from "../../recipe/recipe.js";
import { scheduledRate } from "./index.js";

const schedule = (decayForm: "linear" | "root") => ({
  ...parseRecipe({ schedule: "warmupStableDecay", decayShare: 0.4, decayForm }),
  ...{ lr: 1, minLr: 0.1, epochs: 10, warmupEpochs: 2, warmupLr: 0 },
});

it.each([
  ["linear", [0, 0.5, 1, 1, 0.55, 0.1, 0.1]],
  ["root", [0, 0.5, 1, 1, 1 - 0.9 * Math.SQRT1_2, 0.1, 0.1]],
] as const)("warms up, stays, and falls in the last share of the epochs: %s", (form, rates) => {
  [0, 1, 2, 6, 8, 10, 12].forEach((epoch, i) => {
    expect(scheduledRate(schedule(form), epoch)).toBeCloseTo(rates[i], 12);
  });
});

it("is refused if its lowest rate would be above its highest", () => {
  expect(() => parseRecipe({ schedule: "warmupStableDecay", minLr: 1 })).toThrow(/minLr is 1, above/);
});
