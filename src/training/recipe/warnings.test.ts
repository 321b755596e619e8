import { describe, expect, it } from "vitest";
import { changed } from "./changed.js";
import { emaDecayAt, parseRecipe, type RecipeSettings } from "./recipe.js";
import { runWarnings } from "./warnings.js";

const warnings = (settings: RecipeSettings, stepsPerEpoch = 10) => runWarnings(parseRecipe(settings), stepsPerEpoch);

describe("runWarnings", () => {
  it.each([
    // 0.99996^375 = 0.985; 0.99996^100,000 = 0.018.
    [
      "an average that is still its beginning",
      { emaDecay: 0.99996, epochs: 25 },
      15,
      ["99 %", "25,000 steps", "has 375"],
    ],
    ["one that has had its time", { emaDecay: 0.99996, epochs: 100 }, 1000, []],
    ["a short average", { emaDecay: 0.9, epochs: 10 }, 10, []],
    ["an average that is warmed up", { emaDecay: 0.99996, emaWarmup: true, epochs: 1 }, 10, []],
    ["a warm-up that just reaches the rate", { epochs: 5, warmupEpochs: 3 }, 100, []],
    ["a warm-up longer than the run", { epochs: 2, warmupEpochs: 5, scaleLr: false }, 100, ["warmupEpochs 5 of 2"]],
    ["the default warm-up of a short run", { epochs: 2 }, 100, []],
    ["a step schedule in warm-up", { epochs: 3, warmupEpochs: 5, schedule: "step" }, 10, ["warmupEpochs 5 of 3"]],
    ["the paper's recipe", {}, 1251, []],
    ["a part of a model without weights", { trainedParts: "last-2-blocks" }, 1251, ["starts from scratch"]],
    ["a part of one with weights", { trainedParts: "head", finetune: "runs/a" }, 1251, []],
    [
      "a setting of another optimizer",
      { optimizer: "muon", nesterov: false },
      1251,
      ["The optimizer muon does not read nesterov=false"],
    ],
    ["settings of the one that is chosen", { optimizer: "sgd", nesterov: false, momentum: 0.8 }, 1251, []],
    [
      "settings of another schedule",
      { decayEpochs: 3, decayRate: 0.5 },
      1251,
      ["The schedule cosine does not read decayEpochs=3 and decayRate=0.5, which have"],
    ],
    ["a decay over a single cycle", { lrCycleDecay: 0.8 }, 1251, ["lrCycleDecay=0.8 has no effect; set lrCycleLimit"]],
    ["cycles", { lrCycleDecay: 0.8, lrCycleLimit: 2 }, 1251, []],
    [
      "a cool-down of a schedule without an end",
      { schedule: "constant", cooldownEpochs: 3 },
      1251,
      ["The schedule constant does not read cooldownEpochs=3, which has no effect"],
    ],
    [
      "a cool-down of steps",
      { schedule: "step", cooldownEpochs: 3 },
      1251,
      ["schedule step does not read cooldownEpochs=3"],
    ],
    ["a cool-down of a cosine", { cooldownEpochs: 10 }, 1251, []],
    ["a cool-down of a polynomial", { schedule: "poly", cooldownEpochs: 10 }, 1251, []],
    [
      "blocks that are computed again for the head alone",
      { gradCheckpointing: true, trainedParts: "head", finetune: "runs/a" },
      1251,
      ["gradCheckpointing=true has no effect, since only the head is trained"],
    ],
    [
      "blocks that are computed again and trained",
      { gradCheckpointing: true, trainedParts: "last-2-blocks", finetune: "runs/a" },
      1251,
      [],
    ],
    ["no epochs", { epochs: 0, headStart: "fitted" }, 10, []],
  ] as [string, RecipeSettings, number, string[]][])("%s", (_, settings, stepsPerEpoch, parts) => {
    const found = warnings(settings, stepsPerEpoch).join(" ");
    if (parts.length === 0) expect(found).toBe("");
    for (const part of parts) expect(found).toContain(part);
  });
});

it("is silent on settings of a recipe whose optimizer or schedule is replaced, but not on those given with the new one", () => {
  const base = { betas: [0.9, 0.95], schedule: "step", decayEpochs: 3, weightDecay: 0.1 };
  const replaced = { optimizer: "adan", schedule: "cosine" };
  const said = (changes: Readonly<Record<string, unknown>>) => runWarnings(parseRecipe(changed(base, changes)), 1251);
  expect(said(replaced)).toEqual([]);
  expect(changed(base, replaced)).toEqual({ ...replaced, weightDecay: 0.1 });
  expect(changed(base, { lr: 0.1 })).toEqual({ ...base, lr: 0.1 });
  expect(said({ ...replaced, nesterov: false }).join()).toContain("The optimizer adan does not read nesterov=false");
});

// timm 1.0.31: ModelEmaV3(model, decay=0.9999, use_warmup=True).get_decay(step)
it("warms the decay of averages up as timm's ModelEmaV3", () => {
  const at = (step: number) => emaDecayAt({ emaDecay: 0.9999, emaWarmup: true }, step);
  expect([1, 2, 3, 10, 1000].map(at).map((d) => Number(d.toFixed(6)))).toEqual([0, 0.370039, 0.51925, 0.784557, 0.99]);
  expect(at(1e8)).toBe(0.9999);
  expect(emaDecayAt({ emaDecay: 0.99, emaWarmup: false }, 1)).toBe(0.99);
});

describe("parseRecipe refuses", () => {
  it.each([
    [{ betas: [1, 1] }, "less than 1"],
    [{ labelSmoothing: 1 }, "less than 1"],
    [{ momentum: 1 }, "less than 1"],
    [{ minLr: 0.1 }, "minLr is 0.1, above the learning rate of 0.001"],
    [{ epochs: 5, cooldownEpochs: 10 }, "every step would be at minLr"],
    [{ epochs: 0 }, "trains nothing"],
  ])("%j", (settings, sentence) => {
    expect(() => parseRecipe(settings)).toThrow(sentence);
  });

  it("twenty thousand nested brackets, with a clear message", () => {
    const deep = JSON.parse(`{"mlpRatio":${"[".repeat(20_000)}${"]".repeat(20_000)}}`);
    expect(() => parseRecipe(deep)).toThrow("a value too deep to show");
  });

  it("but fits defaults to short runs and low rates", () => {
    expect(parseRecipe({ epochs: 2 }).warmupEpochs).toBe(0.4);
    expect(parseRecipe({ epochs: 30 }).warmupEpochs).toBe(5);
    expect(parseRecipe({ batchSize: 4 }).minLr).toBeCloseTo((5e-4 * 4) / 512, 12);
    expect(parseRecipe({}).minLr).toBe(1e-5);
  });
});
