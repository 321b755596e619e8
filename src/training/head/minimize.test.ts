import { describe, expect, it } from "vitest";
import { minimize } from "./minimize.js";

/** Σ cᵢ (xᵢ - tᵢ)² + (Σ xᵢ - Σ tᵢ)², whose minimum is t. */
const bowl = (curvatures: readonly number[], target: readonly number[]) => async (x: Float64Array) => {
  const off = x.map((v, i) => v - target[i]);
  const sum = off.reduce((a, b) => a + b, 0);
  const value = off.reduce((total, d, i) => total + curvatures[i] * d * d, sum * sum);
  return { value, gradient: off.map((d, i) => 2 * curvatures[i] * d + 2 * sum) };
};

describe("minimize", () => {
  it("finds the minimum of an ill-conditioned bowl in some ten iterations", async () => {
    const target = [3, -2, 0.5, 10];
    const found = await minimize(bowl([1, 100, 0.01, 10], target), new Float64Array(4), {
      gradientTolerance: 1e-9,
      valueTolerance: 0,
    });
    target.forEach((t, i) => {
      expect(found.at[i]).toBeCloseTo(t, 6);
    });
    expect(found.iterations).toBeLessThan(40);
  });

  it("ends where a function is flat, where it may go no further, and where it cannot get lower", async () => {
    const at = new Float64Array([1, 1]);
    const flat = await minimize(async () => ({ value: 1, gradient: new Float64Array(2) }), at);
    expect(flat).toMatchObject({ iterations: 0, value: 1 });
    const cut = await minimize(bowl([1, 50], [4, 4]), new Float64Array(2), { iterations: 2 });
    expect(cut.iterations).toBe(2);
    // A gradient that is inconsistent with the value.
    const lying = await minimize(async () => ({ value: 1, gradient: new Float64Array([1, 0]) }), at);
    expect(lying.value).toBe(1);
  });
});
