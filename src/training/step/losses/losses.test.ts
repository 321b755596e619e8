import { describe, expect, it } from "vitest";
import { evaluate, input } from "../../../tensor/index.js";
import { distilledLoss } from "../distillation/index.js";
import { binaryCrossEntropy } from "./binary-cross-entropy.js";
import { crossEntropy } from "./cross-entropy.js";
import { createLoss } from "./index.js";
import { smoothedTargets } from "./targets.js";

describe("losses", () => {
  const logits = input("logits", "float32", [2, 3]);
  const values = new Map<string, number[]>([
    ["logits", [1, 2, 3, -1, 0, 4]],
    ["labels", [2, 0]],
    ["teacher", [0, 3, 1, 2, 2, 5]],
  ]);
  const softmax = (row: number[]) => row.map((v) => Math.exp(v) / row.reduce((s, w) => s + Math.exp(w), 0));
  const [p, q] = [softmax([1, 2, 3]), softmax([-1, 0, 4])];
  const value = (t: Parameters<typeof evaluate>[0][number]) => evaluate([t], values)[0][0];

  it("smooths true labels", () => {
    const target = smoothedTargets(input("labels", "int32", [2]), 3, 0.3);
    const [row] = [[...evaluate([target], values)[0]]];
    [0.1, 0.1, 0.8, 0.8, 0.1, 0.1].forEach((v, i) => {
      expect(row[i]).toBeCloseTo(v, 7);
    });
  });
  it("is the cross entropy of its formula", () => {
    const loss = crossEntropy(logits, smoothedTargets(input("labels", "int32", [2]), 3, 0));
    expect(value(loss)).toBeCloseTo(-(Math.log(p[2]) + Math.log(q[0])) / 2, 10);
  });
  it("is the binary cross entropy of its formula", () => {
    const loss = binaryCrossEntropy(logits, smoothedTargets(input("labels", "int32", [2]), 3, 0));
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const terms = [1, 2, 3, -1, 0, 4].map((x, i) =>
      i === 2 || i === 3 ? -Math.log(sigmoid(x)) : -Math.log(1 - sigmoid(x)),
    );
    expect(value(loss)).toBeCloseTo(terms.reduce((a, b) => a + b) / 6, 7);
  });
  it("is Poly-1 with the recipe's weight, and cross entropy with a weight of 0", () => {
    const target = smoothedTargets(input("labels", "int32", [2]), 3, 0);
    const plain = -(Math.log(p[2]) + Math.log(q[0])) / 2;
    const linear = 1 - (p[2] + q[0]) / 2;
    const loss = (settings: Readonly<Record<string, unknown>>) => value(createLoss("poly1", settings)(logits, target));
    expect(loss({ polyEpsilon: 2, lr: 1e-3 })).toBeCloseTo(plain + 2 * linear, 7);
    expect(loss({})).toBeCloseTo(plain + linear, 7);
    expect(loss({ polyEpsilon: 0 })).toBeCloseTo(plain, 7);
  });
  it("distils hard labels with weight alpha", () => {
    const base = crossEntropy(logits, smoothedTargets(input("labels", "int32", [2]), 3, 0));
    const loss = distilledLoss(base, logits, input("teacher", "float32", [2, 3]), {
      kind: "hard",
      alpha: 0.25,
      on: "class",
    });
    const hard = -(Math.log(p[1]) + Math.log(q[2])) / 2;
    expect(value(loss)).toBeCloseTo(0.75 * value(base) + 0.25 * hard, 7);
  });
});
