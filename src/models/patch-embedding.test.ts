import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type HostTensor, input } from "../tensor/index.js";
import { evaluate } from "../tensor/reference.js";
import { resizePatchEmbedding } from "./patch-embedding.js";
import { resizeImages } from "./resample.js";

const file = new URL("../../tests/fixtures/models/patch_embedding.json.gz", import.meta.url);
const fixture = JSON.parse(gunzipSync(readFileSync(file)).toString()) as {
  readonly weight: number[];
  readonly shape: number[];
  readonly resized: Record<string, number[]>;
};
const weight = { dtype: "float32", shape: fixture.shape, data: Float32Array.from(fixture.weight) } as const;

describe("a patch embedding", () => {
  it.each([4, 5, 8, 16])("for patches of %d pixels is timm's", (size) => {
    const resized = resizePatchEmbedding(weight, size);
    expect(resized.shape).toEqual([2, 3, size, size]);
    // timm computes in float32 and inverts by a singular value decomposition; the inverse is well conditioned.
    fixture.resized[size].forEach((value, i) => {
      expect(Math.abs(Number(resized.data[i]) - value)).toBeLessThan(2e-5);
    });
  });

  it("embeds an enlarged patch as it did the patch", () => {
    const patch = Float32Array.from({ length: 8 * 8 * 3 }, (_, i) => Math.sin(i));
    const [enlarged] = evaluate([resizeImages(input("x", "float32", [1, 8, 8, 3]), 16)], new Map([["x", patch]]));
    const embedded = ({ data, shape: [, channels, size] }: HostTensor, image: ArrayLike<number | bigint>) => {
      let sum = 0;
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < size * size; i++)
          sum += Number(data[c * size * size + i]) * Number(image[i * channels + c]);
      return sum;
    };
    // Sums of 192 and 768 products in float32.
    expect(embedded(resizePatchEmbedding(weight, 16), enlarged)).toBeCloseTo(embedded(weight, patch), 4);
  });
});
