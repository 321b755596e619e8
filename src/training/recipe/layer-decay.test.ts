import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createModel } from "../../models/registry.js";
import { parseRecipe, rateFactorOf } from "./recipe.js";

/** Rate factor, and whether weights decay, by model and parameter: timm with a layer decay of 0.75. */
const timm = JSON.parse(
  gunzipSync(readFileSync(new URL("../../../tests/fixtures/models/layer_decay.json.gz", import.meta.url))).toString(),
) as { readonly models: Readonly<Record<string, Readonly<Record<string, readonly [number, boolean]>>>> };

describe("layerDecay", () => {
  it.each(Object.entries(timm.models))("gives every parameter of %s timm's factor and decay", (name, expected) => {
    const model = createModel(name, { classes: 10 });
    const factor = rateFactorOf(parseRecipe({ layerDecay: 0.75 }), model);
    const trained = model.parameters.filter(({ kind }) => kind === "parameter");
    expect(trained.map((spec) => spec.name).sort()).toEqual(Object.keys(expected).sort());
    for (const { name: parameter, decay } of trained) {
      expect(factor(parameter), parameter).toBeCloseTo(expected[parameter][0], 14);
      expect(decay, parameter).toBe(expected[parameter][1]);
    }
  });
  it("multiplies with the factor of the heads", () => {
    const model = createModel("deit", { imageSize: 32, patchSize: 8, width: 48, depth: 2, heads: 3, classes: 10 });
    const factor = rateFactorOf(parseRecipe({ layerDecay: 0.5, headLrFactor: 10 }), model);
    const names = ["head.bias", "norm.weight", "blocks.1.norm1.bias", "blocks.0.norm1.bias", "pos_embed"];
    expect(names.map(factor)).toEqual([10, 0.5, 0.5, 0.25, 0.125]);
  });
  it("leaves all rates alone by default", () => {
    const model = createModel("linear", { imageSize: 8, classes: 2 });
    const factor = rateFactorOf(parseRecipe({}), model);
    expect(model.parameters.map(({ name }) => factor(name))).toEqual(model.parameters.map(() => 1));
  });
  it("refuses what it cannot or would not change", () => {
    const model = createModel("linear", { imageSize: 8, classes: 2 });
    expect(() => rateFactorOf(parseRecipe({ layerDecay: 0.75 }), model)).toThrow(
      'The model "linear" has no blocks named blocks.0, blocks.1 and so on, so its layers are unknown;',
    );
    expect(() => parseRecipe({ layerDecay: 0.75, trainedParts: "head" })).toThrow(
      "trainedParts is head, whose learning rate layerDecay leaves as it is; remove layerDecay, or train more than the head.",
    );
    expect(() => parseRecipe({ layerDecay: 1.1 })).toThrow("it is 1.1, and must be 1 or less.");
  });
});
