/** Students and teachers: every way to distil, and stored answers in place of the teacher. */
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import { expectSameState, micro, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
let teacher: string;
beforeAll(async () => {
  const { folder: path } = await train(options("teacher", { epochs: 3, width: 24, heads: 3, mixup: 0, cutmix: 0 }));
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

describe("distillation", () => {
  it.each([
    ["hard", {}],
    ["soft", { distillationTau: 3, distillationAlpha: 0.1 }],
    ["soft", { distillationNormalization: "released" }],
    ["hard", { distilled: false }],
    ["labels", { teacherWeights: undefined }],
  ] as const)("%s %j trains both heads and leaves the teacher out of the checkpoint", async (kind, settings) => {
    const name = `${kind}-${Object.keys(settings)[0] ?? "token"}`;
    const result = await train(
      options(name, student({ distillation: kind, epochs: 1, ...settings } as RecipeSettings)),
    );
    const { tensors } = await readSafetensors(join(result.folder, "state.safetensors"));
    expect([...tensors.keys()].filter((n) => n.startsWith("teacher."))).toEqual([]);
    const heads = [...tensors.keys()].filter((n) => /^head.*bias$/.test(n));
    expect(heads.length).toBe(result.model.distilled ? 2 : 1);
    for (const head of heads) expect((tensors.get(head)!.data as Float32Array).some((v) => v !== 0)).toBe(true);
  });

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
    expect(Number.isFinite(result.epochs[0].trainLoss)).toBe(true);
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
    await expect(use("r1", { seed: 9 })).rejects.toThrow(/do not belong to this run: the seed differs\. Make/);
    await expect(use("r2", { mixup: 0.1 })).rejects.toThrow(": Mixup or CutMix is another. Make");
    await expect(use("r2", { autoAugment: "none", eraseProbability: 0.9 })).rejects.toThrow(
      ": images are cropped, resized, augmented or normalised otherwise; random erasing is another. Make",
    );
    await expect(use("r3", {}, { data: "procedural:16:80" })).rejects.toThrow("the dataset is another");
    const other = await train(options("other", { epochs: 1, seed: 1 }));
    await expect(use("r4", { teacherWeights: other.folder })).rejects.toThrow("the teacher is another");
    await expect(use("r5", { distillation: "soft" })).rejects.toThrow("holds decisions only");
    await truncate(join(folder("answers"), "epoch-0001.safetensors"), 200);
    await expect(use("r6", {})).rejects.toThrow(
      /epoch-0001\.safetensors" is damaged: it is cut off or no file of answers\. Remove it and make the answers again\.$/,
    );
    await writeFile(join(folder("answers"), "manifest.json"), "{}");
    await expect(use("r7", {})).rejects.toThrow("is not a manifest of teacher predictions");
  });
});
