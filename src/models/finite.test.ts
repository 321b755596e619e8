import { expect, it } from "vitest";
import { float32, hostTensor } from "../tensor/index.js";
import { requireFiniteLogits, requireFiniteWeights } from "./finite.js";

it.each([
  ["a NaN", [0, 1, Number.NaN], '"norm.bias" holds NaN at place 2 of 3'],
  ["an infinite value", [0, Number.POSITIVE_INFINITY, 1], '"norm.bias" holds Infinity at place 1 of 3'],
  ["a negative infinite value", [Number.NEGATIVE_INFINITY, 0, 1], '"norm.bias" holds -Infinity at place 0 of 3'],
])("weights with %s are refused by the tensor's name", (_, values, sentence) => {
  const tensors = new Map([
    ["norm.weight", float32([2], Float32Array.of(1, 2))],
    ["norm.bias", float32([3], Float32Array.from(values))],
  ]);
  expect(() => requireFiniteWeights(tensors, "w.pth")).toThrow(sentence);
});

it("the largest and smallest numbers are numbers, and whole ones are not looked at", () => {
  const tensors = new Map([
    ["a", float32([4], Float32Array.of(3.4028234e38, -3.4028234e38, 1e-45, -0))],
    ["b", hostTensor("int32", [1], Int32Array.of(0x7f800000))],
  ]);
  requireFiniteWeights(tensors, "w.pth");
});

it("logits that are not numbers name the image", () => {
  expect(() => requireFiniteLogits([1, Number.NaN], "deit", "cat.jpg")).toThrow(
    'The answer of "deit" to "cat.jpg" is not a number: output 1 is NaN',
  );
});
