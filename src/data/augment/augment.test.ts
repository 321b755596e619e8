import { expect, it } from "vitest";
import { RandomStream } from "../../random/stream.js";
import { type Augmentation, augment } from "./augment.js";

const image = { width: 8, height: 8, data: Uint8Array.from({ length: 192 }, (_, i) => (i * 37) % 256) };
const none = { interpolation: "bicubic", fill: [0, 0, 0], translate: 4 } as const;
const jitter = { brightness: 0.4, contrast: 0, saturation: 0, hue: 0 };
const changed = (augmentation: Partial<Augmentation>, seed: number) =>
  augment(image, { ...none, ...augmentation }, new RandomStream({ seed, purpose: "view" })).data;
const isGrey = (data: Uint8Array) => data.every((v, i) => v === data[i - (i % 3)]);

it("draws nothing for what is certain or off", () => {
  const plain = changed({ jitter }, 1);
  expect(changed({ jitter, jitterProbability: 1, grayscaleProbability: 0, blurProbability: 0 }, 1)).toEqual(plain);
  expect(changed({ jitter, jitterProbability: 0 }, 1)).toEqual(image.data);
  expect(isGrey(changed({ grayscaleProbability: 1 }, 1))).toBe(true);
  expect(changed({ blurProbability: 1 }, 1)).not.toEqual(image.data);
});

it("happens as often as it should", () => {
  const seeds = Array.from({ length: 400 }, (_, i) => i);
  const share = (is: (seed: number) => boolean) => seeds.filter(is).length / seeds.length;
  // Three standard deviations of 400 draws.
  const near = (p: number) => 3 * Math.sqrt((p * (1 - p)) / 400);
  const grey = share((seed) => isGrey(changed({ grayscaleProbability: 0.2 }, seed)));
  expect(Math.abs(grey - 0.2)).toBeLessThan(near(0.2));
  const left = share((seed) => changed({ jitter, jitterProbability: 0.8 }, seed).every((v, i) => v === image.data[i]));
  expect(Math.abs(left - 0.2)).toBeLessThan(near(0.2));
});
