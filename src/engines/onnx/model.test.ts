import { expect, it } from "vitest";
import { input, mul, program, simplify } from "../../tensor/index.js";
import { onnxGraph } from "./model.js";

// ONNX Runtime takes its loop's length from the last axis when an operand has no axes, so one element at a time here.
it.each([
  [
    [4, 3, 1, 1],
    [1, 1, 1, 1],
  ],
  [[4, 3], undefined],
])("a scalar beside %j is read as %j", (shape, expected) => {
  const product = mul(mul(input("x", "float32", shape), input("s", "float32", [])), input("s", "float32", []));
  const lowered = simplify(program({ name: "scaled", outputs: { product } }), { engine: "onnx", platform: "cpu" });
  const { nodes, initializers } = onnxGraph(lowered);
  const reshapes = nodes.filter(({ type }) => type === "Reshape");
  expect(reshapes).toHaveLength(expected ? 1 : 0);
  const target = initializers.find(({ name }) => name === reshapes[0]?.inputs[1]);
  expect(target && [...new BigInt64Array(target.bytes.slice().buffer)].map(Number)).toEqual(expected);
});
