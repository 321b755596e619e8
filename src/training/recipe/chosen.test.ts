import { expect, it } from "vitest";
import {
  type ChosenRecipe,
  chooseRecipe,
  type Decided,
  type FoundData,
  type StartingPoint,
  setAside,
} from "./chosen.js";
import { readRecipe } from "./file.js";
import { parseRecipe } from "./recipe.js";

const given: StartingPoint = { kind: "given" };
const nothing: StartingPoint = { kind: "nothing" };
const cached: StartingPoint = { kind: "cached", repository: "timm/deit_tiny", path: "cache/model.safetensors" };

it.each([1, 2, 6, 8, 20, 64, 384, 5000, 60_000, 130_000, 1_281_167, 14_000_000])(
  "%i images get a batch that they fill, and enough steps",
  async (images) => {
    for (const start of [given, nothing])
      for (const side of [28, 64, 224]) {
        const { name, changes } = chooseRecipe({ images, classes: 2, side }, start);
        const recipe = parseRecipe({ ...(await readRecipe(name)), ...changes });
        expect(recipe.batchSize).toBeLessThanOrEqual(images);
        if (name === "head-only") continue;
        const steps = Math.floor(images / recipe.batchSize) * recipe.epochs;
        expect(steps).toBeGreaterThanOrEqual(Math.min(300, 100 * Math.floor(images / recipe.batchSize)));
      }
  },
);

const photos: FoundData = { images: 400, classes: 8, side: 500 };
const cases: readonly [
  about: string,
  FoundData,
  StartingPoint,
  Decided,
  ChosenRecipe["name"],
  Partial<ChosenRecipe["changes"]>,
][] = [
  ["some photos and weights", photos, given, {}, "finetune", { batchSize: 16 }],
  ["9 photos each and weights", { ...photos, images: 79 }, given, {}, "head-only", {}],
  ["10 photos each and weights", { ...photos, images: 80 }, given, {}, "finetune", {}],
  ["few photos, but settings of steps", { ...photos, images: 20 }, given, { steps: true }, "finetune", {}],
  ["weights in the cache", photos, cached, {}, "finetune", { finetune: "cache/model.safetensors" }],
  ["few photos, weights in the cache", { ...photos, images: 20 }, cached, {}, "head-only", { finetune: cached.path }],
  ["few small images, weights in the cache", { ...photos, side: 32 }, cached, {}, "finetune", {}],
  [
    "many small images, weights in the cache",
    { images: 50_000, classes: 10, side: 32 },
    cached,
    {},
    "small-images",
    {},
  ],
  ["all of ImageNet, weights in the cache", { images: 1_281_167, classes: 1000 }, cached, {}, "deit-tiny", {}],
  ["photos and nothing", photos, nothing, {}, "small-data", { batchSize: 32 }],
  ["unknown sizes and nothing", { images: 400, classes: 8 }, nothing, {}, "small-data", {}],
  ["images of 28 pixels", { ...photos, side: 28 }, nothing, {}, "small-images", { imageSize: 32, patchSize: 4 }],
  ["images of 64 pixels", { ...photos, side: 64 }, nothing, {}, "small-images", { imageSize: 64, patchSize: 8 }],
  ["images of 65 pixels", { ...photos, side: 65 }, nothing, {}, "small-data", {}],
  ["small images and a model", { ...photos, side: 28 }, nothing, { model: true }, "small-data", {}],
  ["plenty of small images", { images: 1e6, classes: 9, side: 64 }, nothing, {}, "small-images", { width: 192 }],
  ["plenty of large images", { images: 100_000, classes: 9, side: 200 }, nothing, {}, "deit-tiny", {}],
];

it.each(cases)("%s", (_, data, start, decided, name, changes) => {
  const chosen = chooseRecipe(data, start, decided);
  expect(chosen.name).toBe(name);
  expect(chosen.changes).toMatchObject(changes);
  expect(chosen.changes.classWeights).toBeUndefined();
  if (start.kind === "cached") expect(String(chosen.why)).toContain("timm/deit_tiny");
});

it("weighs classes of unequal size, unless the loss is decided on or nothing reads the weights", () => {
  const skewed = { ...photos, unequal: { least: 12, most: 1200 } };
  const chosen = chooseRecipe(skewed, nothing);
  expect(chosen.changes).toMatchObject({ classWeights: "auto" });
  expect(String(chosen.why)).toContain(
    "classes have 12 to 1,200 images, so they have weights in the loss (classWeights=auto)",
  );
  const own = chooseRecipe(skewed, nothing, { classes: true });
  expect([own.changes.classWeights, String(own.why).includes("1,200")]).toEqual([undefined, false]);
  const head = chooseRecipe({ ...skewed, images: 40 }, given);
  expect([head.name, head.changes.classWeights]).toEqual(["head-only", undefined]);
  expect(String(head.why)).toContain("which a fitted head does not make up for");
});

it("counts with the batch that the user has decided on", () => {
  const { changes } = chooseRecipe({ images: 640, classes: 8 }, given, { batchSize: 64 });
  expect(changes).toMatchObject({ batchSize: 64, epochs: 30, lr: 2e-4 });
});

it("sets a smaller share of more images aside", () => {
  expect([8, 4999, 5000, 1e6].map(setAside)).toEqual([0.2, 0.2, 0.1, 0.02]);
});
