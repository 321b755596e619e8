import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { ParameterSpec } from "../../../models/model.js";
import { compare, evaluate, input, scalar } from "../../../tensor/index.js";
import { parseRecipe } from "../../recipe/recipe.js";
import { createOptimizer, type OptimizerOptions } from "./index.js";

const parameter: ParameterSpec = {
  ...{ name: "head.weight", shape: [2], init: { kind: "zeros" }, decay: true, kind: "parameter" },
};

// The first step by hand: AdamW moves by rate · sign of the gradient and decays by rate · decay; SGD with momentum moves
// by rate · (gradient + decay · parameter).
it.each([
  [
    "adamw",
    { kind: "adamw", betas: [0.9, 0.999], epsilon: 0, weightDecay: 0.5 },
    (w, g, lr) => w * (1 - lr * 0.5) - lr * Math.sign(g),
  ],
  ["sgd", { kind: "sgd", momentum: 0.9, nesterov: false, weightDecay: 0.5 }, (w, g, lr) => w - lr * (g + 0.5 * w)],
] as [string, OptimizerOptions, (w: number, g: number, lr: number) => number][])(
  "%s multiplies the rate of a parameter by its factor, its decay too",
  (_, options, expected) => {
    const [weights, gradients] = [
      [2, -1],
      [0.25, -0.125],
    ];
    for (const factor of [1, 10, 0.3]) {
      const optimizer = createOptimizer(options, (name) => (name === "head.weight" ? factor : 1));
      const proceed = compare("GT", scalar(1), 0);
      const [w, g] = [input("w", "float32", [2]), input("g", "float32", [2])];
      const updated = optimizer.update(parameter, w, g, proceed).get("head.weight")!;
      const values = new Map<string, number[]>([
        ["w", weights],
        ["g", gradients],
        ...optimizer.stateNames(parameter).map((name): [string, number[]] => [name, [0, 0]]),
        ...Object.entries(optimizer.scalars(0.01, 1)).map(([name, value]): [string, number[]] => [name, [value]]),
      ]);
      const [after] = evaluate([updated], values);
      weights.forEach((weight, i) => {
        expect(after[i]).toBeCloseTo(expected(weight, gradients[i], 0.01 * factor), 6);
      });
    }
  },
);

/** Five steps of timm's optimizers, in double precision (tests/fixtures/training/generate_optimizers.py). */
const timm = JSON.parse(
  readFileSync(new URL("../../../../tests/fixtures/training/optimizers.json", import.meta.url), "utf8"),
) as {
  weights: number[];
  gradients: [number[], number[]][];
  lr: number;
  cases: { options: OptimizerOptions; after: [number[], number[]][] }[];
  muon: {
    shapes: number[][];
    lr: number;
    decay: number;
    start: number[][];
    gradients: number[][][];
    after: number[][][];
  };
};

it.each(timm.cases)("moves as timm's: $options", ({ options, after }) => {
  const optimizer = createOptimizer(options);
  const specs: ParameterSpec[] = [
    { name: "weight", shape: [3, 4], init: { kind: "zeros" }, decay: true, kind: "parameter" },
    { name: "bias", shape: [4], init: { kind: "zeros" }, decay: false, kind: "parameter" },
  ];
  specs.forEach((spec, which) => {
    const proceed = compare("GT", scalar(1), 0);
    const updates = optimizer.update(
      spec,
      input("p", "float32", spec.shape),
      input("g", "float32", spec.shape),
      proceed,
    );
    const zero = spec.shape.reduce((a, b) => a * b) === 12 ? new Array<number>(12).fill(0) : [0, 0, 0, 0];
    let values = new Map<string, ArrayLike<number>>([
      ["p", which === 0 ? timm.weights : zero],
      ...optimizer.stateNames(spec).map((name): [string, number[]] => [name, zero]),
    ]);
    timm.gradients.forEach((gradient, step) => {
      const scalars = Object.entries(optimizer.scalars(timm.lr, step + 1)).map(([n, v]) => [n, [v]] as const);
      const results = evaluate([...updates.values()], new Map([...values, ["g", gradient[which]], ...scalars]));
      values = new Map([...updates.keys()].map((name, i) => [name === spec.name ? "p" : name, results[i]]));
      // Constants of the graph (β, decay) are float32.
      after[step][which].forEach((value, i) => {
        expect(values.get("p")![i]).toBeCloseTo(value, 6);
      });
    });
  });
});

it("moves matrices and kernels as timm's Muon, and the rest as its AdamW", () => {
  const { shapes, lr, decay, start, gradients, after } = timm.muon;
  const optimizer = createOptimizer({
    ...{ kind: "muon", momentum: 0.95, betas: [0.9, 0.95], epsilon: 1e-7, weightDecay: decay },
  });
  shapes.forEach((shape, which) => {
    const spec: ParameterSpec = {
      ...{ name: "p", shape, init: { kind: "zeros" }, decay: shape.length > 1, kind: "parameter" },
    };
    const [p, g] = [input("p", "float32", shape), input("g", "float32", shape)];
    const updates = optimizer.update(spec, p, g, compare("GT", scalar(1), 0));
    expect([...updates.keys()].sort()).toEqual(["p", ...optimizer.stateNames(spec)].sort());
    const zero = start[which].map(() => 0);
    let values = new Map<string, ArrayLike<number>>([
      ["p", start[which]],
      ...optimizer.stateNames(spec).map((name): [string, number[]] => [name, zero]),
    ]);
    gradients.forEach((gradient, step) => {
      const scalars = Object.entries(optimizer.scalars(lr, step + 1)).map(([n, v]) => [n, [v]] as const);
      const results = evaluate([...updates.values()], new Map([...values, ["g", gradient[which]], ...scalars]));
      values = new Map([...updates.keys()].map((name, i) => [name, results[i]]));
      // Five iterations in float32 multiply its rounding by up to 4 each time, of steps of about 0.02.
      after[step][which].forEach((value, i) => {
        expect(Math.abs(values.get("p")![i] - value)).toBeLessThan(1e-5);
      });
    });
  });
});

it("takes LAMB's, Lion's and Muon's own defaults unless a recipe gives others", () => {
  expect(parseRecipe({ optimizer: "lamb" })).toMatchObject({ betas: [0.9, 0.999], epsilon: 1e-6, clipGradient: 1 });
  expect(parseRecipe({ optimizer: "lion" })).toMatchObject({ betas: [0.9, 0.99], epsilon: 1e-8 });
  expect(parseRecipe({ optimizer: "muon" })).toMatchObject({ betas: [0.9, 0.95], epsilon: 1e-7, momentum: 0.95 });
  expect(parseRecipe({ optimizer: "lion", betas: [0.95, 0.98] }).betas).toEqual([0.95, 0.98]);
});
