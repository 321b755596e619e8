import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseRecipe, type RecipeSettings } from "../../recipe/recipe.js";
import { scheduledRate } from "./index.js";

/** tests/fixtures/training/generate_schedules.py. */
const known = JSON.parse(
  readFileSync(new URL("../../../../tests/fixtures/training/schedules.json", import.meta.url), "utf8"),
) as Readonly<Record<string, readonly number[]>>;

const warm = { warmupEpochs: 3, warmupLr: 0.01 };
it.each<[string, RecipeSettings]>([
  ["poly", { schedule: "poly", polyPower: 0.9, ...warm }],
  ["multistep", { schedule: "multistep", decayMilestones: [4, 8], decayRate: 0.5, warmupEpochs: 0 }],
  ["cosinePrefix", { schedule: "cosine", warmupPrefix: true, ...warm }],
  ["stepPrefix", { schedule: "step", decayEpochs: 3, decayRate: 0.5, warmupPrefix: true, ...warm }],
])("has the rates of timm or PyTorch: %s", (name, settings) => {
  const schedule = { ...parseRecipe({ ...settings, lr: 1, scaleLr: false, minLr: 0.1, epochs: 12 }) };
  for (const [epoch, rate] of known[name].entries()) expect(scheduledRate(schedule, epoch)).toBeCloseTo(rate, 12);
});

it("reaches the lowest rate at the end", () => {
  for (const warmupPrefix of [true, false]) {
    const recipe = parseRecipe({ schedule: "poly", lr: 1, scaleLr: false, minLr: 0.1, epochs: 12, warmupPrefix });
    expect(scheduledRate(recipe, 12)).toBe(0.1);
  }
});
