/** Every primitive forward against plain formulas, and its gradient against finite differences, in double precision. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, gradient } from "../../../src/tensor/index.js";
import { cases, shapes } from "./cases.js";
import { largestDifference, prepare, weightedSum } from "./inputs.js";

/** Constants are rounded to float32, so products with them carry its error. */
const forwardTolerance = 1e-6;
/** Central differences with h = 1e-5: error h² from the third derivative, 1e-11 from rounding. */
const gradientTolerance = 1e-5;

describe.each(cases)("$name", (testCase) => {
  const arbitrary = fc.tuple(shapes(testCase.rank), fc.integer({ min: 0, max: 1e6 }));
  const settings = { numRuns: 12, seed: 1 };

  it("has the value of its formula", () => {
    fc.assert(
      fc.property(arbitrary, ([shape, seed]) => {
        const { output, values, expected } = prepare(testCase, shape, seed);
        const [value] = evaluate([output], values);
        expect(largestDifference(value, expected!)).toBeLessThan(forwardTolerance);
      }),
      settings,
    );
  });

  if (testCase.constant) {
    it("lets no gradient through", () => {
      const { tensors, output, values } = prepare(testCase, testCase.rank?.[1] === 1 ? [2] : [2, 3], 7);
      for (const g of evaluate(gradient(weightedSum(output), Object.values(tensors)), values))
        expect([...g].every((v) => v === 0)).toBe(true);
    });
    return;
  }

  it("has the derivative of finite differences", () => {
    fc.assert(
      fc.property(arbitrary, ([shape, seed]) => {
        const { tensors, output, values } = prepare(testCase, shape, seed);
        const loss = weightedSum(output);
        const names = Object.keys(tensors);
        const slopes = evaluate(gradient(loss, Object.values(tensors)), values);
        const h = 1e-5;
        names.forEach((name, k) => {
          const at = values.get(name)!;
          const numeric = at.map((v, i) => {
            const moved = (delta: number) => evaluate([loss], new Map(values).set(name, at.with(i, v + delta)))[0][0];
            return (moved(h) - moved(-h)) / (2 * h);
          });
          expect(largestDifference(slopes[k], numeric), `gradient of ${name}`).toBeLessThan(gradientTolerance);
        });
      }),
      settings,
    );
  });
});
