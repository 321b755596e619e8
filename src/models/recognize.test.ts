import { describe, expect, it } from "vitest";
import { WeightsError } from "../errors/errors.js";
import { type NamedTensors, zeros } from "../tensor/index.js";
import { adaptWeights } from "./adapt.js";
import { deit } from "./deit.js";
import { recognizeDeit } from "./deit-sizes.js";
import type { Model } from "./model.js";
import { describeDeit, nameOf } from "./recognize.js";
import { createModel, modelNames } from "./registry.js";

const shapesOf = (model: Model) => new Map(model.parameters.map((p) => [p.name, p.shape]));
const micro = (o: object) =>
  deit("micro", { imageSize: 8, patchSize: 4, width: 8, heads: 2, depth: 2, classes: 3, ...o });
const weights = (o: object): NamedTensors =>
  new Map(micro(o).parameters.map((p) => [p.name, zeros("float32", p.shape)]));

describe("recognizeDeit", () => {
  it.each(modelNames().filter((n) => n.startsWith("deit_")))("knows %s by its shapes", (name) => {
    const sizes = recognizeDeit(shapesOf(createModel(name, { classes: 7 })))!;
    expect(nameOf(sizes)).toBe(name);
    expect(describeDeit(sizes)).toBe(`${name} with 7 classes`);
  });

  it("reads the sizes of any other", () => {
    expect(recognizeDeit(shapesOf(micro({ distilled: true })))).toEqual({
      width: 8,
      depth: 2,
      hidden: 32,
      patchSize: 4,
      distilled: true,
      imageSize: 8,
      classes: 3,
    });
  });

  it("recognises what is not one", () => {
    expect(recognizeDeit(new Map([["stem.conv.weight", [32, 3, 3, 3]]]))).toBeUndefined();
  });
});

describe("weights that do not fit are refused in one sentence", () => {
  const source = "w.pth";
  const refusal = (model: Model, tensors: NamedTensors): string => {
    try {
      adaptWeights(model, tensors, { source });
    } catch (error) {
      expect(error).toBeInstanceOf(WeightsError);
      return (error as Error).message;
    }
    throw new Error("the weights were taken");
  };

  it.each([
    ["more blocks", micro({}), weights({ depth: 3 }), '"w.pth" have 3 blocks, but micro has 2'],
    ["fewer blocks", micro({}), weights({ depth: 1 }), '"w.pth" have 1 block, but micro has 2'],
    [
      "another width and depth",
      micro({}),
      weights({ width: 16, depth: 4 }),
      "have a width of 16 and 4 blocks, but micro has 8 and 2",
    ],
    ["other patches", micro({}), weights({ patchSize: 2 }), "have patches of 2 pixels, but micro has 4"],
    ["another MLP", micro({}), weights({ mlpRatio: 2 }), "have an MLP of 16, but micro has 32"],
    ["a head too few", micro({ distilled: true }), weights({}), "are of a plain model"],
    ["a head too many", micro({}), weights({ distilled: true }), "are of a distilled model"],
    [
      "layer scale",
      micro({}),
      new Map([
        ...weights({}),
        ["blocks.0.ls1.gamma", zeros("float32", [8])],
        ["blocks.1.ls1.gamma", zeros("float32", [8])],
      ]),
      'hold "blocks.0.ls1.gamma" and 1 more that micro has not',
    ],
    ["another class count", micro({ classes: 9 }), weights({}), "have 3 classes, but the model has 9"],
  ])("%s", (_, model, tensors, message) => {
    expect(refusal(model, tensors)).toContain(message);
    expect(refusal(model, tensors)).toMatch(/^[^\n]{1,500}; [^\n]*\.$/);
  });

  it("names the model that would fit", () => {
    const tensors = new Map(
      createModel("deit_small_patch16_224").parameters.map((p) => [p.name, zeros("float32", p.shape)]),
    );
    expect(refusal(createModel("deit_tiny_patch16_224"), tensors)).toBe(
      'The weights in "w.pth" have a width of 384, but deit_tiny_patch16_224 has 192 (they look like those of deit_small_patch16_224 with 1000 classes); give `model: "deit_small_patch16_224"`, or other weights.',
    );
  });
});
