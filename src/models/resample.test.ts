import { describe, expect, it } from "vitest";
import { readSafetensors } from "../formats/safetensors/safetensors.js";
import { input } from "../tensor/index.js";
import { evaluate } from "../tensor/reference.js";
import { resizeImages } from "./resample.js";

const fixture = new URL("../../tests/fixtures/teachers/expected.safetensors", import.meta.url).pathname;

describe("images resized in a program", () => {
  it.each([
    ["bicubic", 20],
    ["bicubic", 10],
    ["bilinear", 20],
    ["bilinear", 10],
  ] as const)("%s to %d pixels, as PyTorch's antialiased interpolate", async (filter, size) => {
    const { tensors } = await readSafetensors(fixture);
    const from = tensors.get(`views.${filter}.16`)!;
    const wanted = tensors.get(`views.${filter}.${size}`)!;
    const y = resizeImages(input("x", "float32", from.shape), size, filter);
    expect(y.shape).toEqual(wanted.shape);
    const [got] = evaluate([y], new Map([["x", from.data as Float32Array]]));
    let worst = 0;
    (wanted.data as Float32Array).forEach((v, i) => {
      worst = Math.max(worst, Math.abs(v - Number(got[i])));
    });
    // Both are rounded to float32 from weights of the same formula.
    expect(worst).toBeLessThan(1e-5);
  });
});
