import { expect, it } from "vitest";
import { type EngineKind, evaluate, topologicalOrder } from "../index.js";
import { input } from "../primitives/leaf.js";
import { channelProducts } from "./per-channel.js";

it.each([
  [[3, 2, 64, 32], "dot"],
  [[3, 2, 4, 8], "mul"],
])("sums products of %j on ONNX Runtime by %s, as other engines do", (shape, primitive) => {
  const products = channelProducts(input("x", "float32", shape), input("y", "float32", shape));
  const wave = (phase: number) =>
    Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * 1.7 + phase));
  const values = new Map([
    ["x", wave(0)],
    ["y", wave(1)],
  ]);
  const on = (engine: EngineKind) => products.node.primitive.expand!(products.node, { engine, platform: "cpu" });
  expect(topologicalOrder(on("onnx")).map((n) => n.primitive.name)).toContain(primitive);
  const [[ours], [other]] = [evaluate(on("onnx"), values), evaluate(on("stablehlo"), values)];
  // Both are sums in double precision, in a different order.
  ours.forEach((v, i) => {
    expect(v).toBeCloseTo(other[i], 9);
  });
});
