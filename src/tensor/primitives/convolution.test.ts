import { describe, expect, it } from "vitest";
import { conv2d, evaluate, gradient, input, type Node, reduceSum, type Tensor, topologicalOrder } from "../index.js";
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
    const on = (platform: string) =>
      evaluate(node.primitive.expand!(node, { engine: "stablehlo", platform }), values)[0];
    const [patches, convolution] = [on("cpu"), on("cuda")];
    expect(find(node.primitive.expand!(node, { engine: "stablehlo", platform: "cpu" }), "dot")).toBeDefined();
    // Both are sums in double precision, in a different order.
    convolution.forEach((v, i) => {
      expect(patches[i]).toBeCloseTo(v, 9);
    });
  });
});

const wave = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + 0.3));
