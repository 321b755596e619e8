import { describe, expect, it } from "vitest";
import {
  conv2d,
  type EngineKind,
  evaluate,
  gradient,
  input,
  type Node,
  reduceSum,
  type Tensor,
  topologicalOrder,
} from "../index.js";
import { mul } from "./arithmetic.js";

const find = (roots: readonly Tensor[], name: string): Node =>
  topologicalOrder(roots).find((n) => n.primitive.name === name)!;

describe("the gradient of a kernel", () => {
  it.each([
    { stride: 1, padding: 1, groups: 1, kernel: 3 },
    { stride: 2, padding: 1, groups: 2, kernel: 3 },
    { stride: 3, padding: 2, groups: 4, kernel: 5 },
    { stride: 2, padding: 0, groups: 1, kernel: 1 },
  ])("is the same by patches and by a convolution: %o", ({ stride, padding, groups, kernel }) => {
    const x = input("x", "float32", [2, 4, 9, 8]);
    const w = input("w", "float32", [8, 4 / groups, kernel, kernel]);
    const y = conv2d(x, w, { stride, padding, groups });
    const values = new Map([x, w].map((t, i) => [["x", "w"][i], wave(t.shape.reduce((a, b) => a * b))]));
    const node = find(gradient(reduceSum(mul(y, y)), [w]), "convolutionWeightGradient");
    const on = (engine: EngineKind, platform: string) =>
      evaluate(node.primitive.expand!(node, { engine, platform }), values)[0];
    const [slices, gathered, convolution] = [on("stablehlo", "cpu"), on("onnx", "cpu"), on("stablehlo", "cuda")];
    expect(find(node.primitive.expand!(node, { engine: "stablehlo", platform: "cpu" }), "dot")).toBeDefined();
    // Both are sums in double precision, in a different order.
    convolution.forEach((v, i) => {
      expect(slices[i]).toBeCloseTo(v, 9);
      expect(gathered[i]).toBeCloseTo(v, 9);
    });
  });
});

it.each([
  { channels: 16, out: 12, groups: 1, kernel: 1 },
  { channels: 32, out: 32, groups: 2, kernel: 3 },
])(
  "the gradient of a kernel with more numbers than the images is one product: %o",
  ({ channels, out, groups, kernel }) => {
    const x = input("x", "float32", [3, channels, 2, 2]);
    const w = input("w", "float32", [out, channels / groups, kernel, kernel]);
    const y = conv2d(x, w, { padding: (kernel - 1) / 2, groups });
    const values = new Map([x, w].map((t, i) => [["x", "w"][i], wave(t.shape.reduce((a, b) => a * b))]));
    const node = find(gradient(reduceSum(mul(y, y)), [w]), "convolutionWeightGradient");
    const together = node.primitive.expand!(node, { engine: "onnx", platform: "cpu" });
    expect(find(together, "dot").outputs[0].shape).toEqual([groups, out / groups, (channels / groups) * kernel ** 2]);
    const [ours] = evaluate(together, values);
    const [convolution] = evaluate(node.primitive.expand!(node, { engine: "stablehlo", platform: "cuda" }), values);
    // Both are sums in double precision, in a different order.
    convolution.forEach((v, i) => {
      expect(ours[i]).toBeCloseTo(v, 9);
    });
  },
);

describe("the gradient of the input", () => {
  it.each([
    { stride: 1, padding: 1, groups: 2, kernel: 3, onnx: "convolution" },
    { stride: 1, padding: 0, groups: 1, kernel: 1, onnx: "convolution" },
    // More padding than the kernel reaches: the turned kernel would need less than none.
    { stride: 1, padding: 1, groups: 1, kernel: 1, onnx: "transposedConvolution" },
    { stride: 2, padding: 1, groups: 4, kernel: 3, onnx: "transposedConvolution" },
  ])("is the same on each engine: %o", ({ stride, padding, groups, kernel, onnx }) => {
    const x = input("x", "float32", [2, 4, 9, 8]);
    const w = input("w", "float32", [8, 4 / groups, kernel, kernel]);
    const y = conv2d(x, w, { stride, padding, groups });
    const values = new Map([x, w].map((t, i) => [["x", "w"][i], wave(t.shape.reduce((a, b) => a * b))]));
    const node = find(gradient(reduceSum(mul(y, y)), [x]), "convolutionInputGradient");
    const expanded = (engine: EngineKind) => node.primitive.expand!(node, { engine, platform: "cpu" });
    expect(expanded("onnx")[0].node.primitive.name).toBe(onnx);
    const [ours, other] = [evaluate(expanded("onnx"), values)[0], evaluate(expanded("stablehlo"), values)[0]];
    // Both are sums in double precision, in a different order.
    ours.forEach((v, i) => {
      expect(v).toBeCloseTo(other[i], 9);
    });
  });
});

const wave = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + 0.3));
