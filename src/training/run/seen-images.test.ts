import { describe, expect, it } from "vitest";
import { subset } from "../../data/dataset/dataset.js";
import { knownImages, readTrainedOn, type TrainedOn, writeTrainedOn } from "../../data/dataset/trained-on.js";
import { memoryDataset } from "../../data/sources/memory.js";
import { seenImages } from "./seen-images.js";

const photos = memoryDataset(
  Array.from({ length: 10 }, (_, i) => ({ bytes: new Uint8Array([i]), label: i % 2 ? "dog" : "cat" })),
);
const held = (...indices: readonly number[]) => {
  const aside = new Set(indices);
  const train = [...Array(photos.length).keys()].filter((i) => !aside.has(i));
  return { found: subset(photos, train), test: subset(photos, indices) };
};

/** What the weights of a run say that held these images out, or trained on all if there are none. */
function trained(...indices: readonly number[]): TrainedOn {
  const { found, test } = held(...indices);
  const split = indices.length === 0 ? undefined : { share: 0.2, test };
  return readTrainedOn(writeTrainedOn(found, knownImages(found), split), "teacher.safetensors")!;
}
const told = (weights: TrainedOn, ...indices: readonly number[]) => {
  const { found, test } = held(...indices);
  return seenImages("teacher.safetensors", weights, { found, measured: [test] })?.toString();
};

describe("weights that were trained on images of this run's evaluation", () => {
  it("are fine if they held out the same, or more", () => {
    expect(told(trained(2, 7), 2, 7)).toBeUndefined();
    expect(told(trained(2, 5, 7), 2, 7)).toBeUndefined();
  });

  it("are reported with the number of images and the split to use", () => {
    expect(told(trained(2, 7), 2, 3, 4)).toMatch(/^2 of the 3 images .* not held out when "teacher.safetensors" was/);
    expect(told(trained(2, 7), 2, 3, 4)).toContain('split: "teacher.safetensors"');
  });

  it("are reported if nothing was held out of the same number of images", () => {
    expect(told(trained(), 2, 3)).toMatch(/was trained on 10 images and none were held out/);
  });

  it("are reported if they were trained on the images of the evaluation", () => {
    const { found, test } = held(2, 3);
    const weights = readTrainedOn(writeTrainedOn(test, knownImages(test)), "x")!;
    expect(seenImages("x", weights, { found, measured: [test] })?.toString()).toMatch(
      /trained on images that this run/,
    );
  });

  it("give no warning where training and test images have the same names, which tells neither from the other", () => {
    const [train, test] = [subset(photos, [0, 1, 2]), subset(photos, [0, 1, 2])];
    const weights = readTrainedOn(writeTrainedOn(train, knownImages(train)), "x")!;
    expect(seenImages("x", weights, { found: train, measured: [test] })).toBeUndefined();
  });

  it("give no warning for other data", () => {
    const others = memoryDataset(
      Array.from({ length: 10 }, (_, i) => ({ bytes: new Uint8Array([i, i]), label: i % 2 ? "dog" : "cat" })),
    );
    const measured = [subset(others, [0, 1])];
    const found = subset(others, [2, 3, 4, 5, 6, 7, 8, 9]);
    expect(seenImages("x", trained(2, 7), { found, measured })).toBeUndefined();
  });
});
