/** Losses of decoupled parts against PyTorch (tests/fixtures/training/generate_decoupled.py), in double precision. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { evaluate, gradient, input, scalar, type Tensor } from "../../../tensor/index.js";
import { decoupled } from "./decoupled.js";
import { type Distillation, distilledLoss } from "./index.js";
import { weightsOf } from "./mode.js";

interface Reference {
  readonly shape: readonly number[];
  readonly student: readonly number[];
  readonly teacher: readonly number[];
  readonly target: readonly number[];
  readonly cases: readonly {
    readonly options: { kind: "decoupled" | "normalized"; target: number; others: number; tau: number };
    readonly loss: number;
    readonly gradient: readonly number[];
  }[];
}

const reference = JSON.parse(
  readFileSync(new URL("../../../../tests/fixtures/training/decoupled.json", import.meta.url), "utf8"),
) as Reference;
const given = (name: "student" | "teacher" | "target") => input(name, "float32", reference.shape);
const [student, teacher, target] = [given("student"), given("teacher"), given("target")];
const values = new Map([
  ["student", reference.student],
  ["teacher", reference.teacher],
  ["target", reference.target],
]);
const value = (t: Tensor, at: ReadonlyMap<string, readonly number[]> = values) => [...evaluate([t], at)[0]];
const lossOf = (options: Distillation, base: Tensor = scalar(0)) =>
  distilledLoss(base, student, teacher, options, target);

describe("losses of decoupled parts", () => {
  it.each(reference.cases)("$options are PyTorch's, with their gradients", ({ options, loss, gradient: expected }) => {
    const ours = lossOf({ ...options, alpha: 1, on: "class" });
    // Constants of the graph (1/τ, 1/batch) are float32.
    expect(Math.abs(value(ours)[0] / loss - 1)).toBeLessThan(1e-6);
    value(gradient(ours, [student])[0]).forEach((g, i) => {
      expect(Math.abs(g - expected[i])).toBeLessThan(1e-6);
    });
  });

  it("are the soft loss if the others weigh what the teacher gives them", () => {
    // Rows with equal probability of the target: then one weight serves the batch.
    const row = [2, 0, 1, -1, 0.5, 1.5];
    const others = 1 - Math.exp(2) / row.reduce((sum, v) => sum + Math.exp(v), 0);
    const at = new Map([...values, ["teacher", Array.from({ length: 5 }, () => row).flat()]]);
    const first = Array.from({ length: 30 }, (_, i) => (i % 6 === 0 ? 1 : 0));
    const both = { alpha: 1, tau: 1, on: "class" } as const;
    const apart = lossOf({ kind: "decoupled", target: 1, others, ...both });
    const soft = lossOf({ kind: "soft", normalization: "paper", ...both });
    const known = new Map([...at, ["target", first]]);
    expect(value(apart, known)[0]).toBeCloseTo(value(soft, known)[0], 6);
  });

  it("have finite values and gradients for logits far apart", () => {
    const extreme = reference.student.map((_, i) => (i % 6 === 2 ? 80 : -80));
    const at = new Map([...values, ["student", extreme], ["teacher", extreme.map((v) => -v)]]);
    for (const { options } of reference.cases) {
      const loss = lossOf({ ...options, alpha: 1 });
      expect([...value(loss, at), ...value(gradient(loss, [student])[0], at)].every(Number.isFinite)).toBe(true);
    }
  });

  it("weigh the parts as the articles' defaults, and by the recipe's", () => {
    const settings = {
      distillationAlpha: 0.5,
      distillationOn: "auto",
      distillationTau: 1,
      targetPartWeight: 1,
    } as const;
    expect(decoupled.options(settings, "class")).toMatchObject({ target: 1, others: 0.5, alpha: 0.5 });
    expect(decoupled.options({ ...settings, otherPartWeight: 8, distillationTau: 4 }, "class")).toMatchObject({
      ...{ others: 8, tau: 4 },
    });
  });
});

describe("weights of the losses", () => {
  const paper = { distillationAlpha: 0.3, distillationOn: "auto" } as const;
  // timm.task.LogitDistillationTask: both; only the task's; only the distillation's. Without either: the paper's α.
  it.each([
    [{}, { alpha: 0.3 }],
    [{ taskLossWeight: 0.25 }, { task: 0.25, alpha: 0.75 }],
    [{ distillationLossWeight: 2 }, { task: 1, alpha: 2 }],
    [
      { taskLossWeight: 0.5, distillationLossWeight: 3 },
      { task: 0.5, alpha: 3 },
    ],
  ])("%j are %j", (settings, expected) => {
    expect(weightsOf({ ...paper, ...settings })).toEqual(expected);
  });

  it("multiply both losses independently", () => {
    const options = { kind: "hard", on: "class" } as const;
    const alone = value(lossOf({ ...options, alpha: 1 }))[0];
    expect(value(lossOf({ ...options, alpha: 0.25 }, scalar(7)))[0]).toBeCloseTo(0.75 * 7 + 0.25 * alone, 5);
    expect(value(lossOf({ ...options, alpha: 3, task: 0.5 }, scalar(7)))[0]).toBeCloseTo(3.5 + 3 * alone, 5);
    expect(value(lossOf({ ...options, alpha: 0, task: 2 }, scalar(7)))[0]).toBeCloseTo(14, 5);
  });
});
