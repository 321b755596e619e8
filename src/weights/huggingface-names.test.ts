import { describe, expect, it } from "vitest";
import { WeightsError } from "../errors/errors.js";
import { float32, type HostTensor, type NamedTensors } from "../tensor/index.js";
import { fromHuggingface, isHuggingface, toHuggingface } from "./huggingface-names.js";

const part = (value: number, width = 2): HostTensor => float32([width, 2], new Float32Array(width * 2).fill(value));
const attention = (name: string) => `deit.encoder.layer.3.attention.attention.${name}.weight`;
const qkv = (query: HostTensor, key: HostTensor, value: HostTensor): NamedTensors =>
  new Map([
    [attention("query"), query],
    [attention("key"), key],
    [attention("value"), value],
  ]);

describe("transformers' names", () => {
  it("stack query, key and value in timm's order", () => {
    const stacked = fromHuggingface(qkv(part(1), part(2), part(3))).get("blocks.3.attn.qkv.weight")!;
    expect(stacked.shape).toEqual([6, 2]);
    expect([...stacked.data]).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
  });

  it("are refused if query, key and value do not fit together", () => {
    expect(() => fromHuggingface(qkv(part(1), part(2, 3), part(3)))).toThrow(WeightsError);
    expect(() => fromHuggingface(qkv(part(1), part(2, 3), part(3)))).toThrow("of block 3 have the shapes");
    const scalar = float32([], [1]);
    expect(() => fromHuggingface(qkv(scalar, scalar, scalar))).toThrow(WeightsError);
    expect(() => toHuggingface(new Map([["blocks.0.attn.qkv.weight", part(1)]]))).toThrow("cannot be split in three");
  });

  it("are distinguished from timm's", () => {
    expect(isHuggingface(["vit.embeddings.cls_token"])).toBe(true);
    expect(isHuggingface(["cls_token", "blocks.0.norm1.weight"])).toBe(false);
  });

  it.each([
    [
      "transformers 4",
      ["query", "key", "value"].map((third) => `vit.encoder.layer.1.attention.attention.${third}.bias`),
    ],
    ["transformers 5", ["q", "k", "v"].map((third) => `vit.layers.1.attention.${third}_proj.bias`)],
    ["a model without a classifier", ["q", "k", "v"].map((third) => `layers.1.attention.${third}_proj.bias`)],
  ])("are those of %s", (_, names) => {
    const tensors = new Map(names.map((name, i) => [name, float32([1], [i])]));
    expect([...fromHuggingface(tensors)].map(([name, { data }]) => [name, ...data])).toEqual([
      ["blocks.1.attn.qkv.bias", 0, 1, 2],
    ]);
    tensors.delete(names[1]);
    expect(fromHuggingface(tensors).size).toBe(2); // leftovers are refused elsewhere
  });

  it("drop what no classifier reads, and keep the unknown", () => {
    const names = [
      "vit.pooler.dense.weight",
      "vit.embeddings.mask_token",
      "vit.constructor",
      "vit.encoder.layer.0.constructor.bias",
    ];
    expect([...fromHuggingface(new Map(names.map((n) => [n, part(0)]))).keys()]).toEqual([
      "constructor",
      "encoder.layer.0.constructor.bias",
    ]);
  });
});
