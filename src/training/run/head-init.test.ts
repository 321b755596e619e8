import { expect, it } from "vitest";
import { initialize } from "../../models/initialize.js";
import { createModel } from "../../models/registry.js";
import { parseRecipe } from "../recipe/recipe.js";
import { withHeadInit } from "./head-init.js";

const model = createModel("deit", {
  ...{ imageSize: 32, patchSize: 16, width: 12, depth: 1, heads: 2, classes: 3, distilled: true },
});
const first = new Map(initialize(model, 1)).set("head.bias", {
  ...{ dtype: "float32", shape: [3], data: new Float32Array([1, 2, 3]) },
});
const values = (tensors: ReturnType<typeof withHeadInit>, name: string) => [
  ...(tensors.get(name)!.data as Float32Array),
];

// timm's train.py multiplies weight and bias of the classifier, and then fills its bias.
it("scales the weights and biases of all heads, and nothing else", () => {
  const scaled = withHeadInit(model, first, parseRecipe({ headInitScale: 0.5 }));
  for (const head of ["head", "head_dist"])
    expect(values(scaled, `${head}.weight`)).toEqual(values(first, `${head}.weight`).map((v) => v / 2));
  expect(values(scaled, "head.bias")).toEqual([0.5, 1, 1.5]);
  expect(scaled.get("blocks.0.attn.qkv.weight")).toBe(first.get("blocks.0.attn.qkv.weight"));
});

it("fills their biases, whatever the scale", () => {
  const filled = withHeadInit(model, first, parseRecipe({ headInitScale: 0.5, headInitBias: -4 }));
  expect(values(filled, "head.bias")).toEqual([-4, -4, -4]);
  expect(values(filled, "head_dist.bias")).toEqual([-4, -4, -4]);
});

it("changes nothing by default, and refuses to change heads that are fitted", () => {
  expect(withHeadInit(model, first, parseRecipe({}))).toBe(first);
  expect(() => parseRecipe({ headStart: "fitted", headInitScale: 0.1 })).toThrow(/headInitScale/);
  expect(() => parseRecipe({ headStart: "fitted", headInitBias: 1 })).toThrow(/headInitBias/);
});
