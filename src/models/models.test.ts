import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  evaluate,
  float32,
  type HostTensor,
  hostTensor,
  input,
  type NamedTensors,
  sizeOf,
  zeros,
} from "../tensor/index.js";
import { adaptWeights } from "./adapt.js";
import { decisionLogits, inferenceContext, parameterInputs } from "./context.js";
import { deit } from "./deit.js";
import { initialize } from "./initialize.js";
import { resizePositionEmbedding } from "./position-embedding.js";
import { createModel, modelNames } from "./registry.js";

const timm = JSON.parse(
  gunzipSync(readFileSync(new URL("../../tests/fixtures/models/timm_parameters.json.gz", import.meta.url))).toString(),
) as {
  shapes: Record<string, Record<string, number[]>>;
  std_of_deit_tiny_distilled: Record<string, number>;
};

describe("models", () => {
  it.each(Object.keys(timm.shapes))("%s has timm's parameters and shapes", (name) => {
    const ours = Object.fromEntries(createModel(name).parameters.map((p) => [p.name, [...p.shape]]));
    expect(ours).toEqual(timm.shapes[name]);
  });

  it.each(Object.keys(timm.shapes))("%s takes a released checkpoint completely", (name) => {
    // As saved by facebookresearch/deit and timm, including counters of batch norm. All tensors share memory.
    const shapes = Object.entries(timm.shapes[name]);
    const memory = new Float32Array(Math.max(...shapes.map(([, s]) => sizeOf(s))));
    const saved = new Map<string, HostTensor>(
      shapes.map(([key, shape]) => [key, float32(shape, memory.subarray(0, sizeOf(shape)))]),
    );
    for (const key of [...saved.keys()].filter((k) => k.endsWith(".running_var")))
      saved.set(key.replace("running_var", "num_batches_tracked"), hostTensor("int64", [], BigInt64Array.of(7n)));
    const fitted = adaptWeights(createModel(name), saved, { source: `${name}.pth` });
    expect([...fitted.keys()].sort()).toEqual(Object.keys(timm.shapes[name]).sort());
    for (const [key, { data }] of fitted) expect(data, key).toBe(saved.get(key)!.data);
  });

  it("begins with timm's spread of every parameter", () => {
    const model = createModel("deit_tiny_distilled_patch16_224");
    for (const [name, { data }] of initialize(model, 0)) {
      const values = data as Float32Array;
      if (values.length < 100) continue;
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
      // The error of a standard deviation of n numbers is 1/√(2n); both sides have one, and 192 values are the fewest.
      expect(Math.abs(std - timm.std_of_deit_tiny_distilled[name])).toBeLessThan(
        0.25 * timm.std_of_deit_tiny_distilled[name] + 1e-4,
      );
    }
  });

  it("builds a custom RegNetY, with an unstrided stem for small images", () => {
    const model = createModel("regnety", { depth: 3, initialWidth: 16, groupWidth: 8, slope: 12, classes: 5 });
    expect(model.imageSize).toBe(32);
    const stages = new Set(model.parameters.map((p) => /^s\d/.exec(p.name)?.[0]).filter(Boolean));
    expect(stages.size).toBe(2);
    expect(createModel(model.name, model.config).parameters).toEqual(model.parameters);
  });

  it("initialises each parameter by seed and name alone", () => {
    const small = initialize(deit("a", { width: 64, depth: 1, heads: 1, imageSize: 32 }), 5);
    const deep = initialize(deit("b", { width: 64, depth: 3, heads: 1, imageSize: 32 }), 5);
    expect(small.get("blocks.0.mlp.fc1.weight")).toEqual(deep.get("blocks.0.mlp.fc1.weight"));
    expect(initialize(deit("a", { width: 64, depth: 1, heads: 1, imageSize: 32 }), 6).get("pos_embed")).not.toEqual(
      small.get("pos_embed"),
    );
  });

  it.each([
    [{ imageSize: 30 }, 'cannot be cut into patches of 16, as "custom" sees it; use 32.'],
    [{ width: 100, heads: 3 }, "cannot be shared by 3 heads"],
    [{ width: 16, mlpRatio: 0.05 }, 'leaves nothing of the width of "custom", 16; use 0.063 or more'],
    [{ depth: 0 }, 'The depth of "custom" is 0; it must be a whole number above 0'],
  ])("refuses %j with a sentence", (options, message) => {
    expect(() => deit("custom", options)).toThrow(message);
  });

  it("averages its heads, or reads one (paper, section 5.2)", () => {
    const model = deit("micro", {
      imageSize: 8,
      patchSize: 4,
      width: 8,
      heads: 2,
      depth: 1,
      classes: 3,
      distilled: true,
    });
    const weights = initialize(model, 1);
    const pixels = Float64Array.from({ length: 192 }, (_, i) => Math.sin(i));
    const values = new Map([...weights].map(([n, t]) => [n, t.data as Float32Array as ArrayLike<number>]));
    values.set("x", pixels);
    const logits = model.forward(inferenceContext(parameterInputs(model)), input("x", "float32", [1, 8, 8, 3]));
    const [both, first, second] = evaluate(
      [decisionLogits(logits), decisionLogits(logits, "class"), decisionLogits(logits, "distillation")],
      values,
    );
    both.forEach((v, i) => {
      expect(v).toBeCloseTo((first[i] + second[i]) / 2, 12);
    });
  });
});

describe("createModel", () => {
  it("lists every model and makes each", () => {
    for (const name of modelNames()) expect(createModel(name).parameters.length).toBeGreaterThan(0);
  });
  it("names the nearest for a typo", () => {
    expect(() => createModel("deit_tiny_patch16_242")).toThrow('did you mean "deit_tiny_patch16_224"?');
  });
});

describe("adaptWeights", () => {
  const model = (o: object) =>
    deit("micro", { imageSize: 32, patchSize: 8, width: 8, heads: 2, depth: 1, classes: 3, ...o });
  const weights = (o: object): NamedTensors => initialize(model(o), 0);
  const source = "w.safetensors";

  it("resizes positions to the model's resolution", () => {
    const fitted = adaptWeights(model({ imageSize: 64 }), weights({}), { source });
    expect(fitted.get("pos_embed")!.shape).toEqual([1, 65, 8]);
  });
  it("starts a new head when asked, and refuses otherwise", () => {
    expect(() => adaptWeights(model({ classes: 5 }), weights({}), { source })).toThrow(
      '"w.safetensors" have 3 classes, but the model has 5',
    );
    const fitted = adaptWeights(model({ classes: 5 }), weights({}), { source, newHead: { seed: 1 } });
    expect(fitted.get("head.weight")!.shape).toEqual([5, 8]);
    expect(fitted.get("norm.weight")).toEqual(weights({}).get("norm.weight"));
  });
  it("makes a plain model a distilled one for fine-tuning", () => {
    const fitted = adaptWeights(model({ distilled: true }), weights({}), { source, newHead: { seed: 1 } });
    expect(fitted.get("pos_embed")!.shape).toEqual([1, 18, 8]);
  });
  it.each([
    ["another width", weights({ width: 16 }), "have a width of 16, but micro has 8"],
    ["a distilled model", weights({ distilled: true }), "are of a distilled model"],
    [
      "something else",
      new Map([["conv.weight", zeros("float32", [1])]]),
      "are not those of micro: only 0 of its 20 parameters",
    ],
    ["a parameter less", new Map([...weights({})].filter(([n]) => n !== "norm.bias")), 'lack "norm.bias"'],
    [
      "integers",
      new Map(
        [...weights({})].map(([n, t]) => [n, n === "norm.bias" ? hostTensor("int32", [8], new Int32Array(8)) : t]),
      ),
      "is int32 [8]",
    ],
  ])("refuses %s", (_, tensors, message) => {
    expect(() => adaptWeights(model({}), tensors as NamedTensors, { source })).toThrow(message);
  });
});

describe("resizePositionEmbedding", () => {
  it("keeps a constant grid constant, and the prefix as it is", () => {
    const given = float32(
      [1, 2 + 49, 1],
      Float32Array.from({ length: 51 }, (_, i) => (i < 2 ? i + 10 : 3)),
    );
    for (const mode of ["timm", "released"] as const) {
      const out = resizePositionEmbedding(given, [3, 12], 2, mode);
      expect(sizeOf(out.shape)).toBe(38);
      const [a, b, ...grid] = out.data as Float32Array;
      expect([a, b]).toEqual([10, 11]);
      for (const v of grid) expect(v).toBeCloseTo(3, 5);
    }
  });
  it("refuses a grid that is not square", () => {
    expect(() => resizePositionEmbedding(zeros("float32", [1, 12, 4]), [2, 2], 1)).toThrow(
      "does not come from a square image",
    );
  });
});
