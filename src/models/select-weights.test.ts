import { describe, expect, it } from "vitest";
import { type HostTensor, type NamedTensors, sizeOf } from "../tensor/index.js";
import { adaptWeights } from "./adapt.js";
import { deit } from "./deit.js";
import { initialize } from "./initialize.js";
import { resizePatchEmbedding } from "./patch-embedding.js";
import { createModel } from "./registry.js";
import { selectWeights } from "./select-weights.js";

const sizes = { imageSize: 32, patchSize: 8, mlpRatio: 2, classes: 5 };
const large = deit("large", { ...sizes, width: 24, depth: 3, heads: 2 });

/** The model's tensors, each element its own position, so that the place it is taken from can be read. */
const numbered = (model: typeof large): NamedTensors =>
  new Map(
    model.parameters.map(({ name, shape }): [string, HostTensor] => [
      name,
      { dtype: "float32", shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => i) },
    ]),
  );

const tensors = numbered(large);
const values = (weights: NamedTensors, name: string) => [...weights.get(name)!.data] as number[];
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("weights selected from a larger model", () => {
  it("are every second element where sizes halve, of the first blocks", () => {
    const small = deit("small", { ...sizes, width: 12, depth: 2, heads: 1 });
    const selected = selectWeights(small, tensors, "large");
    expect(values(selected, "norm.weight")).toEqual(range(12).map((i) => 2 * i));
    expect(values(selected, "blocks.1.mlp.fc1.weight")).toEqual(
      range(24).flatMap((row) => range(12).map((column) => 2 * row * 24 + 2 * column)),
    );
    expect(values(selected, "blocks.1.attn.qkv.bias")).toEqual(range(36).map((i) => 2 * i));
    expect(values(selected, "patch_embed.proj.weight")).toEqual(
      range(12).flatMap((channel) => range(3 * 8 * 8).map((i) => 2 * channel * 192 + i)),
    );
    expect(values(selected, "pos_embed")).toEqual(
      range(17).flatMap((token) => range(12).map((channel) => token * 24 + 2 * channel)),
    );
    expect([...selected.keys()].filter((name) => name.startsWith("head") || name.includes("blocks.2"))).toEqual([]);
  });

  it("are the same channels of queries, keys and values, evenly spaced where sizes are no multiples", () => {
    const small = deit("small", { ...sizes, width: 18, depth: 3, heads: 3 });
    const selected = selectWeights(small, tensors, "large");
    const channels = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20, 21, 22]; // floor(i · 24 / 18)
    expect(values(selected, "norm.bias")).toEqual(channels);
    expect(values(selected, "blocks.2.attn.qkv.bias")).toEqual(
      [0, 24, 48].flatMap((from) => channels.map((channel) => from + channel)),
    );
  });

  it("make a model of another resolution with new heads and a distillation token", () => {
    const small = deit("small", {
      ...sizes,
      imageSize: 48,
      width: 12,
      depth: 1,
      heads: 2,
      classes: 3,
      distilled: true,
    });
    const options = { source: "large", newHead: { seed: 4 } };
    const weights = adaptWeights(small, selectWeights(small, tensors, "large"), options);
    expect([...weights].map(([name, { shape }]) => [name, shape])).toEqual(
      small.parameters.map(({ name, shape }) => [name, shape]),
    );
    const first = initialize(small, 4);
    for (const name of ["head.weight", "head_dist.weight", "dist_token"])
      expect(weights.get(name)).toEqual(first.get(name));
    expect(values(weights, "norm.weight")).toEqual(range(12).map((i) => 2 * i));
  });

  it("are all of them if the sizes are the same", () => {
    const same = selectWeights(large, tensors, "large");
    for (const [name, tensor] of same) expect(tensor).toEqual(tensors.get(name));
    expect(same.size).toBe(tensors.size - 2);
  });

  it("resize patches of another size", () => {
    const small = deit("small", { ...sizes, patchSize: 4, width: 12, depth: 1, heads: 1 });
    const name = "patch_embed.proj.weight";
    const wanted = resizePatchEmbedding(tensors.get(name)!, 4);
    expect(values(selectWeights(small, tensors, "large"), name)).toEqual(
      range(12).flatMap((channel) => [...wanted.data.slice(2 * channel * 48, (2 * channel + 1) * 48)]),
    );
  });

  it("come from a larger vision transformer", () => {
    const select = (overrides: object) => () =>
      selectWeights(deit("student", { ...sizes, ...overrides }), tensors, "w");
    expect(select({ width: 48, depth: 2, heads: 2 })).toThrow(/whose width of 24 is less than the 48 of student/);
    expect(select({ width: 24, depth: 5, heads: 2 })).toThrow(/whose number of blocks of 3 is less than the 5/);
    expect(select({ width: 12, depth: 3, heads: 2, mlpRatio: 8 })).toThrow(
      /whose MLP's width of 48 is less than the 96/,
    );
    expect(select({ width: 24, depth: 3, heads: 2, layerScale: 1e-6 })).toThrow(
      /without LayerScale, but student is one with/,
    );
    expect(() => selectWeights(large, new Map([["fc.weight", tensors.get("head.weight")!]]), "w")).toThrow(
      /not those of a DeiT or ViT/,
    );
    const convnet = createModel("regnety", { classes: 5 });
    expect(() => selectWeights(convnet, tensors, "w")).toThrow(/which regnety is not/);
  });
});
