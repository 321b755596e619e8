/** A model trained on both engines: not one step but two hundred, so that a small systematic difference would show. */
import { beforeAll, expect } from "vitest";
import type { Engine } from "../../../src/engines/engine.js";
import { createOnnxEngine } from "../../../src/engines/onnx/engine.js";
import { createXlaEngine } from "../../../src/engines/xla/engine.js";
import { createModel } from "../../../src/models/registry.js";
import { RandomStream } from "../../../src/random/stream.js";
import { float32, type HostTensor, hostTensor } from "../../../src/tensor/index.js";
import { trainStep } from "../../../src/training/step/step.js";
import { itWithXla } from "../../setup/xla.js";

const batch = 8;
const steps = 200;
const model = createModel("deit", { imageSize: 32, patchSize: 8, width: 48, depth: 1, heads: 3, classes: 4 });
const { program, state } = trainStep(model, {
  batch,
  optimizer: { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.05 },
  labelSmoothing: 0.1,
});

function initialState(): Map<string, HostTensor> {
  const stream = new RandomStream({ seed: 3, purpose: "agreement" });
  return new Map(
    [...state].map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const value = () => {
        if (name.startsWith("optimizer.")) return 0;
        return /norm.*weight/.test(name) ? 1 : stream.uniform(-0.05, 0.05);
      };
      return [name, float32(shape, Float32Array.from({ length: size }, value))];
    }),
  );
}

/** Images whose brightness says the class, with noise. */
function batchOf(step: number): Map<string, HostTensor> {
  const stream = new RandomStream({ seed: 2, purpose: `batch ${step}` });
  const labels = Int32Array.from({ length: batch }, () => Math.floor(stream.uniform(0, 4)));
  const pixels = 32 * 32 * 3;
  let noise = step + 1;
  const images = Uint8Array.from({ length: batch * pixels }, (_, i) => {
    noise = (Math.imul(noise, 1664525) + 1013904223) | 0;
    return labels[Math.floor(i / pixels)] * 50 + ((noise >>> 24) * 60) / 256;
  });
  return new Map([
    ["images", hostTensor("uint8", [batch, 32, 32, 3], images)],
    ["labels", hostTensor("int32", [batch], labels)],
    ["adamw.stepSize", float32([], [1e-3])],
    ["adamw.epsilon", float32([], [1e-8])],
    ["adamw.keep", float32([], [1 - 5e-5])],
  ]);
}

const batches = Array.from({ length: steps }, (_, i) => batchOf(i));

async function train(engine: Engine, precision: "float32" | "bfloat16" = "float32"): Promise<number[]> {
  try {
    const executable = await engine.compile(program, { precision });
    const held = await engine.createState(initialState());
    const losses: number[] = [];
    for (let i = 0; i < steps; i++)
      losses.push((await executable.run(held, batches[i])).get("loss")!.data[0] as number);
    return losses;
  } finally {
    await engine.close();
  }
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

let reference: readonly number[];
beforeAll(async () => {
  reference = await train(await createOnnxEngine({ threads: 1 }));
});
const xla = (devices: number) => createXlaEngine({ plugin: "cpu", devices, cache: false });

itWithXla("learns", () => {
  expect(mean(reference.slice(-20))).toBeLessThan(0.7 * reference[0]);
});

itWithXla.each([1, 4])("learns alike on %i devices of the other engine", async (devices) => {
  const losses = await train(await xla(devices));
  // Rounding (24 bits) is all that differs at first. Adam's division amplifies it from step to step: over other seeds
  // two orders of summation on one engine differ by 1e-5 to 1e-2 after 200 steps, so the curve counts, not its points.
  for (let i = 0; i < 10; i++) expect(Math.abs(losses[i] - reference[i])).toBeLessThan(1e-5);
  for (let i = 0; i < steps; i += 50) {
    expect(Math.abs(mean(losses.slice(i, i + 50)) - mean(reference.slice(i, i + 50)))).toBeLessThan(
      0.01 * reference[0],
    );
  }
});

itWithXla("learns alike in bfloat16", async () => {
  const losses = await train(await xla(1), "bfloat16");
  // 8 bits per factor: the curve as a whole is the same.
  expect(Math.abs(mean(losses.slice(-50)) - mean(reference.slice(-50)))).toBeLessThan(0.05 * reference[0]);
});
