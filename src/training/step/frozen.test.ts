/** A step whose lower part does not move: what it computes, and what it leaves out. */
import { describe, expect, it } from "vitest";
import { inferenceContext, parameterInputs } from "../../models/context.js";
import { deit } from "../../models/deit.js";
import { initialize } from "../../models/initialize.js";
import type { Model } from "../../models/model.js";
import { createModel } from "../../models/registry.js";
import { frozenBelow } from "../../models/tail.js";
import { type TrainedParts, trainedOf } from "../../models/trained-parts.js";
import { RandomStream } from "../../random/stream.js";
import { evaluate, type Program, program, simplify, type Target, topologicalOrder } from "../../tensor/index.js";
import { batchImages } from "./batch/index.js";
import { type StepOptions, trainStep } from "./step.js";

const batch = 2;
const sizes = { imageSize: 8, patchSize: 4, width: 8, heads: 2, classes: 3 };
const of = (depth: number, more: object = {}) => deit("small", { ...sizes, depth, ...more });

function stepOf(model: Model, choice: TrainedParts, more: Partial<StepOptions> = {}) {
  const { moves, cut } = trainedOf(model, choice);
  return trainStep(cut ? frozenBelow(model, cut) : model, {
    ...{ batch, optimizer: { kind: "sgd", momentum: 0, nesterov: false, weightDecay: 0 }, trained: moves },
    ...more,
  });
}

/** Values of a program's inputs: the model's first parameters, images and labels, and numbers for all else. */
function valuesOf(model: Model, { inputs }: Program): Map<string, ArrayLike<number>> {
  const parameters = initialize(model, 0);
  const random = new RandomStream({ seed: 1, purpose: "frozen" });
  return new Map(
    inputs.map(({ name, shape, dtype }): [string, ArrayLike<number>] => {
      const size = shape.reduce((product, n) => product * n, 1);
      const known = parameters.get(name.replace(/^ema\./, ""));
      if (known) return [name, known.data as Float32Array];
      if (name === "labels") return [name, [0, 2]];
      if (name === "lr" || shape.length === 0) return [name, [0.1]];
      return [name, Array.from({ length: size }, () => (dtype === "uint8" ? 256 : 1) * random.uniform())];
    }),
  );
}

function updatesOf(model: Model, step: ReturnType<typeof stepOf>): Map<string, Float64Array> {
  const updated = step.program.outputs.filter(({ updates }) => updates);
  const found = evaluate(
    updated.map(({ tensor }) => tensor),
    valuesOf(model, step.program),
  );
  return new Map(updated.map(({ updates }, i) => [updates!, found[i]]));
}

describe("a step of the last blocks", () => {
  it.each<[TrainedParts, object]>([
    ["last-1-blocks", {}],
    ["last-2-blocks", { distilled: true }],
    ["last-3-blocks", {}],
    ["head", { distilled: true }],
  ])("moves %s as a step of everything does", (choice, more) => {
    const model = of(3, more);
    const distillation = model.distilled ? ({ kind: "labels", alpha: 0.5 } as const) : ({ kind: "none" } as const);
    const all = updatesOf(model, stepOf(model, "all", { distillation }));
    const some = updatesOf(model, stepOf(model, choice, { distillation }));
    const { moves } = trainedOf(model, choice);
    const parameters = [...some].filter(([name]) => !name.startsWith("optimizer."));
    expect(parameters.map(([name]) => name).sort()).toEqual(
      model.parameters
        .map(({ name }) => name)
        .filter(moves)
        .sort(),
    );
    const first = initialize(model, 0);
    for (const [name, value] of parameters) {
      expect(
        value.some((v, i) => v !== first.get(name)!.data[i]),
        name,
      ).toBe(true);
      for (const [i, v] of value.entries()) expect(v).toBeCloseTo(all.get(name)![i], 12);
    }
  });

  const targets: readonly Target[] = [
    { engine: "onnx", platform: "cpu" },
    { engine: "stablehlo", platform: "cpu" },
  ];
  it.each(targets)("adds nothing but a forward pass for each frozen block, on $engine", (target) => {
    const sizeOf = (p: Program) => topologicalOrder(simplify(p, target).outputs.map(({ tensor }) => tensor)).length;
    // Attention as the step has it: expanded, since the trained block's gradient needs its weights.
    const forward = (depth: number) => {
      const model = of(depth);
      const images = batchImages(batch, model);
      const { logits } = model.forward(inferenceContext(parameterInputs(model)), images);
      return program({ name: "forward", outputs: { logits }, state: model.parameters.map(({ name }) => name) });
    };
    const expanded = (depth: number) =>
      topologicalOrder(
        simplify(forward(depth), {
          ...target,
          ...(target.engine === "onnx" ? { operators: "standard" } : {}),
        }).outputs.map(({ tensor }) => tensor),
      ).length;
    const block = expanded(5) - expanded(4);
    const step = (depth: number) => sizeOf(stepOf(of(depth), "last-1-blocks").program);
    expect(block).toBeGreaterThan(20);
    expect(step(5) - step(4)).toBe(block);
  });

  it("leaves stochastic depth, dropout and running statistics of the frozen part alone", () => {
    const model = of(4, { dropPath: 0.3, dropout: 0.1 });
    const random = (step: ReturnType<typeof stepOf>) =>
      topologicalOrder(step.program.outputs.map(({ tensor }) => tensor)).filter(
        ({ primitive }) => primitive.name === "randomUniform",
      ).length;
    expect(random(stepOf(model, "head"))).toBe(0);
    expect(random(stepOf(model, "last-1-blocks"))).toBeGreaterThan(0);
    expect(random(stepOf(model, "last-2-blocks"))).toBe(2 * random(stepOf(model, "last-1-blocks")));
    const names = (choice: TrainedParts) => stepOf(model, choice).program.inputs.map(({ name }) => name);
    expect(names("head")).not.toContain("dropPath");
    expect(names("last-1-blocks")).toContain("dropPath");
    const convnet = createModel("regnety", { imageSize: 32, classes: 2 });
    const moved = [...stepOf(convnet, "head", { ema: true }).program.outputs].flatMap(({ updates }) => updates ?? []);
    expect(moved.filter((name) => !name.startsWith("optimizer.")).sort()).toEqual([
      ...["ema.head.fc.bias", "ema.head.fc.weight", "head.fc.bias", "head.fc.weight"],
    ]);
  });
});
