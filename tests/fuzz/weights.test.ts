import { expect, it } from "vitest";
import { DeitError } from "../../src/errors/errors.js";
import { loadWeights } from "../../src/weights/load.js";
import { fuzzWeights } from "./weights.mjs";

it("a thousand mutated files of weights give tensors or a clean error", async () => {
  const figures = await fuzzWeights({ loadWeights, DeitError }, { count: 1000, seed: 1 });
  expect(figures.cases).toBe(1000);
  // Mutations that all fail at the first byte, or all miss, would show nothing.
  expect(figures.read).toBeGreaterThan(100);
  expect(figures.refused).toBeGreaterThan(500);
});
