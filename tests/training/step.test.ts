/** The step program on an engine: what moves, by how much, and what stays. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { deit } from "../../src/models/deit.js";
import { initialize } from "../../src/models/initialize.js";
import { float32, type HostTensor, hostTensor, zeros } from "../../src/tensor/index.js";
import { dropoutSeedInput } from "../../src/training/step/context.js";
import { createOptimizer, type OptimizerOptions } from "../../src/training/step/optimizers/index.js";
import { type StepOptions, stepInputs, trainStep } from "../../src/training/step/step.js";
import { dropPathInput, dropPathOrderInput } from "../../src/training/step/stochastic-depth.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
});
afterAll(() => engine.close());

/** A micro DeiT, its step and everything one run needs. */
function micro(options: Partial<StepOptions> = {}) {
  const model = deit("micro", {
    imageSize: 8,
    patchSize: 4,
    width: 8,
    heads: 2,
    depth: 2,
    classes: 3,
    dropPath: 0.3,
    dropout: 0.2,
  });
  const optimizer: OptimizerOptions = options.optimizer ?? {
    kind: "adamw",
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    weightDecay: 0.05,
  };
  const step = trainStep(model, { batch: 4, ...options, optimizer });
  const weights = initialize(model, 0);
  const first = new Map(
    [...step.state].map(([n, shape]) => [n, weights.get(n.replace(/^ema\./, "")) ?? zeros("float32", shape)]),
  );
  const data = (more: Record<string, number> = {}, pixels = 1) => {
    const scalars: Record<string, number> = {
      ...createOptimizer(optimizer).scalars(0.1, 1),
      [stepInputs.apply]: 1,
      [stepInputs.emaDecay]: 0.5,
      ...more,
    };
    return new Map<string, HostTensor>(
      step.program.inputs
        .filter((i) => i.role === "data")
        .map(({ name, shape }) => {
          if (name === "images")
            return [
              name,
              hostTensor(
                "uint8",
                shape,
                Uint8Array.from({ length: 768 }, (_, i) => (i * 37 * pixels) % 256),
              ),
            ];
          if (name === "labels") return [name, hostTensor("int32", shape, Int32Array.of(0, 1, 2, 1))];
          if (name === dropPathInput)
            return [
              name,
              float32(
                shape,
                Array.from({ length: step.dropPathSites * 4 }, (_, i) => (i * 0.37) % 1),
              ),
            ];
          // At each place the same order of the four images, and the place of each in it.
          if (name === dropPathOrderInput)
            return [
              name,
              hostTensor(
                "int32",
                shape,
                Int32Array.from({ length: shape[0] * 8 }, (_, i) => [2, 0, 3, 1, 1, 3, 0, 2][i % 8]),
              ),
            ];
          if (name === dropoutSeedInput) return [name, hostTensor("int32", shape, Int32Array.of(1, 2))];
          return [name, float32([], [scalars[name]])];
        }),
    );
  };
  return { model, step, first, data };
}

async function runSteps(setup: ReturnType<typeof micro>, batches: readonly Map<string, HostTensor>[]) {
  const executable = await engine.compile(setup.step.program);
  const state = await engine.createState(setup.first);
  const outputs: Record<string, number>[] = [];
  for (const batch of batches) {
    const results = await executable.run(state, batch);
    outputs.push(Object.fromEntries([...results].map(([n, t]) => [n, Number(t.data[0])])));
  }
  return { outputs, after: await state.read() };
}

const largest = (a: HostTensor, b: HostTensor) =>
  (a.data as Float32Array).reduce((m, v, i) => Math.max(m, Math.abs(v - Number(b.data[i]))), 0);

describe("trainStep", () => {
  it("lowers the loss on a batch it sees again and again", async () => {
    const setup = micro();
    const { outputs } = await runSteps(
      setup,
      Array.from({ length: 30 }, (_, i) =>
        setup.data(
          createOptimizer({ kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 }).scalars(0.01, i + 1),
        ),
      ),
    );
    expect(outputs.at(-1)!.loss).toBeLessThan(outputs[0].loss * 0.7);
  });

  it("touches nothing when the loss is not a number", async () => {
    const setup = micro({ ema: true });
    const broken = setup.data({ "adamw.stepSize": 1 });
    for (const name of ["head.weight", "ema.head.weight"])
      setup.first.set(name, float32([3, 8], new Float32Array(24).fill(3e38)));
    const { outputs, after } = await runSteps(setup, [broken, broken]);
    expect(Number.isFinite(outputs[0].loss)).toBe(false);
    for (const [name, t] of setup.first) expect(after.get(name)!.data, name).toEqual(t.data);
  });

  it("moves by PyTorch's SGD with Nesterov momentum and decay", async () => {
    const optimizer = { kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 0.1 } as const;
    const setup = micro({ optimizer });
    const plain = micro({ optimizer: { ...optimizer, momentum: 0, nesterov: false, weightDecay: 0 } });
    const { after } = await runSteps(setup, [setup.data({ "sgd.lr": 0.5 })]);
    const { after: bare } = await runSteps(plain, [plain.data({ "sgd.lr": 0.5 })]);
    for (const { name, decay } of setup.model.parameters) {
      const [p, moved, b] = [setup.first.get(name)!, after.get(name)!, bare.get(name)!].map(
        (t) => t.data as Float32Array,
      );
      p.forEach((v, i) => {
        const g = (v - b[i]) / 0.5 + (decay ? 0.1 * v : 0); // first step: buffer = g, step = g + 0.9 g
        expect(moved[i]).toBeCloseTo(v - 0.5 * 1.9 * g, 5);
      });
    }
  });

  it("averages accumulated runs into the step of the whole batch", async () => {
    const whole = micro({ batch: 4 });
    const half = micro({ batch: 4, accumulate: 2 });
    const one = await runSteps(whole, [whole.data()]);
    const two = await runSteps(half, [half.data({ apply: 0 }), half.data({ apply: 1 })]); // the same batch twice: the same mean
    expect(largest(two.after.get("head.weight")!, one.after.get("head.weight")!)).toBeLessThan(1e-5);
    expect(two.outputs[1].gradientNorm).toBeCloseTo(one.outputs[0].gradientNorm, 4);
    expect([...two.after.get("accumulated.head.weight")!.data].every((v) => v === 0)).toBe(true);
  });

  it("does not move before the last accumulated run", async () => {
    const setup = micro({ accumulate: 2 });
    const { after } = await runSteps(setup, [setup.data({ apply: 0 })]);
    for (const { name } of setup.model.parameters) expect(after.get(name)!.data).toEqual(setup.first.get(name)!.data);
  });

  it("clips the norm of all gradients together", async () => {
    const optimizer = { kind: "sgd", momentum: 0, nesterov: false, weightDecay: 0 } as const;
    const clipped = micro({ optimizer, clipGradient: 0.01 });
    const { outputs, after } = await runSteps(clipped, [clipped.data({ "sgd.lr": 1 })]);
    expect(outputs[0].gradientNorm).toBeGreaterThan(0.01);
    let square = 0;
    for (const { name } of clipped.model.parameters) {
      const a = after.get(name)!.data as Float32Array;
      (clipped.first.get(name)!.data as Float32Array).forEach((v, i) => {
        square += (v - a[i]) ** 2;
      });
    }
    expect(Math.sqrt(square)).toBeCloseTo(0.01, 4);
  });
});
