import { describe, expect, it } from "vitest";
import { evaluate, input } from "../../../tensor/index.js";
import { distilledLoss } from "../distillation/index.js";
import { binaryCrossEntropy } from "./binary-cross-entropy.js";
import { crossEntropy } from "./cross-entropy.js";
import { createLoss, type LossName } from "./index.js";
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
  describe("with weights of classes", () => {
    const target = input("target", "float32", [2, 3]);
    const weighted = (name: LossName, targets: readonly number[], settings = {}) =>
      evaluate(
        [createLoss(name, settings, { each: [0.5, 2, 1.5] })(logits, target)],
        new Map([...values, ["target", [...targets]]]),
      )[0][0];
    const soft = [0.1, 0.1, 0.8, 0.6, 0.1, 0.3];
    // torch.nn.functional in double precision.
    it("is PyTorch's cross_entropy(weight=…) of soft targets", () => {
      expect(weighted("crossEntropy", soft)).toBeCloseTo(1.6072681470381165, 7);
    });
    it("weighs both parts of Poly-1", () => {
      expect(weighted("poly1", soft, { polyEpsilon: 2 })).toBeCloseTo(2.710984762184224, 6);
    });
    it("weighs each image's binary cross entropy by its classes, and an image without any by 1", () => {
      expect(weighted("binaryCrossEntropy", soft)).toBeCloseTo(1.6161762631486396, 6);
      expect(weighted("binaryCrossEntropy", [0, 1, 1, 0, 0, 0])).toBeCloseTo(1.2716531056220197, 6);
    });
    it("changes nothing if all are 1", () => {
      for (const name of ["crossEntropy", "poly1", "binaryCrossEntropy"] as const) {
        const given = new Map([...values, ["target", soft]]);
        const [even, plain] = evaluate(
          [createLoss(name, {}, { each: [1, 1, 1] })(logits, target), createLoss(name)(logits, target)],
          given,
        );
        expect(even[0]).toBeCloseTo(plain[0], 10);
      }
    });
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
