/** What is seen inside a model, against timm's (tests/fixtures/evaluation/generate_analysis.py). */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Loader } from "../../src/data/loading/loader.js";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { InterruptedError, UsageError } from "../../src/errors/errors.js";
import { type Decisions, decide, disagreement, probeDecider } from "../../src/evaluation/agreement.js";
import { Attention } from "../../src/evaluation/attention.js";
import { headLogits } from "../../src/evaluation/heads.js";
import { passOver } from "../../src/evaluation/pass.js";
import { Probe } from "../../src/evaluation/probe.js";
import { meanTokenCosines, tokenCosines, tokenLayers } from "../../src/evaluation/tokens.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { deit } from "../../src/models/deit.js";
import { initialize } from "../../src/models/initialize.js";
import { linearClassifier } from "../../src/models/linear.js";
import type { NamedTensors } from "../../src/tensor/index.js";
import { describeWithReference as describe, shared } from "../setup/reference-data.js";

const root = new URL("../../", import.meta.url).pathname;
const sizes = { imageSize: 32, patchSize: 8, width: 48, depth: 3, heads: 3, classes: 7 };
const model = deit("micro", { ...sizes, distilled: true });

let engine: Engine;
let weights: NamedTensors;
let reference: NamedTensors;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
  const stored = (await readSafetensors(join(shared, "fixtures/deit_micro_distilled.safetensors"))).tensors;
  weights = new Map(model.parameters.map((p) => [p.name, stored.get(`model.${p.name}`)!]));
  reference = (await readSafetensors(join(root, "tests/fixtures/evaluation/analysis.safetensors"))).tensors;
});
afterAll(() => engine.close());

const expected = (name: string) => reference.get(name)!.data as Float32Array;
/** float32 against double precision: sums of some hundred terms. */
const expectClose = (ours: ArrayLike<number>, theirs: ArrayLike<number>, within = 2e-6) => {
  expect(ours.length).toBe(theirs.length);
  for (let i = 0; i < ours.length; i++) expect(Math.abs(ours[i] - theirs[i])).toBeLessThan(within);
};

/** The 24 reference images in batches of 10, the last one with 4. */
const referenceImages = { length: 24, describe: String };

function referenceLoader(): Loader {
  const images = reference.get("images")!.data as Uint8Array;
  const truth = reference.get("truth")!.data as Int32Array;
  const bytes = 32 * 32 * 3;
  return {
    ...{ stepsPerEpoch: 3, batchSize: 10, waited: () => 0, close: async () => undefined },
    async *epoch() {
      for (let step = 0; step < 3; step++) {
        const count = Math.min(10, 24 - 10 * step);
        const padded = new Uint8Array(10 * bytes);
        padded.set(images.subarray(10 * step * bytes, (10 * step + count) * bytes));
        const indices = Int32Array.from({ length: 10 }, (_, i) => (i < count ? 10 * step + i : -1));
        yield {
          step,
          first: 0,
          size: 32,
          images: padded,
          labels: indices.map((i) => truth[i] ?? 0),
          indices,
          views: new Int32Array(10),
          count,
        };
      }
    },
  };
}

describe("attention", () => {
  it.each(["class", "distillation"] as const)("of the %s token: timm's maps and their rollout", async (token) => {
    const attention = await Attention.create(engine, model, weights, token);
    const maps = await attention.maps(reference.get("images")!.data as Uint8Array, 24);
    await attention.dispose();
    expect(maps.map((m) => [m.grid, m.heads.length])).toEqual(Array(24).fill([[4, 4], 3]));
    const flat = maps.flatMap((m) => m.heads.flatMap((h) => [...h]));
    expectClose(flat, expected(`${token}_heads`));
    const rolled = maps.flatMap((m) => [...m.rollout]);
    expectClose(rolled, expected(`${token}_rollout`));
  });
  it("of a model of one block without the second token: shares that sum to less than one", async () => {
    const small = deit("small", { ...sizes, depth: 1 });
    const attention = await Attention.create(engine, small, initialize(small, 3));
    const [map] = await attention.maps(new Uint8Array(32 * 32 * 3).fill(99), 1);
    await attention.dispose();
    const sum = (values: Float32Array) => values.reduce((a, b) => a + b, 0);
    // The model is nearly uniform at its start: 16 patches of 17 tokens; the rollout keeps half on its own token.
    for (const head of map.heads) expect(sum(head)).toBeCloseTo(16 / 17, 2);
    expect(sum(map.rollout)).toBeCloseTo(8 / 17, 2);
  });
  it("is refused for models without attention, and for a token they lack", async () => {
    const linear = linearClassifier({});
    await expect(Attention.create(engine, linear, initialize(linear, 0))).rejects.toThrow(/linear.*is none/);
    const plain = deit("plain", sizes);
    await expect(Attention.create(engine, plain, initialize(plain, 0), "distillation")).rejects.toThrow(UsageError);
  });
});

describe("cosine of the tokens", () => {
  it("is timm's in every layer", async () => {
    const probe = await Probe.create(engine, model, weights, tokenCosines(model));
    const cosines = await meanTokenCosines(model, passOver(probe, { loader: referenceLoader() }));
    await probe.dispose();
    expect(cosines.map((c) => c.layer)).toEqual(["learned", "embedding", "block 1", "block 2", "block 3", "norm"]);
    const all = expected("cosines");
    tokenLayers(model).forEach((_, layer) => {
      const column = Array.from({ length: 24 }, (_, i) => all[i * 6 + layer]);
      const mean = column.reduce((a, b) => a + b) / 24;
      const deviation = Math.sqrt(column.reduce((s, v) => s + (v - mean) ** 2, 0) / 23);
      expect(cosines[layer].cosine).toBeCloseTo(mean, 5);
      expect(cosines[layer].deviation).toBeCloseTo(deviation, 5);
    });
  });
  it("is refused without a second token", () => {
    expect(() => tokenCosines(deit("plain", sizes))).toThrow(/has no distillation token/);
  });
});

describe("disagreement", () => {
  it("of the truth and the heads equals NumPy's counts", async () => {
    const probe = await Probe.create(engine, model, weights, headLogits(model));
    const [heads] = await decide([probeDecider("student", probe)], referenceImages, { loader: referenceLoader() });
    await probe.dispose();
    expect(heads.map((h) => h.name)).toEqual(["student", "student class", "student distillation"]);
    const truth: Decisions = { name: "truth", classes: reference.get("truth")!.data as Int32Array };
    const [both, byClass, byDistillation] = heads;
    const matrix = disagreement([truth, byClass, byDistillation, both]).flat();
    expectClose(matrix, expected("disagreement"));
  });
  it("is refused for decisions on different images", () => {
    const a = { name: "a", classes: new Int32Array(3) };
    expect(() => disagreement([a, { name: "b", classes: new Int32Array(4) }])).toThrow(/same images/);
  });
  it("stops when it is interrupted", async () => {
    const probe = await Probe.create(engine, model, weights, headLogits(model));
    const stopped = decide([probeDecider("m", probe)], referenceImages, {
      loader: referenceLoader(),
      signal: AbortSignal.abort(),
    });
    await expect(stopped).rejects.toThrow(InterruptedError);
    await probe.dispose();
  });
});
