/** A run of seconds: a micro DeiT on the built-in shapes. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { openDataset } from "../../src/data/sources/open.js";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { evaluateHeads, type HeadResult } from "../../src/evaluation/evaluate-heads.js";
import { headLogits } from "../../src/evaluation/heads.js";
import { Probe } from "../../src/evaluation/probe.js";
import type { ResolvedModel } from "../../src/evaluation/resolve-model.js";
import { viewLoader } from "../../src/evaluation/view-loader.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import type { TrainOptions } from "../../src/training/run/train-options.js";
import { train } from "../../src/training/run/trainer.js";

export const micro: RecipeSettings = {
  model: "deit",
  imageSize: 16,
  patchSize: 4,
  width: 16,
  depth: 2,
  heads: 2,
  epochs: 2,
  batchSize: 16,
  lr: 0.01,
  scaleLr: false,
  warmupEpochs: 0,
  dropout: 0.1,
};

export interface Runs {
  readonly folder: (name: string) => string;
  readonly engine: () => Engine;
  /** Options of a run into the folder `name`. */
  readonly options: (name: string, settings?: RecipeSettings, more?: Partial<TrainOptions>) => TrainOptions;
}

/** Weights of a teacher that has trained for an epoch; to be called once in a file of tests. */
export function useTeacher({ options }: Runs): () => string {
  let weights: string;
  beforeAll(async () => {
    const { folder } = await train(options("teacher", { epochs: 1, dropPath: 0 }));
    weights = join(folder, "best.safetensors");
  });
  return () => weights;
}

/** What both heads together make of the test images of these runs, in the model's own view. */
export async function measured(
  engine: Engine,
  { model, view, weights, classes }: Pick<ResolvedModel, "model" | "view" | "weights" | "classes">,
): Promise<HeadResult> {
  const dataset = await openDataset("procedural:16:32", { split: "test", classes });
  const probe = await Probe.create(engine, model, weights, headLogits(model));
  const loader = viewLoader({ dataset, view, batchSize: 32, workers: 0 });
  const result = (await evaluateHeads(probe, { loader, dataset })).get("both")!;
  await probe.dispose();
  return result;
}

/** An engine and a scratch folder for the tests of a file. */
export function useRuns(): Runs {
  let engine: Engine;
  let scratch: string;
  beforeAll(async () => {
    engine = await createOnnxEngine({ threads: 1 });
    scratch = await mkdtemp(join(tmpdir(), "deit-runs-"));
  });
  afterAll(async () => {
    await engine.close();
    await rm(scratch, { recursive: true, maxRetries: 3 });
  });
  const folder = (name: string) => join(scratch, name);
  return {
    folder,
    engine: () => engine,
    options: (name, settings = {}, more = {}) => ({
      recipe: parseRecipe({ ...micro, ...settings }),
      engine,
      data: "procedural:16:96",
      validation: "procedural:16:32",
      output: folder(name),
      workers: 0,
      ...more,
    }),
  };
}

/** Trains until `steps` steps are done, as if the user had interrupted it then. */
export async function trainSteps(options: TrainOptions, steps: number): Promise<boolean> {
  const controller = new AbortController();
  const result = await train({
    ...options,
    signal: controller.signal,
    onEvent: (e) => {
      if (e.kind === "step" && e.step >= steps) controller.abort();
    },
  });
  return result.interrupted;
}

/** All state of two runs is the same, bit for bit. */
export async function expectSameState(a: string, b: string, only = (_name: string): boolean => true): Promise<void> {
  const [one, two] = await Promise.all([a, b].map((f) => readSafetensors(join(f, "state.safetensors"))));
  const names = [...one.tensors.keys()].filter(only);
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) expect(two.tensors.get(name)?.data, name).toEqual(one.tensors.get(name)!.data);
}
