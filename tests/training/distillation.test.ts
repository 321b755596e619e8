/** Students and teachers: every way to distil, and stored answers in place of the teacher. */
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Batch } from "../../src/data/loading/loader.js";
import { openDataset } from "../../src/data/sources/open.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { inferenceContext, parameterInputs } from "../../src/models/context.js";
import { initialize } from "../../src/models/initialize.js";
import type { Model } from "../../src/models/model.js";
import { createModel } from "../../src/models/registry.js";
import { evaluate, type NamedTensors } from "../../src/tensor/index.js";
import { trainingLoader } from "../../src/training/feed/training-data.js";
import { parseRecipe, type Recipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { batchImages } from "../../src/training/step/batch/index.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import { expectSameState, micro, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
let teacher: string;
beforeAll(async () => {
  const { folder: path } = await train(
    options("teacher", { epochs: 3, width: 24, heads: 3, mixup: 0, cutmix: 0, dropPath: 0 }),
  );
  teacher = join(path, "best.safetensors");
});

const student = (settings: RecipeSettings): RecipeSettings => ({
  distilled: true,
  distillation: "hard",
  teacherWeights: teacher,
  ...settings,
});
const cacheOf = (name: string, settings: RecipeSettings, more = {}) =>
  buildTeacherCache({
    recipe: parseRecipe({ ...micro, ...settings }),
    engine: runs.engine(),
    data: "procedural:16:96",
    output: folder(name),
    workers: 0,
    ...more,
  });
const isModel = (name: string) => !name.startsWith("optimizer.");

/** A run of one step by plain SGD: how far the biases of its heads have moved is their gradient. */
const oneStep: RecipeSettings = {
  ...{ epochs: 1, batchSize: 16, repeatedAugmentation: 1, optimizer: "sgd", momentum: 0, nesterov: false, lr: 0.5 },
  ...{ weightDecay: 0, dropout: 0, dropPath: 0, labelSmoothing: 0, mixup: 0, cutmix: 0, eraseProbability: 0 },
};
const oneBatch = { data: "procedural:16:16" };
type Rows = readonly (readonly number[])[];

/** Logits of both heads in double precision, of the views that the first batch of the recipe holds. */
async function logitsOf(
  model: Model,
  weights: NamedTensors,
  { images }: Batch,
): Promise<Readonly<Record<string, Rows>>> {
  const views = batchImages(16, model);
  const { logits, distillation = logits } = model.forward(inferenceContext(parameterInputs(model)), views);
  const values = new Map([...weights].map(([name, { data }]) => [name, data as Float32Array] as const));
  const found = evaluate([logits, distillation], new Map<string, ArrayLike<number>>([...values, ["images", images]]));
  const [head, token] = found.map((all) =>
    Array.from({ length: 16 }, (_, i) => [...all.slice(i * model.classes, (i + 1) * model.classes)]),
  );
  return { head, head_dist: token };
}

/** The first batch of a run, its labels one-hot, and what the heads of student and teacher say of it before the step. */
async function beforeTheStep(recipe: Recipe, student: Model) {
  const dataset = await openDataset(oneBatch.data, { split: "train" });
  const loader = trainingLoader(dataset, recipe, student, { data: oneBatch.data, workers: 0 });
  const batch = (await loader.epoch(0).next()).value as Batch;
  const teaching = createModel("deit", { imageSize: 16, patchSize: 4, width: 24, depth: 2, heads: 3, classes: 10 });
  const heads = await logitsOf(student, initialize(student, recipe.seed), batch);
  const answer = (await logitsOf(teaching, (await readSafetensors(teacher)).tensors, batch)).head;
  await loader.close();
  return { labels: [...(batch.labels as Int32Array)].map(oneHot), heads, answer };
}
const oneHot = (label: number) => Array.from({ length: 10 }, (_, c) => (c === label ? 1 : 0));
const decided = (row: readonly number[]) => oneHot(row.indexOf(Math.max(...row)));
const softmax = (row: readonly number[], tau = 1) => {
  const powers = row.map((v) => Math.exp(v / tau));
  return powers.map((v) => v / powers.reduce((a, b) => a + b));
};
/** Σ over the batch of softmax(z / τ) - q: the gradient of cross entropy, summed. */
const pull = (logits: Rows, targets: Rows, tau = 1) =>
  oneHot(-1).map((_, c) => logits.reduce((sum, row, i) => sum + softmax(row, tau)[c] - targets[i][c], 0));
const plus = (a: readonly number[], b: readonly number[]) => a.map((v, i) => v + b[i]);
const times = (a: readonly number[], factor: number) => a.map((v) => v * factor);

describe("distillation", () => {
  type Before = Awaited<ReturnType<typeof beforeTheStep>>;
  // The gradient of each head's bias, from the formulas of the paper; the class head learns the labels with 1 - α.
  it.each<[kind: string, settings: RecipeSettings, gradients: (before: Before) => Record<string, readonly number[]>]>([
    [
      "hard",
      { distillationAlpha: 0.25 },
      ({ heads, labels, answer }) => ({
        head: times(pull(heads.head, labels), 0.75 / 16),
        head_dist: times(pull(heads.head_dist, answer.map(decided)), 0.25 / 16),
      }),
    ],
    [
      "soft",
      { distillationTau: 3, distillationAlpha: 0.1 },
      ({ heads, labels, answer }) => ({
        head: times(pull(heads.head, labels), 0.9 / 16),
        head_dist: times(
          pull(
            heads.head_dist,
            answer.map((row) => softmax(row, 3)),
            3,
          ),
          (0.1 * 3) / 16,
        ),
      }),
    ],
    [
      "soft",
      { distillationNormalization: "released" },
      ({ heads, labels, answer }) => ({
        head: times(pull(heads.head, labels), 0.5 / 16),
        head_dist: times(
          pull(
            heads.head_dist,
            answer.map((row) => softmax(row)),
          ),
          0.5 / (16 * 10),
        ),
      }),
    ],
    [
      "hard",
      { distilled: false },
      ({ heads, labels, answer }) => ({
        head: plus(times(pull(heads.head, labels), 0.5 / 16), times(pull(heads.head, answer.map(decided)), 0.5 / 16)),
      }),
    ],
    [
      "labels",
      { teacherWeights: undefined },
      ({ heads, labels }) => ({
        head: times(pull(heads.head, labels), 0.5 / 16),
        head_dist: times(pull(heads.head_dist, labels), 0.5 / 16),
      }),
    ],
  ])(
    "%s %j moves each head by its own gradient, and leaves the teacher out of the checkpoint",
    async (kind, settings, gradients) => {
      const name = `${kind}-${Object.keys(settings)[0]}`;
      const given = student({ ...oneStep, distillation: kind, ...settings } as RecipeSettings);
      const { recipe, ...rest } = options(name, given, oneBatch);
      const result = await train({ recipe, ...rest });
      const { tensors } = await readSafetensors(join(result.folder, "state.safetensors"));
      expect([...tensors.keys()].filter((n) => n.startsWith("teacher."))).toEqual([]);
      const expected = Object.entries(gradients(await beforeTheStep(recipe, result.model)));
      expect(expected.map(([head]) => `${head}.bias`)).toEqual(
        [...tensors.keys()].filter((n) => /^head.*bias$/.test(n)),
      );
      for (const [head, gradient] of expected) {
        const moved = [...(tensors.get(`${head}.bias`)!.data as Float32Array)]; // biases begin at 0
        moved.forEach((v, c) => {
          expect(v, `${head} class ${c}`).toBeCloseTo(-0.5 * gradient[c], 6);
        });
        expect(Math.max(...moved.map(Math.abs))).toBeGreaterThan(1e-3);
      }
    },
  );

  it("refuses a token that nothing trains, and a token that is not there", async () => {
    await expect(train(options("idle", { distilled: true }))).rejects.toThrow("trains nothing with it");
    await expect(
      train(options("missing", student({ distilled: false, distillationOn: "distillation" }))),
    ).rejects.toThrow("has none; choose a distilled model or set distilled=true");
    expect(() => parseRecipe({ distillation: "hard" })).toThrow("there is no teacher; set teacherWeights");
  });
});

describe("stored answers", () => {
  it("lead to the same weights, bit for bit, as the teacher in the step", async () => {
    const settings = student({ accumulate: 2, batchSize: 32 });
    await cacheOf("hard-cache", settings);
    await train(options("with-teacher", settings));
    await train(options("with-answers", { ...settings, teacherCache: folder("hard-cache") }));
    await expectSameState(folder("with-teacher"), folder("with-answers"));
    const alone = { ...settings, teacherWeights: undefined, teacherCache: folder("hard-cache") };
    await train(options("answers-alone", alone));
    await expectSameState(folder("with-teacher"), folder("answers-alone"));
  });

  it("of soft distillation come close: logits are kept as float16", async () => {
    const settings = student({ distillation: "soft", distillationTau: 2, epochs: 1 });
    await cacheOf("soft-cache", settings);
    await train(options("soft-teacher", settings));
    await train(options("soft-answers", { ...settings, teacherCache: folder("soft-cache") }));
    const [a, b] = await Promise.all(
      ["soft-teacher", "soft-answers"].map((n) => readSafetensors(join(folder(n), "state.safetensors"))),
    );
    for (const name of [...a.tensors.keys()].filter((n) => isModel(n) && /head/.test(n))) {
      const [x, y] = [a, b].map((s) => s.tensors.get(name)!.data as Float32Array);
      // float16 has 11 bits; AdamW turns small differences of gradients into parts of a step of 0.01.
      expect(x.reduce((m, v, i) => Math.max(m, Math.abs(v - y[i])), 0)).toBeLessThan(0.01);
    }
  });

  it("may keep the largest logits only; the rest share what is left", async () => {
    const settings = student({ distillation: "soft", epochs: 1, mixup: 0, cutmix: 0 });
    await cacheOf("top3", settings, { topK: 3 });
    const { tensors } = await readSafetensors(join(folder("top3"), "epoch-0000.safetensors"));
    expect(tensors.get("logits")!.shape).toEqual([96, 3]);
    const result = await train(options("from-top3", { ...settings, teacherCache: folder("top3") }));
    expect(result.epochs[0].step).toBe(6); // what the rest shares: src/training/teacher/stored-answers.test.ts
  });

  it("are resumed where they were interrupted", async () => {
    const settings = student({});
    const controller = new AbortController();
    const begun = cacheOf("resumed", settings, {
      signal: controller.signal,
      onProgress: (images: number) => images > 96 && controller.abort(),
    });
    await expect(begun).rejects.toThrow("Interrupted in epoch 2 of 2; the same command continues from there");
    expect((await readdir(folder("resumed"))).sort()).toEqual([
      "epoch-0000.safetensors",
      "epoch-0001.safetensors.part",
      "manifest.json",
    ]);
    await expect(train(options("too-early", { ...settings, teacherCache: folder("resumed") }))).rejects.toThrow(
      "end before epoch 2 of 2",
    );
    const seen: number[] = [];
    await cacheOf("resumed", settings, { onProgress: (images: number) => seen.push(images) });
    expect(seen[0]).toBeGreaterThan(96 + 16); // the answers that were known are not worked out again
    expect((await readdir(folder("resumed"))).sort()).toEqual([
      "epoch-0000.safetensors",
      "epoch-0001.safetensors",
      "manifest.json",
    ]);
    await cacheOf("at-once", settings);
    const bytes = (name: string) => readFile(join(folder(name), "epoch-0001.safetensors"));
    expect(await bytes("resumed")).toEqual(await bytes("at-once"));
  });

  it("are refused when they belong to something else, with the reason", async () => {
    const settings = student({});
    await cacheOf("answers", settings);
    const use = (name: string, change: RecipeSettings, more = {}) =>
      train(options(name, { ...settings, teacherCache: folder("answers"), ...change }, more));
    await expect(use("r1", { seed: 9 })).rejects.toThrow(/do not belong to this run: the seed differs\. Create/);
    await expect(use("r2", { mixup: 0.1 })).rejects.toThrow(": Mixup or CutMix differs. Create");
    await expect(use("r2", { autoAugment: "none", eraseProbability: 0.9 })).rejects.toThrow(
      ": images are cropped, resized, augmented or normalised differently; random erasing differs. Create",
    );
    await expect(use("r3", {}, { data: "procedural:16:80" })).rejects.toThrow("the training images are others");
    const other = await train(options("other", { epochs: 1, seed: 1 }));
    await expect(use("r4", { teacherWeights: other.folder })).rejects.toThrow("the teacher differs");
    await expect(use("r5", { distillation: "soft" })).rejects.toThrow("contains decisions only");
    await truncate(join(folder("answers"), "epoch-0001.safetensors"), 200);
    await expect(use("r6", {})).rejects.toThrow(
      /epoch-0001\.safetensors" is damaged: it is cut off or no file of answers\. Remove it and create the predictions again\.$/,
    );
    await writeFile(join(folder("answers"), "manifest.json"), "{}");
    await expect(use("r7", {})).rejects.toThrow("is not a manifest of teacher predictions");
  });
});
