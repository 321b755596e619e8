import { afterAll, beforeAll, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { Closing } from "../../src/system/closing.js";
import { fitLogisticRegression, type LabelledFeatures } from "../../src/training/head/logistic-regression.js";

let engine: Engine;
const closing = new Closing();
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
});
afterAll(async () => {
  await closing.close();
  await engine.close();
});

/** Numbers from -1 to 1 of a linear congruential generator. */
function numbers(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state / 2 ** 31) * 2 - 1;
  });
}

/** 24 rows of three features of very different scale; classes take turns, and the first feature knows of them. */
function data(): LabelledFeatures {
  const [scale, shift] = [
    [1, 5, 0.2],
    [0, 3, -1],
  ];
  const features = Float32Array.from(numbers(72, 7), (v, i) => v * scale[i % 3] + shift[i % 3]);
  const labels = Int32Array.from({ length: 24 }, (_, i) => i % 3);
  labels.forEach((label, row) => {
    features[3 * row] += label * 0.8;
  });
  return { features, width: 3, labels, classes: 3 };
}

// PyTorch's L-BFGS in double precision on standardised features, its result for the features as they came.
it.each([
  [0.1, [-1.44447, 0.00655, -2.43405, 0.47855, -0.10196, -1.10402, 0.96592, 0.09541, 3.53808], 2.48319, 0.70746, 16],
  [1, [-0.33397, -0.00823, -0.68866, 0.08083, -0.02165, -0.13498, 0.25314, 0.02989, 0.82364], 0.53091, 0.95769, 14],
])("finds the weights that PyTorch finds with a penalty of %f", async (penalty, weight, bias, loss, right) => {
  const fit = await fitLogisticRegression(engine, data(), closing, { penalty });
  weight.forEach((w, i) => {
    expect(fit.weight[i]).toBeCloseTo(w, 2);
  });
  expect(fit.bias[2]).toBeCloseTo(bias, 2);
  expect(fit.loss).toBeCloseTo(loss, 4);
  expect(fit.accuracy).toBeCloseTo(right / 24, 6);
});

it("uses a strong penalty for uninformative features, and a weak one for informative ones", async () => {
  const labels = Int32Array.from({ length: 90 }, (_, i) => i % 3);
  const noise = Float32Array.from(numbers(90 * 8, 3));
  const clear = Float32Array.from(noise, (v, i) => (i % 8 === labels[i >> 3] ? v + 1 : v));
  const of = (features: Float32Array) =>
    fitLogisticRegression(engine, { features, width: 8, labels, classes: 3 }, closing);
  const [nothing, all] = [await of(noise), await of(clear)];
  expect(nothing.penalty).toBeGreaterThan(all.penalty);
  expect(all.accuracy).toBeGreaterThan(0.75);
});

it("copes with a class of one image, with features that never change, and with more rows than a run takes", async () => {
  const rows = 8200;
  const labels = Int32Array.from({ length: rows }, (_, i) => (i === 0 ? 2 : i % 2));
  const features = Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? 7 : labels[i >> 1]));
  const fit = await fitLogisticRegression(engine, { features, width: 2, labels, classes: 3 }, closing);
  expect([...fit.weight, ...fit.bias].every(Number.isFinite)).toBe(true);
  expect(fit.accuracy).toBeGreaterThan(0.999);
});

it("does not trust few rows: each new one is as surprising as the first", async () => {
  const width = 192;
  const [few, others] = [11, 12].map((seed) => Float32Array.from(numbers(6 * width, seed)));
  for (const perClass of [1, 2]) {
    const rows = 2 * perClass;
    const labels = Int32Array.from({ length: rows }, (_, i) => i % 2);
    const features = few.subarray(0, rows * width);
    const { weight, bias, penalty } = await fitLogisticRegression(
      engine,
      { features, width, labels, classes: 2 },
      closing,
    );
    expect(penalty).toBe(10);
    // Rows of noise that it has not seen, under either label: guessing would lose log 2.
    let loss = 0;
    for (let row = 0; row < 6; row++) {
      const logits = [0, 1].map((c) => {
        let sum = bias[c];
        for (let j = 0; j < width; j++) sum += weight[c * width + j] * others[row * width + j];
        return sum;
      });
      loss += Math.log(1 + Math.exp(logits[1 - (row % 2)] - logits[row % 2])) / 6;
    }
    expect(loss).toBeLessThan(1.5 * Math.LN2);
  }
});
