/**
 * Chooses the recipe of a run if none was given: one of the packaged ones, with a batch size and epochs that fit the
 * data. A function of a description of the data, what the run can start from and what its caller has decided.
 */
import { type Message, type Sentence, sentence, setting, way } from "../../errors/sentence.js";
import type { RecipeSettings } from "./recipe.js";

/** The training images. */
export interface FoundData {
  /** Number of training images. */
  readonly images: number;
  readonly classes: number;
  /** Median of the shorter sides of some images, in pixels; undefined if unknown. */
  readonly side?: number;
  /** Images of the smallest and of the largest class, where these differ so much that classes deserve weights. */
  readonly unequal?: { readonly least: number; readonly most: number };
}

/** What the run can start from: weights that its caller names, published ones found in the hub's cache, or nothing. */
export type StartingPoint =
  | { readonly kind: "given" }
  | { readonly kind: "cached"; readonly repository: string; readonly path: string }
  | { readonly kind: "nothing" };

/** What the caller has decided. */
export interface Decided {
  readonly batchSize?: number;
  /** There must be steps: the command is about them, or a setting says how they go. */
  readonly steps?: boolean;
  /** Images have several labels. */
  readonly several?: boolean;
  /** The model is decided on, so no recipe may bring a model of other sizes. */
  readonly model?: boolean;
  /** The loss, or the numbers in which classes are seen, are decided on, so classes get no weights. */
  readonly classes?: boolean;
}

export interface ChosenRecipe {
  /** Name of a packaged recipe. */
  readonly name: "head-only" | "finetune" | "small-images" | "small-data" | "deit-tiny";
  /** Changes to it for this data. */
  readonly changes: Partial<RecipeSettings>;
  /** Why it was chosen, and what to expect; follows its name in a sentence. */
  readonly why: Sentence;
  readonly expect: Message;
}

/** From this many images there is enough data for the ImageNet recipe. */
const plenty = 100_000;
/** With fewer images of a class on average, steps of the whole model learn them by heart; the features alone decide. */
const fewEach = 10;
/** Up to this side in pixels, images have so little detail that a small model sees all of it. */
const smallSide = 64;
/** From this many small images, a small model from scratch costs less than a pretrained one and comes near it. */
const manySmall = 5000;

/** Chooses for data, a starting point and what the caller has decided. */
export function chooseRecipe(data: FoundData, start: StartingPoint, decided: Decided = {}): ChosenRecipe {
  const { name, changes, why, expect } = begins(data, start, decided);
  const weighed = data.unequal && !decided.classes && name !== "head-only";
  return {
    name,
    changes: {
      ...changes,
      ...(weighed ? { classWeights: "auto" } : {}),
      ...(decided.several ? { labels: "several" } : {}),
    },
    why: decided.several
      ? sentence`${why}; images have several labels, so each class is a question of its own (labels=several)`
      : data.unequal && !decided.classes
        ? sentence`${why}; ${aboutClasses(data.unequal, name)}`
        : why,
    expect,
  };
}

function begins(data: FoundData, start: StartingPoint, decided: Decided): ChosenRecipe {
  const isSmall = data.side !== undefined && data.side <= smallSide;
  if (start.kind === "given") return fromWeights(data, sentence`the run starts from weights`, decided);
  if (start.kind === "nothing") return fromNothing(data, sentence`there are no weights to start from`, decided);
  const { repository, path } = start;
  if (data.images >= plenty || (isSmall && data.images >= manySmall)) {
    const enough = sentence`there are enough images to learn from nothing (${setting("finetune", "hub")} starts from ${repository}, which is in the hub's cache)`;
    return fromNothing(data, enough, decided);
  }
  const cached = sentence`the run starts from ${repository}, found in the hub's cache and used from there without going online (${setting("recipe", isSmall ? "small-images" : "small-data")} starts from nothing)`;
  const { changes, ...chosen } = fromWeights(data, cached, decided);
  return { ...chosen, changes: { ...changes, finetune: path } };
}

function fromWeights(data: FoundData, start: Sentence, { batchSize, steps }: Decided): ChosenRecipe {
  const { images, classes } = data;
  if (images < fewEach * classes && !steps)
    return {
      name: "head-only",
      changes: {},
      why: sentence`${start}, and ${described(data)} are fewer than ${fewEach} for each class, too few to change more than the head`,
      expect: sentence`a new head is fitted to what the weights make of each image, within minutes; ${setting("recipe", "finetune")} trains the whole model, which pays with more images`,
    };
  const { batch, lr } = fineTuningBatch(images, batchSize);
  return {
    name: "finetune",
    changes: {
      batchSize: batch,
      lr,
      epochs: epochsFor(images, batch, { steps: 300, least: leastEpochs(images), most: 100 }),
    },
    why: sentence`${start}; batch, rate and epochs are chosen for ${described(data)}`,
    expect:
      "a head is fitted first, then the whole model is fine-tuned; on 48 photos of each of 8 classes that gave 82 % of the test images (a quarter of an hour on two busy cores), the fitted head alone 77 % (recipe head-only, half a minute)",
  };
}

function fromNothing(data: FoundData, start: Sentence, { batchSize, model }: Decided): ChosenRecipe {
  const { images, side } = data;
  if (side !== undefined && side <= smallSide && !model) return smallImages(data, side, start, batchSize);
  if (images >= plenty)
    return {
      name: "deit-tiny",
      changes: {},
      why: sentence`${start}, and there are ${described(data)}`,
      expect: sentence`300 epochs as in the paper, which need an accelerator${way`; ${setting("dryRun")} estimates the time, ${setting("epochs")} changes it`.or`; ${setting("epochs")} changes it`}`,
    };
  const batch = batchSize ?? smallBatch(images, 32);
  return {
    name: "small-data",
    changes: { batchSize: batch, epochs: epochsFor(images, batch, { steps: 1500, least: 50, most: 300 }) },
    why: sentence`${start}; batch and epochs are chosen for ${described(data)}`,
    expect: sentence`a transformer learns little from so few images alone: ${setting("finetune", "hub")} (or a file of weights) is faster and far better`,
  };
}

/** A small model, whose patches make 64 tokens of an image of either size; of plenty of images one as wide as DeiT-Ti. */
function smallImages(data: FoundData, side: number, start: Sentence, batchSize?: number): ChosenRecipe {
  const { images } = data;
  const batch = batchSize ?? smallBatch(images, 64);
  const sizes = side <= 32 ? { imageSize: 32, patchSize: 4 } : { imageSize: 64, patchSize: 8 };
  const wide = images >= plenty ? { width: 192, depth: 12, heads: 3 } : {};
  const epochs = epochsFor(images, batch, { steps: 4000, least: images >= plenty ? 30 : 5, most: 100 });
  return {
    name: "small-images",
    changes: { ...sizes, ...wide, batchSize: batch, epochs },
    why: sentence`${start}, and images of ${side} pixels need no large model; sizes, batch and epochs are chosen for ${described(data)}`,
    expect: sentence`a small model from scratch, as fits two cores: on CIFAR-10 5 epochs took 18 minutes and gave 59 %; more epochs (${setting("epochs")}) give more`,
  };
}

const aboutClasses = ({ least, most }: { readonly least: number; readonly most: number }, name: string): string => {
  const sizes = `classes have ${least.toLocaleString("en")} to ${count(most, "image")}`;
  return name === "head-only"
    ? `${sizes}, which a fitted head does not make up for`
    : `${sizes}, so they have weights in the loss (classWeights=auto)`;
};

/** Share of each class that is held out for testing if the data has no part for it. */
export const setAside = (images: number): number => (images < 5000 ? 0.2 : images < 100_000 ? 0.1 : 0.02);

const described = ({ images, classes }: FoundData): string =>
  `${count(images, "image")} of ${count(classes, "class", "classes")}`;

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
