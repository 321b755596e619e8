import { describe, expect, it } from "vitest";
import { gradient } from "../gradient.js";
import { type EngineKind, type Tensor, topologicalOrder } from "../graph.js";
import { reduceSum } from "../primitives/broadcast.js";
import { input } from "../primitives/leaf.js";
import { program } from "../program.js";
import { evaluate } from "../reference.js";
import { simplify } from "../simplify.js";
import { gelu } from "./activation.js";
import { linear } from "./linear.js";
import { layerNorm } from "./normalization.js";

const x = input("x", "float32", [4, 6]);
const vector = (name: string) => input(name, "float32", [6]);
const cases: Readonly<Record<string, Tensor>> = {
  gelu: gelu(x),
  layerNorm: layerNorm(x, vector("scale"), vector("shift")),
};
const numbers = (count: number, seed: number) =>
  Float64Array.from({ length: count }, (_, i) => 3 * Math.sin(seed + 1.7 * i));
const inputs = new Map([
  ["x", numbers(24, 1)],
  ["scale", numbers(6, 2)],
  ["shift", numbers(6, 3)],
  ["cotangent", numbers(20, 4)],
]);

describe.each(Object.entries(cases))("%s for the backward pass", (_, y) => {
  it("has the same value computed again", () => {
    const cotangent = input("cotangent", "float32", [4, 5]);
    const [once, again] = evaluate([y, y.node.primitive.again!(y.node, cotangent)], inputs);
    // In double precision, with a few roundings more or less.
    again.forEach((value, i) => {
      expect(value).toBeCloseTo(once[i], 12);
    });
  });

  it.each<EngineKind>(["onnx", "stablehlo"])("is not kept on %s", (engine) => {
    const weight = input("weight", "float32", [5, 6]);
    const out = linear(y, weight, input("bias", "float32", [5]));
    const built = program({ name: "test", outputs: { g: gradient(reduceSum(out), [weight])[0], out } });
    const [g, result] = simplify(built, { engine, platform: "cpu" }).outputs.map(({ tensor }) => tensor);
    const forward = new Set(topologicalOrder([result]));
    // The gradient of the weight is a product of two values, neither of the forward pass.
    expect(g.node.inputs.some((t) => forward.has(t.node))).toBe(false);
  });
});
