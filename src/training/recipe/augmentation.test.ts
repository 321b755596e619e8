import { describe, expect, it } from "vitest";
import type { HostTensor, Program } from "../../tensor/index.js";
import { stepData } from "../feed/step-data.js";
import { mixInputs } from "../step/batch/mixing.js";
import { changed } from "./changed.js";
import { readRecipe } from "./file.js";
import { parseRecipe } from "./recipe.js";

describe("augmentation=none", () => {
  const off = { crop: "none", flip: 0, autoAugment: "none", repeatedAugmentation: 1, mixup: 0, eraseProbability: 0 };

  it("turns everything off, and reads what it wrote", () => {
    const recipe = parseRecipe({ augmentation: "none" });
    expect(recipe).toMatchObject({ ...off, verticalFlip: 0, colorJitter: 0, hueJitter: 0, cutmix: 0 });
    expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
    expect(parseRecipe({ augmentation: "none", flip: 0, mixup: 0 })).toMatchObject(off);
  });

  it("refuses settings that say otherwise", () => {
    expect(() => parseRecipe({ augmentation: "none", flip: 0.5, mixup: 0.2 })).toThrow(
      "augmentation=none turns all augmentation of training images off, but the recipe also sets flip=0.5, mixup=0.2; remove those, or augmentation.",
    );
    expect(() => parseRecipe({ augmentation: "none", cropScale: [0.5, 1] })).toThrow("cropScale=[0.5,1]; remove that,");
    expect(() => parseRecipe({ augmentation: "none", cutmixMinMax: [0.2, 0.8] })).toThrow("cutmixMinMax=[0.2,0.8]");
  });

  it("overrides those of the recipe that it changes, and no others", async () => {
    const finetune = await readRecipe("finetune");
    const recipe = parseRecipe(changed(finetune, { augmentation: "none" }));
    expect(recipe).toMatchObject({ ...off, colorJitter: 0, headStart: "fitted", batchSize: 16 });
    expect(() => parseRecipe(changed(finetune, { augmentation: "none", colorJitter: 0.2 }))).toThrow("colorJitter=0.2");
    expect(changed({ flip: 0.3 }, { mixup: 0 })).toEqual({ flip: 0.3, mixup: 0 });
  });

  it("is timm's no-aug", () => {
    expect(() => parseRecipe({ no_aug: true })).toThrow("timm's option of that name is here: augmentation (none;");
    expect(() => parseRecipe({ "mixup-off-epoch": 3 })).toThrow("here: unmixedEpochs (there the epoch from which on");
  });
});

describe("unmixedEpochs", () => {
  const batch = {
    first: 0,
    step: 3,
    count: 4,
    ...{ labels: new Int32Array(4), indices: [0, 1, 2, 3], views: [0, 0, 0, 0] },
  };
  const inputs = Object.values(mixInputs).map((name) => ({ name, role: "data", dtype: "float32", shape: [4, 1, 1] }));
  /** The share of its own label that each image keeps in an epoch. */
  const kept = (unmixedEpochs: number, epoch: number) => {
    const recipe = parseRecipe({ epochs: 10, unmixedEpochs, mixMode: "elem" });
    const place = { recipe, epoch, size: 2, batch: { ...batch, images: new Uint8Array(4 * 12) } };
    const data = stepData({ inputs } as unknown as Program, place as never, { scalars: {} });
    return [...((data.get(mixInputs.target) as HostTensor).data as Float32Array)];
  };

  it("mixes nothing in the last epochs, and before that what it always mixed", () => {
    for (const epoch of [0, 6, 7]) {
      expect(kept(2, epoch)).toEqual(kept(0, epoch));
      expect(kept(2, epoch)).not.toEqual([1, 1, 1, 1]);
    }
    for (const epoch of [8, 9]) {
      expect(kept(2, epoch)).toEqual([1, 1, 1, 1]);
      expect(kept(0, epoch)).not.toEqual([1, 1, 1, 1]);
    }
  });

  it("is refused where nothing is mixed, or no epoch is", () => {
    expect(() => parseRecipe({ unmixedEpochs: 2, mixup: 0, cutmix: 0 })).toThrow("but the recipe never mixes");
    expect(() => parseRecipe({ unmixedEpochs: 5, epochs: 5 })).toThrow("leaves none of 5 epochs");
  });
});
