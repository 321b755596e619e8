import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseRecipe, type RecipeSettings } from "../../recipe/recipe.js";
import { afterEvaluation, plateauBeginning } from "../../run-folder/plateau-state.js";
import { scheduledRate } from "./index.js";

/** tests/fixtures/training/generate_schedules.py. */
const known = JSON.parse(
  readFileSync(new URL("../../../../tests/fixtures/training/schedules.json", import.meta.url), "utf8"),
) as Readonly<Record<string, readonly number[]>> & { readonly plateau: readonly Plateau[] };

interface Plateau {
  readonly measures: readonly number[];
  readonly lower: boolean;
  readonly rates: readonly number[];
}

const warm = { warmupEpochs: 3, warmupLr: 0.01 };
it.each<[string, RecipeSettings]>([
  ["poly", { schedule: "poly", polyPower: 0.9, ...warm }],
  ["multistep", { schedule: "multistep", decayMilestones: [4, 8], decayRate: 0.5, warmupEpochs: 0 }],
  ["cosineCycles", { schedule: "cosine", lrCycleLimit: 3, ...warm }],
  ["cosineGrowing", { schedule: "cosine", lrCycleLimit: 2, lrCycleMul: 2, lrCycleDecay: 0.7, ...warm }],
  ["cosineKDecay", { schedule: "cosine", lrKDecay: 1.5, ...warm }],
  ["polyCycles", { schedule: "poly", polyPower: 0.9, lrCycleLimit: 3, lrKDecay: 2, ...warm }],
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

it("is refused if its last cycle would begin below the lowest rate", () => {
  const cycles = { lr: 1, scaleLr: false, minLr: 0.1, lrCycleLimit: 5 };
  expect(() => parseRecipe(cycles)).toThrow(/minLr is 0.1, above the highest rate of the last of 5 cycles \(0.0625\)/);
  expect(parseRecipe({ ...cycles, lrCycleDecay: 0.8 }).lrCycleLimit).toBe(5);
});

it.each(known.plateau)("falls on plateaus as timm's, measures lower: $lower", ({ measures, lower, rates }) => {
  const recipe = parseRecipe({
    ...{ schedule: "plateau", decayRate: 0.3, patienceEpochs: 2, minLr: 0.05, lr: 1, scaleLr: false, epochs: 100 },
    ...warm,
  });
  let state = plateauBeginning;
  const found = [0, ...measures].map((measure, epoch) => {
    // As the trainer: what is measured in the warm-up does not count.
    if (epoch > recipe.warmupEpochs)
      state = afterEvaluation(state, measure, { lower, patience: recipe.patienceEpochs });
    return scheduledRate({ ...recipe, falls: state.falls }, epoch);
  });
  // Repeated products there, powers here.
  for (const [epoch, rate] of rates.entries()) expect(found[epoch], `epoch ${epoch}`).toBeCloseTo(rate, 12);
});
