/** Blocks that are computed again in the backward pass: the same step, in less memory. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { createXlaEngine } from "../../src/engines/xla/engine.js";
import { deit } from "../../src/models/deit.js";
import { initialize } from "../../src/models/initialize.js";
import type { Model } from "../../src/models/model.js";
import { regnety } from "../../src/models/regnet.js";
import { RandomStream } from "../../src/random/stream.js";
import { float32, type HostTensor, hostTensor, zeros } from "../../src/tensor/index.js";
import { dropoutSeedInput } from "../../src/training/step/context.js";
import { trainStep } from "../../src/training/step/step.js";
import { dropPathOrderInput } from "../../src/training/step/stochastic-depth.js";
import { describeWithXla } from "../setup/xla.js";

const batch = 8;
const optimizer = { kind: "sgd", momentum: 0, nesterov: false, weightDecay: 0 } as const;
const models: Readonly<Record<string, Model>> = {
  deit: deit("deit", {
    ...{ imageSize: 32, patchSize: 4, width: 32, depth: 6, heads: 2, classes: 5 },
    ...{ distilled: true, layerScale: 0.5, dropPath: 0.3, dropout: 0.1, patchDropout: 0.25 },
  }),
  regnety: regnety(
    "regnety",
    // Stages of several blocks: of one block each there is nothing to save, since that block is at work when memory peaks.
    { depth: 8, initialWidth: 16, slope: 4, factor: 2, groupWidth: 8 },
    { imageSize: 64, classes: 5, dropPath: 0.2 },
  ),
};

/** What a step makes of the state, and what it needs of memory. */
async function ran(engine: Engine, model: Model, gradCheckpointing: boolean) {
  const { program, state } = trainStep(model, { batch, optimizer, gradCheckpointing });
  const stream = new RandomStream({ seed: 1, purpose: "checkpointing" });
  const value = (name: string, dtype: string, shape: readonly number[]): HostTensor => {
    const count = shape.reduce((a, b) => a * b, 1);
    if (dtype === "uint8")
      return hostTensor(
        "uint8",
        shape,
        Uint8Array.from({ length: count }, () => stream.integer(256)),
      );
    if (name === "patchOrder")
      return hostTensor(
        "int32",
        shape,
        Int32Array.from(Array.from({ length: shape[0] }, () => [...stream.permutation(shape[1])]).flat()),
      );
    // The images in reverse order, which is its own inverse.
    if (name === dropPathOrderInput)
      return hostTensor(
        "int32",
        shape,
        Int32Array.from({ length: count }, (_, i) => batch - 1 - (i % batch)),
      );
    if (name === dropoutSeedInput) return hostTensor("int32", shape, Int32Array.of(7, 8));
    if (dtype === "int32")
      return hostTensor(
        "int32",
        shape,
        Int32Array.from({ length: count }, (_, i) => i % 5),
      );
    return float32(
      shape,
      Array.from({ length: count }, () => (name === "sgd.lr" ? 0.5 : stream.uniform())),
    );
  };
  const data = program.inputs
    .filter((i) => i.role === "data")
    .map((i) => [i.name, value(i.name, i.dtype, i.shape)] as const);
  const weights = initialize(model, 0);
  const first = new Map([...state].map(([name, shape]) => [name, weights.get(name) ?? zeros("float32", shape)]));
  const executable = await engine.compile(program);
  const device = await engine.createState(first);
  const loss = (await executable.run(device, new Map(data))).get("loss")!.data[0];
  const need = await engine.memoryNeed(program);
  return { loss, state: await device.read(), needed: need!.needed, first };
}

function describeOn(
  name: string,
  create: () => Promise<Engine>,
  suite: typeof describe | typeof describeWithXla,
): void {
  suite(`recomputation on ${name}`, { timeout: 300_000 }, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await create();
    }, 300_000);
    afterAll(() => engine?.close());

    it.each(Object.keys(models))("is the same step of a %s in less memory", async (kind) => {
      const [kept, again] = [await ran(engine, models[kind], false), await ran(engine, models[kind], true)];
      expect(again.loss).toBeCloseTo(Number(kept.loss), 5);
      let moved = 0;
      for (const [key, value] of kept.state) {
        const [a, b, from] = [value, again.state.get(key)!, kept.first.get(key)!].map((t) => t.data as Float32Array);
        // Compilers may order sums of the two programs differently: a few units in the last place of the largest.
        const largest = a.reduce((most, v, i) => Math.max(most, Math.abs(v - from[i]), Math.abs(v) * 0.01), 1e-3);
        a.forEach((v, i) => {
          if (v !== from[i]) moved++;
          expect(Math.abs(v - b[i]) / largest, key).toBeLessThan(2e-4);
        });
      }
      expect(moved).toBeGreaterThan(1000);
      expect(again.needed).toBeLessThan(kept.needed);
    });
  });
}

describeOn("ONNX Runtime", () => createOnnxEngine({ threads: 1 }), describe);
describeOn("XLA", () => createXlaEngine({ plugin: "cpu", cache: false }), describeWithXla);
