import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { ParameterSpec } from "../../models/model.js";
import { compare, constant, evaluate, scalar } from "../../tensor/index.js";
import { type ClipMode, clipping } from "./clipping.js";

/** timm's clipping, in double precision (tests/fixtures/training/generate_optimizers.py). */
const timm = JSON.parse(
  readFileSync(new URL("../../../tests/fixtures/training/optimizers.json", import.meta.url), "utf8"),
) as {
  weights: number[];
  gradients: [number[], number[]][];
  clipped: { mode: ClipMode; limit: number; gradients: [number[], number[]] }[];
};

const spec = (name: string, shape: readonly number[]): ParameterSpec => ({
  ...{ name, shape, init: { kind: "zeros" }, decay: true, kind: "parameter" },
});
const f32 = (values: readonly number[], shape: readonly number[]) => constant("float32", shape, values);
const specs = [spec("weight", [3, 4]), spec("bias", [4])];
const parameters = [f32(timm.weights, [3, 4]), f32([0.01, 0.01, 0.01, 0.01], [4])];
const norm = Math.hypot(...timm.gradients[0].flat());
const proceed = compare("GT", scalar(1), 0);

it.each(timm.clipped)("clips as timm: $mode to $limit", ({ mode, limit, gradients }) => {
  for (const accumulate of [1, 4]) {
    const clip = clipping(mode, limit, { norm: scalar(norm), accumulate, proceed, heads: new Set() });
    specs.forEach((of, which) => {
      const sum = f32(
        timm.gradients[0][which].map((g) => g * accumulate),
        of.shape,
      );
      const [clipped] = evaluate([clip(of, parameters[which], sum)], new Map());
      // The weights and gradients are rounded to float32.
      gradients[which].forEach((g, i) => {
        expect(clipped[i]).toBeCloseTo(g, 6);
      });
    });
  }
});

it("leaves the gradients of heads alone in AGC", () => {
  const clip = clipping("agc", 1e-3, { norm: scalar(norm), accumulate: 1, proceed, heads: new Set(["weight"]) });
  const sum = f32(timm.gradients[0][0], [3, 4]);
  expect(clip(specs[0], parameters[0], sum)).toBe(sum);
});
