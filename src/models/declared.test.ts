import { describe, expect, it } from "vitest";
import { ShapeError, UsageError } from "../errors/errors.js";
import { add, mean, type Tensor } from "../tensor/index.js";
import { observingContext, parameterInputs } from "./context.js";
import { modelOf } from "./declared.js";
import { deit } from "./deit.js";
import { imagesShape } from "./image-batch.js";
import { type Layers, layersOf } from "./layers.js";
import { imagenetNormalization, type Model } from "./model.js";
import { headNames, headParameters } from "./parts.js";
import { createModel, modelNames } from "./registry.js";

const made = (forward: (nn: Layers, images: Tensor) => Tensor): Model =>
  modelOf({
    ...{ name: "own", config: {}, imageSize: 4, channels: 3, classes: 2, distilled: false, cropRatio: 1 },
    normalization: imagenetNormalization,
    forward: (context, images) => ({ logits: forward(layersOf(context), images) }),
  });
const names = ({ parameters }: Model) => parameters.map(({ name }) => name);

describe("parameters declared where they are used", () => {
  it("are listed in the order of their first use", () => {
    const model = made((nn, x) => nn.head("head", nn.layerNorm("norm", nn.linear("first", mean(x, [1, 2]), 3)), 2));
    expect(names(model)).toEqual([
      "first.weight",
      "first.bias",
      "norm.weight",
      "norm.bias",
      "head.weight",
      "head.bias",
    ]);
    expect(model.parameters.map(({ shape }) => shape)).toEqual([[3, 3], [3], [3], [3], [2, 3], [2]]);
    expect(model.parameters.filter((p) => p.decay).map((p) => p.name)).toEqual(["first.weight", "head.weight"]);
    expect([...headParameters(model)]).toEqual(["head.weight", "head.bias"]);
  });
  it("are found when they are asked for, and once, in copies too", () => {
    let passes = 0;
    const model = made((nn, x) => {
      passes++;
      return nn.head("head", mean(x, [1, 2]), 2);
    });
    expect(passes).toBe(0);
    const copy = { ...model, name: "copy" };
    expect(copy.parameters).toBe(model.parameters);
    expect(passes).toBe(1);
  });
  it("may be used twice, as one", () => {
    const model = made((nn, x) => {
      const y = mean(x, [1, 2]);
      return nn.head("head", add(nn.linear("a", y, 3), nn.linear("a", y, 3)), 2);
    });
    expect(names(model)).toEqual(["a.weight", "a.bias", "head.weight", "head.bias"]);
  });
  it("are refused if two uses differ", () => {
    const shapes = made((nn, x) => nn.linear("a", nn.linear("a", mean(x, [1, 2]), 4), 2));
    expect(() => shapes.parameters).toThrow(ShapeError);
    expect(() => shapes.parameters).toThrow('"a.weight" with the shape [4, 3] and again with [2, 4]');
    const values = made((nn, x) => {
      const y = mean(x, [1, 2]);
      return add(nn.linear("a", y, 2), nn.head("a", y, 2));
    });
    expect(() => values.parameters).toThrow(UsageError);
    expect(() => values.parameters).toThrow(
      /declares the parameter "a.weight" as \{.*\} and again as \{.*"part":"head"/,
    );
  });
  it("are refused if nothing states what they are", () => {
    const model = made((nn, x) => add(mean(x, [1, 2]), nn.parameter("shift")));
    expect(() => model.parameters).toThrow('uses the parameter "shift" without saying what it is');
  });
  it("are what every registered model uses while it is observed", () => {
    for (const name of modelNames()) {
      const model = createModel(name);
      const used = new Set<string>();
      const context = observingContext(parameterInputs(model), () => true);
      const noting = {
        ...context,
        parameter: (parameter: string) => {
          used.add(parameter);
          return context.parameter(parameter);
        },
      };
      model.forward(noting, parameterInputs({ ...model, parameters: [image(model)] }).get("images")!);
      expect([...used], name).toEqual(names(model));
      expect(headNames(model).length, name).toBe(model.distilled ? 2 : 1);
    }
  });
  it("name attention, positions and heads", () => {
    const parts = new Map(deit("tiny", { depth: 1, distilled: true }).parameters.map(({ name, part }) => [name, part]));
    expect([...parts].filter(([, part]) => part !== undefined)).toEqual([
      ["pos_embed", "positions"],
      ...["qkv.weight", "qkv.bias", "proj.weight", "proj.bias"].map((name) => [`blocks.0.attn.${name}`, "attention"]),
      ...["head.weight", "head.bias", "head_dist.weight", "head_dist.bias"].map((name) => [name, "head"]),
    ]);
  });
});

const image = (model: Model) => ({
  ...{ name: "images", shape: imagesShape(model, 2), decay: false },
  ...({ kind: "parameter", init: { kind: "zeros" } } as const),
});
