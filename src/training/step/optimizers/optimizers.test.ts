import { expect, it } from "vitest";
import type { ParameterSpec } from "../../../models/model.js";
import { compare, evaluate, input, scalar } from "../../../tensor/index.js";
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
        ...optimizer.stateNames(parameter.name).map((name): [string, number[]] => [name, [0, 0]]),
        ...Object.entries(optimizer.scalars(0.01, 1)).map(([name, value]): [string, number[]] => [name, [value]]),
      ]);
      const [after] = evaluate([updated], values);
      weights.forEach((weight, i) => {
        expect(after[i]).toBeCloseTo(expected(weight, gradients[i], 0.01 * factor), 6);
      });
    }
  },
);
