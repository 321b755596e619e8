/**
 * Chooses the recipe of a run if none was given: one of the packaged ones, with a batch size and epochs that fit the
 * data.
 */
import { type Message, sentence, setting, way } from "../../errors/sentence.js";
import type { RecipeSettings } from "./recipe.js";

export interface FoundData {
  /** Number of training images. */
  readonly images: number;
  readonly classes: number;
}

export interface ChosenRecipe {
  /** Name of a packaged recipe. */
  readonly name: "finetune" | "small-data" | "deit-tiny";
  /** Changes to it for this data. */
  readonly changes: Partial<RecipeSettings>;
  /** Why it was chosen, and what to expect; follows its name in a sentence. */
  readonly why: string;
  readonly expect: Message;
}

/** From this many images there is enough data for the ImageNet recipe. */
const plenty = 100_000;

/** `weights`: whether the run starts from weights. `batchSize`: the user's choice, if any. */
export function chooseRecipe(data: FoundData, weights: boolean, batchSize?: number): ChosenRecipe {
  const { images, classes } = data;
  const of = `${count(images, "image")} of ${count(classes, "class", "classes")}`;
  if (weights) {
    const { batch, lr } = fineTuningBatch(images, batchSize);
    return {
      name: "finetune",
      changes: {
        batchSize: batch,
        lr,
        epochs: epochsFor(images, batch, { steps: 300, least: leastEpochs(images), most: 100 }),
      },
      why: `the run starts from weights; batch, rate and epochs are chosen for ${of}`,
      expect:
        "a head is fitted first, then the whole model is fine-tuned; on 48 photos of each of 8 classes that gave 82 % of the test images (a quarter of an hour on two busy cores), the fitted head alone 77 % (recipe head-only, half a minute)",
    };
  }
  if (images >= plenty)
    return {
      name: "deit-tiny",
      changes: {},
      why: `no weights to begin from, and ${of}`,
      expect: sentence`300 epochs as in the paper, which need an accelerator${way`; ${setting("dryRun")} estimates the time, ${setting("epochs")} changes it`.or`; ${setting("epochs")} changes it`}`,
    };
  const batch = batchSize ?? smallBatch(images, 32);
  return {
    name: "small-data",
    changes: { batchSize: batch, epochs: epochsFor(images, batch, { steps: 1500, least: 50, most: 300 }) },
    why: `there are no weights to start from; batch and epochs are chosen for ${of}`,
    expect: sentence`a transformer learns little from so few images alone: ${setting("finetune", "hub")} (or a file of weights) is faster and far better`,
  };
}

/** Share of each class that is held out for testing if the data has no part for it. */
export const setAside = (images: number): number => (images < 5000 ? 0.2 : images < 100_000 ? 0.1 : 0.02);

const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** A power of two, at most `most` and a third of the images, so that an epoch has some steps. */
const smallBatch = (images: number, most: number): number =>
  Math.max(1, Math.min(most, 2 ** Math.floor(Math.log2(Math.max(1, images / 3)))));

/** The rate scales with the square root of the batch size, as appropriate for Adam's noise. */
function fineTuningBatch(images: number, given?: number): { readonly batch: number; readonly lr: number } {
  const batch = given ?? smallBatch(images, images < 5000 ? 16 : images < plenty ? 32 : 256);
  return { batch, lr: Number((1e-4 * Math.sqrt(batch / 16)).toPrecision(2)) };
}

const leastEpochs = (images: number): number => (images < 5000 ? 8 : images < plenty ? 5 : 3);

/** Epochs for this many steps, within limits. */
function epochsFor(images: number, batch: number, range: Readonly<Record<"steps" | "least" | "most", number>>): number {
  const perEpoch = Math.max(1, Math.floor(images / batch));
  return Math.min(range.most, Math.max(range.least, Math.ceil(range.steps / perEpoch)));
}
