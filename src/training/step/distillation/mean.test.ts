/** Several teachers averaged, against PyTorch (tests/fixtures/training/generate_mean.py), in double precision. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { evaluate, gradient, input, scalar, type Tensor } from "../../../tensor/index.js";
import { crossEntropy } from "../losses/cross-entropy.js";
import { decisions } from "./average.js";
import { cooled } from "./divergence.js";
import { type Distillation, distilled } from "./index.js";
import type { TeacherAnswer } from "./mode.js";

interface Reference {
  readonly shape: readonly number[];
  readonly student: readonly number[];
  readonly target: readonly number[];
  readonly teachers: readonly (readonly number[])[];
  readonly weights: readonly number[];
  readonly cases: readonly {
    readonly kind: "soft" | "hard" | "decoupled" | "normalized";
    readonly tau: number;
    readonly loss: number;
    readonly gradient: readonly number[];
  }[];
}

const reference = JSON.parse(
  readFileSync(new URL("../../../../tests/fixtures/training/mean.json", import.meta.url), "utf8"),
) as Reference;
const given = (name: string) => input(name, "float32", reference.shape);
const [student, target] = [given("student"), given("target")];
const total = reference.weights.reduce((a, b) => a + b);
const mean: TeacherAnswer = {
  kind: "mean",
  of: reference.weights.map((weight, i) => ({ logits: given(`teacher${i}`), share: weight / total })),
};
const values = new Map<string, readonly number[]>([
  ["student", reference.student],
  ["target", reference.target],
  ...reference.teachers.map((logits, i) => [`teacher${i}`, logits] as const),
]);
const value = (t: Tensor, at = values) => [...evaluate([t], at)[0]];
const lossOf = (answer: TeacherAnswer, mode: Distillation) =>
  distilled(scalar(0), { logits: student }, { target, loss: crossEntropy, answer }, mode);
const modeOf = (kind: Reference["cases"][number]["kind"], tau: number): Distillation =>
  ({
    ...{ kind, tau, alpha: 1, on: "class", normalization: "paper" },
    ...{ target: 1, others: kind === "normalized" ? 1.5 : 0.5 },
  }) as Distillation;

describe("the mean of several teachers", () => {
  it.each(reference.cases)("in $kind distillation at $tau is PyTorch's, with its gradients", (each) => {
    const ours = lossOf(mean, modeOf(each.kind, each.tau));
    // Constants of the graph (1/τ, the logarithms of shares) are float32.
    expect(Math.abs(value(ours)[0] / each.loss - 1)).toBeLessThan(1e-6);
    value(gradient(ours, [student])[0]).forEach((g, i) => {
      expect(Math.abs(g - each.gradient[i])).toBeLessThan(1e-6);
    });
  });

  it("is one teacher if they are the same, or if there is only one", () => {
    const same = new Map([...values, ...[0, 1, 2].map((i) => [`teacher${i}`, reference.teachers[0]] as const)]);
    for (const { kind, tau } of reference.cases) {
      const one = value(lossOf({ kind: "logits", tensor: given("teacher0") }, modeOf(kind, tau)), same)[0];
      expect(value(lossOf(mean, modeOf(kind, tau)), same)[0]).toBeCloseTo(one, 6);
      const alone = { kind: "mean", of: [{ logits: given("teacher0"), share: 1 }] } as const;
      expect(value(lossOf(alone, modeOf(kind, tau)), same)[0]).toBeCloseTo(one, 6);
    }
  });

  it("stays finite for teachers that are certain of different classes, and is half and half", () => {
    const row = (at: number) => Array.from({ length: 30 }, (_, i) => (i % 6 === at ? 300 : -300));
    const at = new Map([...values, ["teacher0", row(1)], ["teacher1", row(4)]]);
    const two: TeacherAnswer = {
      kind: "mean",
      of: [
        { logits: given("teacher0"), share: 0.5 },
        { logits: given("teacher1"), share: 0.5 },
      ],
    };
    const logits = value(cooled(two, 1), at);
    expect(logits.every(Number.isFinite)).toBe(true);
    expect([Math.exp(logits[1]), Math.exp(logits[4])].map((p) => p.toFixed(6))).toEqual(["0.500000", "0.500000"]);
    expect(value(gradient(lossOf(two, modeOf("soft", 2)), [student])[0], at).every(Number.isFinite)).toBe(true);
  });

  it("is decided by probabilities, not by the number of teachers nor by their logits", () => {
    // Two teachers prefer class 0 barely, the third is sure of class 1.
    const rows = [
      [1, 0.9, 0, 0, 0, 0],
      [1, 0.9, 0, 0, 0, 0],
      [0, 9, 0, 0, 0, 0],
    ];
    const at = new Map([...values, ...rows.map((row, i) => [`teacher${i}`, new Array(5).fill(row).flat()] as const)]);
    expect(value(decisions(mean), at)).toEqual([1, 1, 1, 1, 1]);
    expect(() => cooled({ kind: "labels", tensor: input("classes", "int32", [5]) }, 1)).toThrow(
      "only the predicted classes of the teacher are given",
    );
  });
});
