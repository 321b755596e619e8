/** Weights of a teacher's decisions against PyTorch (tests/fixtures/training/generate_weighted_distillation.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { evaluate, gradient, input, scalar } from "../../../tensor/index.js";
import { classWeightsInput, classWeightTensor } from "../class-weights.js";
import { crossEntropy } from "../losses/cross-entropy.js";
import { type Distillation, distilled } from "./index.js";
import type { TeacherAnswer } from "./mode.js";

interface Reference {
  readonly shape: readonly [number, number];
  readonly tau: number;
  readonly student: readonly number[];
  readonly teacher: readonly number[];
  readonly decisions: readonly number[];
  readonly cases: readonly {
    readonly kind: "hard" | "soft";
    readonly weights: readonly number[];
    readonly loss: number;
    readonly gradient: readonly number[];
  }[];
}

const reference = JSON.parse(
  readFileSync(new URL("../../../../tests/fixtures/training/weighted-distillation.json", import.meta.url), "utf8"),
) as Reference;
const { shape, tau } = reference;
const student = input("student", "float32", shape);
const logits: TeacherAnswer = { kind: "logits", tensor: input("teacher", "float32", shape) };
const labels: TeacherAnswer = { kind: "labels", tensor: input("decisions", "int32", [shape[0]]) };
const values = new Map<string, readonly number[]>([
  ["student", reference.student],
  ["teacher", reference.teacher],
  ["decisions", reference.decisions],
]);
const mode = (kind: "hard" | "soft"): Distillation =>
  kind === "hard" ? { kind, alpha: 1 } : { kind, alpha: 1, tau, normalization: "paper" };
const lossOf = (kind: "hard" | "soft", answer: TeacherAnswer, each?: readonly number[], deferred = false) =>
  distilled(
    scalar(0),
    { logits: student, distillation: student },
    { target: student, loss: crossEntropy, answer, weights: each && classWeightTensor({ each, deferred }) },
    mode(kind),
  );

describe("weights of the teacher's decisions", () => {
  const cases = reference.cases.flatMap((c) =>
    (c.kind === "hard" ? [logits, labels] : [logits]).map((a) => [c, a] as const),
  );
  it.each(cases)("$kind are PyTorch's, with their gradients", ({ kind, weights, loss, gradient: expected }, answer) => {
    const ours = lossOf(kind, answer, weights);
    const [[value], slopes] = evaluate([ours, gradient(ours, [student])[0]], values);
    expect(Math.abs(value / loss - 1)).toBeLessThan(1e-6);
    [...slopes].forEach((g, i) => {
      expect(Math.abs(g - expected[i])).toBeLessThan(1e-6);
    });
  });

  it("count once they are due", () => {
    const each = [0.25, 1.5, 4, 9];
    const deferred = lossOf("hard", logits, each, true);
    const at = (due: number) => evaluate([deferred], new Map([...values, [classWeightsInput, [due]]]))[0][0];
    const [even, weighted] = evaluate([lossOf("hard", logits), lossOf("hard", logits, each)], values);
    expect(at(0)).toBeCloseTo(even[0], 6); // 1 / batch is float32
    expect(at(1)).toBeCloseTo(weighted[0], 6);
  });

  it("teach nothing where all of a batch have none", () => {
    const none = lossOf("hard", logits, [0, 0, 0, 0]);
    const [[value], slopes] = evaluate([none, gradient(none, [student])[0]], values);
    expect(Math.max(...[value, ...slopes].map(Math.abs))).toBe(0);
  });
});
