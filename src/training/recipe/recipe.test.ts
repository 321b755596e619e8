import { describe, expect, it } from "vitest";
import { parseRecipe } from "./recipe.js";

describe("parseRecipe", () => {
  it("has the paper's defaults (table 9)", () => {
    expect(parseRecipe({})).toMatchObject({
      epochs: 300,
      batchSize: 1024,
      lr: 5e-4,
      weightDecay: 0.05,
      warmupEpochs: 5,
      labelSmoothing: 0.1,
      dropPath: 0.1,
      dropout: 0,
    });
  });
  it("names the nearest setting for a typo and says what is wrong with a value", () => {
    expect(() => parseRecipe({ batchsize: 3 })).toThrow('no setting "batchsize"; did you mean "batchSize"?');
    const wrong = (settings: object) => expect(() => parseRecipe(settings));
    wrong({ epochs: -1 }).toThrow('The setting "epochs" of the recipe is wrong: it is -1, and must be 0 or more.');
    wrong({ epochs: 1.5 }).toThrow("it is 1.5, and must be a whole number.");
    wrong({ lr: 0 }).toThrow('"lr" of the recipe is wrong: it is 0, and must be greater than 0.');
    wrong({ flip: 2 }).toThrow("it is 2, and must be 1 or less.");
    wrong({ flip: "often" }).toThrow('it is "often", and must be a number.');
    wrong({ betas: [0.9] }).toThrow('"betas" of the recipe is wrong: it is [0.9], and must be a list of 2 values.');
    wrong({ betas: [0.9, 2] }).toThrow('"betas.1" of the recipe is wrong: it is 2, and must be less than 1.');
    wrong({ nesterov: "yes" }).toThrow('it is "yes", and must be true or false.');
    expect(() => parseRecipe({ regnet: { slpe: 3 } })).toThrow(
      '"regnet" of the recipe has no "slpe"; did you mean "slope"?',
    );
  });
  it("refuses weights of the losses that contradict each other", () => {
    const taught = { distillation: "decoupled", teacherWeights: "runs/teacher" };
    expect(parseRecipe({ ...taught, taskLossWeight: 1, distillationLossWeight: 2 })).toMatchObject({
      ...{ taskLossWeight: 1, distillationLossWeight: 2 },
    });
    expect(() => parseRecipe({ ...taught, taskLossWeight: 1, distillationAlpha: 0.1 })).toThrow(
      "Both distillationAlpha and taskLossWeight say how much the distillation loss weighs; remove one of them.",
    );
    expect(() => parseRecipe({ ...taught, taskLossWeight: 2 })).toThrow(
      "leaves the distillation loss less than 0 (1 − taskLossWeight); set distillationLossWeight too.",
    );
  });
  it("names the nearest word for an invalid value", () => {
    expect(() => parseRecipe({ distillation: "hrad" })).toThrow(
      'it is "hrad", and can be none, soft, hard, labels, decoupled, normalized; did you mean "hard"?',
    );
    expect(() => parseRecipe({ teacherNormalization: "imagnet" })).toThrow('did you mean "imagenet"?');
    expect(() => parseRecipe({ teacherNormalization: 3 })).toThrow('nor {"mean":[r,g,b],"std":[r,g,b]}');
  });
});
