import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../formats/safetensors/safetensors.js";
import { RandomStream } from "../../random/stream.js";
import type { RgbImage } from "../pixels/image.js";
import type { AffineInterpolation } from "./affine.js";
import { grayscale, hue } from "./color.js";
import { applyOperation, type OperationName, operationNames } from "./operations.js";

const fixture = new URL("../../../tests/fixtures/augment/operations.safetensors", import.meta.url).pathname;
const { tensors } = await readSafetensors(fixture);
const stored = tensors.get("image")!;
const image: RgbImage = { width: stored.shape[1], height: stored.shape[0], data: stored.data as Uint8Array };
const stream = () => new RandomStream({ seed: 0, purpose: "test" });
const settings = (interpolation: AffineInterpolation) =>
  ({ interpolation, fill: [124, 116, 104], translate: 100 }) as const;

/** Applies `NAME.ARGUMENT[.INTERPOLATION]`; an argument may itself contain a point. */
function apply(key: string): RgbImage {
  const [, name, argument, interpolation] = /^(\w+)(?:\.(None|-?[\d.]+?))?(?:\.(bilinear|bicubic))?$/.exec(key)!;
  if (name === "hue") return hue(image, Number(argument));
  if (name === "grayscale") return grayscale(image);
  const given = argument === "None" ? undefined : Number(argument);
  const kind = (interpolation ?? "bicubic") as AffineInterpolation;
  return applyOperation(name as OperationName, image, given, settings(kind), stream());
}

describe("operations", () => {
  it.each([...tensors.keys()].filter((k) => k !== "image"))("%s is Pillow's", (key) => {
    const reference = tensors.get(key)!.data as Uint8Array;
    const { data } = apply(key);
    let different = 0;
    for (let i = 0; i < reference.length; i++) {
      const levels = Math.abs(data[i] - reference[i]);
      expect(levels).toBeLessThanOrEqual(1);
      if (levels > 0) different++;
    }
    // Values are truncated, not rounded: one that should be an integer falls to either side with the last bit of its
    // weights.
    expect(different / reference.length).toBeLessThan(0.1);
  });
  it.each([
    [1, 1],
    [1, 7],
    [2, 1],
  ])("all work on %i × %i pixels", (width, height) => {
    const tiny = { width, height, data: new Uint8Array(width * height * 3).fill(77) };
    for (const name of operationNames)
      for (const interpolation of ["bilinear", "bicubic"] as const) {
        const { data } = applyOperation(name, tiny, 1, settings(interpolation), stream());
        expect(data).toHaveLength(width * height * 3);
      }
  });
});
