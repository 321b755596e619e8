// Training on several devices: the global batch is the unit, also of batch normalisation, and state may lie in parts.

import { afterAll, beforeAll, expect, it } from "vitest";
import type { DeviceState, Executable } from "../../../src/engines/engine.js";
import { collectives } from "../../../src/engines/xla/collectives.js";
import { createXlaEngine, type XlaEngine } from "../../../src/engines/xla/engine.js";
import type { XlaExecutable } from "../../../src/engines/xla/executable.js";
import { largestSide } from "../../../src/geometry/image-size.js";
import { deit } from "../../../src/models/deit.js";
import { initialize } from "../../../src/models/initialize.js";
import type { Model } from "../../../src/models/model.js";
import { regnety } from "../../../src/models/regnet.js";
import { RandomStream } from "../../../src/random/stream.js";
import { float32, type HostTensor, hostTensor, type NamedTensors, zeros } from "../../../src/tensor/index.js";
import { createOptimizer } from "../../../src/training/step/optimizers/index.js";
import { optimizerState, stepInputs, trainStep } from "../../../src/training/step/step.js";
import { dropPathInput, dropPathOrderInput } from "../../../src/training/step/stochastic-depth.js";
import { describeWithXla } from "../../setup/xla.js";

const batch = 16;
const optimizer = { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.05 } as const;
const models: Readonly<Record<string, Model>> = {
  // A single block: compiling takes nearly all of the time, and each block is divided alike.
  deit: deit("deit", { imageSize: 32, patchSize: 8, width: 64, depth: 1, heads: 2, classes: 10 }),
  dropping: deit("dropping", {
    ...{ imageSize: 32, patchSize: 8, width: 64, depth: 1, heads: 2, classes: 10 },
    ...{ dropPath: 0.7, dropPathRates: "uniform", layerScale: 0.5 },
  }),
  regnety: regnety(
    "regnety",
    { depth: 4, initialWidth: 16, slope: 16, factor: 2, groupWidth: 8 },
    { imageSize: 32, classes: 10 },
  ),
};
const stepOf = (model: Model) =>
  trainStep(model, { batch, devices: 8, optimizer, clipGradient: 1, ema: true, labelSmoothing: 0.1 });

/** Images of a batch, each brighter than the last: parts of it have other statistics than the whole. */
function data(step: number, size: number): NamedTensors {
  const random = new RandomStream({ seed: 3, epoch: 0, sample: step, purpose: "devices test" });
  const scalars = createOptimizer(optimizer).scalars(1e-3, step + 1);
  const pixels = Uint8Array.from({ length: batch * size * size * 3 }, (_, i) => {
    const image = Math.floor(i / (size * size * 3));
    return Math.floor((random.uniform() * 0.5 + image / (2 * batch)) * 256);
  });
  const scalar = (value: number) => hostTensor("float32", [], Float32Array.of(value));
  return new Map([
    [stepInputs.images, hostTensor("uint8", [batch, size, size, 3], pixels)],
    [
      stepInputs.labels,
      hostTensor(
        "int32",
        [batch],
        Int32Array.from({ length: batch }, (_, i) => (i * 7 + step) % 10),
      ),
    ],
    [stepInputs.emaDecay, scalar(0.9)],
    [
      dropPathInput,
      float32(
        [2, batch],
        Array.from({ length: 2 * batch }, () => random.uniform()),
      ),
    ],
    // Of each device's two images the second goes without the first branch, the first without the other.
    [
      dropPathOrderInput,
      hostTensor(
        "int32",
        [2, 2, 8, 2],
        Int32Array.from({ length: 64 }, (_, i) => (i < 32 ? i % 2 : 1 - (i % 2))),
      ),
    ],
    ...Object.entries(scalars).map(([name, value]) => [name, scalar(value)] as const),
  ]);
}

const engines: XlaEngine[] = [];
async function engine(devices: number, split: boolean): Promise<XlaEngine> {
  const on = await createXlaEngine({
    plugin: "cpu",
    devices,
    cache: false,
    splitState: split ? optimizerState : undefined,
  });
  engines.push(on);
  return on;
}
afterAll(async () => {
  for (const e of engines) await e.close();
});

interface Ran {
  readonly losses: readonly number[];
  readonly state: Map<string, HostTensor>;
  readonly executable: XlaExecutable;
}

async function run(model: Model, devices: number, split: boolean, steps = 3): Promise<Ran> {
  const on = await engine(devices, split);
  const step = stepOf(model);
  const executable: Executable = await on.compile(step.program);
  const weights = initialize(model, 1);
  const first = [...step.state].map(
    ([name, shape]) => [name, weights.get(name.replace(/^ema\./, "")) ?? zeros("float32", shape)] as const,
  );
  const state: DeviceState = await on.createState(new Map(first));
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    losses.push((await executable.run(state, data(i, largestSide(model.imageSize)))).get("loss")!.data[0] as number);
  }
  return { losses, state: await state.read(), executable: executable as XlaExecutable };
}

/** Each run is needed once; those of several tests share it. */
const runs = new Map<string, Promise<Ran>>();
function ran(model: Model, devices: number, split = false): Promise<Ran> {
  const key = JSON.stringify([model.name, devices, split]);
  const found = runs.get(key) ?? run(model, devices, split);
  runs.set(key, found);
  return found;
}

/** Largest difference over all elements, as a share of the largest element of the tensor. */
function difference(a: HostTensor, b: HostTensor): number {
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  const largest = x.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
  return x.reduce((m, v, i) => Math.max(m, Math.abs(v - y[i])), 0) / largest;
}

// Seconds each, but compilers want the processor, and it may be shared.
describeWithXla.each(Object.entries(models))("%s", { timeout: 300_000 }, (_, model) => {
  let alone: Ran;
  beforeAll(async () => {
    alone = await ran(model, 1);
  }, 300_000);

  it.each([
    [2, false],
    [4, false],
    [8, false],
    [8, true],
  ])("trains on %i devices as on one (optimizer state in parts: %s)", async (devices, split) => {
    const many = await ran(model, devices, split);
    // Sums in another order, three steps on: AdamW's division makes the most of what is left of tiny gradients.
    many.losses.forEach((loss, i) => {
      expect(Math.abs(loss / alone.losses[i] - 1)).toBeLessThan(1e-4);
    });
    expect([...many.state.keys()].sort()).toEqual([...alone.state.keys()].sort());
    for (const [tensor, value] of alone.state) {
      expect(many.state.get(tensor)!.shape).toEqual(value.shape);
      if (/running_|^optimizer\.exp_avg\./.test(tensor)) {
        expect(difference(value, many.state.get(tensor)!), tensor).toBeLessThan(2e-3);
      }
    }
  });
});

describeWithXla("branches for the images that are kept", { timeout: 300_000 }, () => {
  it("leave each image on its device", async () => {
    const { executable } = await ran(models.dropping, 8);
    const { kind } = collectives(executable.loaded.optimizedProgram())[0];
    expect(collectives(executable.loaded.optimizedProgram())).toHaveLength(1);
    expect(kind).toBe("all-reduce");
  });
});

describeWithXla("optimizer state in parts", { timeout: 300_000 }, () => {
  const model = models.deit;
  it("needs less memory on each device, and gathers its updates", async () => {
    const bytes = async (split: boolean) => {
      const { executable } = await ran(model, 8, split);
      return {
        arguments: executable.loaded.memory()!.argumentBytes,
        sent: collectives(executable.loaded.optimizedProgram()),
      };
    };
    const [whole, parts] = [await bytes(false), await bytes(true)];
    const state = [...stepOf(model).state];
    const elements = (of: (n: string) => boolean) =>
      state.filter(([n]) => of(n)).reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const saved = whole.arguments - parts.arguments;
    // Seven of eight parts of moments and averages, but for the small tensors.
    expect(saved).toBeGreaterThan(0.7 * 4 * elements(optimizerState));
    expect(saved).toBeLessThanOrEqual(0.875 * 4 * elements(optimizerState));
    expect(whole.sent.map((c) => c.kind)).toEqual(["all-reduce"]);
    expect(parts.sent.map((c) => c.kind)).toContain("all-gather");
  });
});
