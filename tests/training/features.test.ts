/** Runs that imitate a layer of their teacher: in the step, from stored features, resumed, and refused. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { initializeParameter } from "../../src/models/initialize.js";
import type { NamedTensors } from "../../src/tensor/index.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { readLog } from "../../src/training/run-folder/log-schema.js";
import { projectionNames, projectionOf } from "../../src/training/step/features.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import type { StoredSize } from "../../src/training/teacher/manifest.js";
import { expectSameState, micro, trainSteps, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
let teacher: string;
beforeAll(async () => {
  // A convnet without the settings of a DeiT.
  const { patchSize, width, heads, ...rest } = micro;
  const { folder: path } = await train({
    ...options("teacher"),
    recipe: parseRecipe({
      ...{ ...rest, model: "regnety", depth: 4, epochs: 1, mixup: 0, cutmix: 0, dropout: undefined },
      regnet: { initialWidth: 8, slope: 4, factor: 2, groupWidth: 8, stemStride: 1 },
    }),
  });
  teacher = join(path, "best.safetensors");
});

const imitating = (settings: RecipeSettings = {}): RecipeSettings => ({
  ...{ teacherWeights: teacher, features: { teacher: "s1", student: "blocks.0", weight: 2 } },
  ...settings,
});
const store = (name: string, settings: RecipeSettings, more = {}) =>
  buildTeacherCache({
    recipe: parseRecipe({ ...micro, ...settings }),
    ...{ engine: runs.engine(), data: "procedural:16:96", output: folder(name), workers: 0, ...more },
  });
const state = async (name: string): Promise<NamedTensors> =>
  (await readSafetensors(join(folder(name), "state.safetensors"))).tensors;
const difference = (a: NamedTensors, b: NamedTensors, name: string) =>
  (a.get(name)!.data as Float32Array).reduce((m, v, i) => Math.max(m, Math.abs(v - Number(b.get(name)!.data[i]))), 0);

describe("feature distillation", () => {
  it("trains a projection of its own, which is saved with the run but not with the model", async () => {
    const { model } = await train(options("imitating", imitating({ epochs: 1 })));
    await train(options("alone", { epochs: 1 }));
    const [after, alone] = [await state("imitating"), await state("alone")];
    const features = { student: "blocks.0", teacher: "s1", grid: [4, 4], channels: 8 } as const;
    for (const spec of projectionOf(model, features)) {
      expect(after.get(spec.name)!.shape).toEqual(spec.shape);
      expect(after.get(spec.name)!.data).not.toEqual(initializeParameter(spec, 0).data);
    }
    expect([...after.keys()].filter((name) => name.startsWith("teacher."))).toEqual([]);
    const { tensors } = await readSafetensors(join(folder("imitating"), "last.safetensors"));
    expect([...tensors.keys()].sort()).toEqual(model.parameters.map(({ name }) => name).sort());
    expect(difference(after, alone, "blocks.0.mlp.fc1.weight")).toBeGreaterThan(1e-3);
  });

  it("lowers the distance of the layers with nothing else to learn", async () => {
    // Labels without weight: what is left of the loss is the imitation.
    const settings = imitating({ distillation: "soft", taskLossWeight: 0, distillationLossWeight: 0, epochs: 6 });
    const quiet: RecipeSettings = { dropout: 0, dropPath: 0, mixup: 0, cutmix: 0, eraseProbability: 0 };
    const { epochs } = await train(options("distance", { ...settings, ...quiet, autoAugment: "none" }));
    expect(epochs.at(-1)!.trainLoss).toBeLessThan(0.85 * epochs[0].trainLoss);
    expect(epochs.at(-1)!.trainLoss).toBeGreaterThan(0);
  });

  it("continues a run as if it had not been interrupted, bit for bit", async () => {
    const settings = imitating({ features: { teacher: "s2", fall: "cosine", until: 0.75 }, accumulate: 2 });
    await train(options("whole", settings));
    expect(await trainSteps(options("broken-off", settings), 4)).toBe(true);
    await train(options("broken-off", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("broken-off"));
  });

  it("of stored features comes close to the teacher in the step, beside any mode of logits", async () => {
    const settings = imitating({ distillation: "decoupled", distilled: true, epochs: 1 });
    let size: StoredSize | undefined;
    await store("cache", settings, { onSize: (s: StoredSize) => (size = s) });
    // 4 × 4 vectors of 8 halves, 10 logits with their classes, what the rest shares, and the index.
    expect(size).toMatchObject({ views: 96, bytes: 96 * (4 * 4 * 8 * 2 + 10 * 4 + 2 + 4) });
    expect(size!.features).toEqual([{ layer: "s1", grid: [4, 4], channels: 8, epochs: 1, bytes: 96 * 4 * 4 * 8 * 2 }]);
    const file = await stat(join(folder("cache"), "epoch-0000.safetensors"));
    expect(file.size - size!.bytes).toBeLessThan(1024); // the header
    await train(options("in-the-step", settings));
    await train(options("stored", { ...settings, teacherCache: folder("cache") }));
    const [a, b] = [await state("in-the-step"), await state("stored")];
    // float16 has 11 bits; AdamW turns small differences of gradients into parts of a step of 0.01.
    for (const name of [...a.keys()].filter(
      (n) => n === projectionNames().weight || /^(head|blocks\.0).*weight$/.test(n),
    ))
      expect(difference(a, b, name), name).toBeLessThan(0.01);
    const alone = { ...settings, teacherWeights: undefined, teacherCache: folder("cache") };
    await train(options("stored-alone", alone));
    await expectSameState(folder("stored"), folder("stored-alone"));
    // The same answers serve a student of logits alone.
    await train(options("logits-alone", { ...settings, features: undefined, teacherCache: folder("cache") }));
  });

  it("stores no features of epochs in which they have no weight", async () => {
    const settings = imitating({ features: { teacher: "s1", grid: 1, until: 0.5 }, epochs: 2 });
    await store("early", settings);
    const files = ["epoch-0000.safetensors", "epoch-0001.safetensors"].map((f) => join(folder("early"), f));
    const [first, second] = await Promise.all(files.map(async (f) => (await readSafetensors(f)).tensors));
    expect(first.get("features")!.shape).toEqual([96, 1, 1, 8]);
    expect(second.has("features")).toBe(false);
    const { epochs } = await train(options("early-run", { ...settings, teacherCache: folder("early") }));
    expect(epochs).toHaveLength(2);
  });

  it("of several layers trains a projection for each, and logs the parts of the loss", async () => {
    const features = [
      { teacher: "s1", student: "blocks.0", weight: 2 },
      { teacher: "s2", student: "blocks.1", grid: 1, until: 0.5 },
    ];
    const settings = imitating({ distillation: "hard", distilled: true, features });
    let size: StoredSize | undefined;
    await store("several-cache", settings, { onSize: (s: StoredSize) => (size = s) });
    expect(size!.features!.map(({ layer, grid, epochs }) => [layer, grid, epochs])).toEqual([
      ["s1", [4, 4], 2],
      ["s2", [1, 1], 1],
    ]);
    const { epochs } = await train(options("several", settings));
    const stored = await train(options("several-stored", { ...settings, teacherCache: folder("several-cache") }));
    const after = await state("several");
    expect(after.get(projectionNames(0).weight)!.shape).toEqual([8, 16]);
    expect(after.get(projectionNames(1).weight)!.shape).toEqual([size!.features![1].channels, 16]);
    for (const { trainLoss, lossParts } of epochs) {
      const { task, distillation, features: distance } = lossParts!;
      for (const part of [task, distillation!, distance!]) expect(part).toBeGreaterThan(0.01);
      // Sums of float32 in the step, of double precision here.
      expect(task + distillation! + distance!).toBeCloseTo(trainLoss, 5);
    }
    // float16 in the files.
    expect(stored.epochs[1].lossParts!.features).toBeCloseTo(epochs[1].lossParts!.features!, 2);
    const lines = await readLog(join(folder("several"), "log.jsonl"));
    const logged = lines.flatMap((line) => (line.kind === "epoch" ? [line.lossParts] : []));
    expect(logged).toEqual(epochs.map(({ lossParts }) => lossParts));
    // Stored layers serve a student of any of them, in any order.
    const other = { ...settings, features: { ...features[0], weight: 1 }, teacherCache: folder("several-cache") };
    await train(options("one-of-several", other));
    // Without a teacher there is one part, and none is logged.
    const [plain] = (await train(options("no-parts", { epochs: 1 }))).epochs;
    expect(plain).not.toHaveProperty("lossParts");
  });

  it("of several layers continues a run bit for bit", async () => {
    const features = [{ teacher: "s1", student: "blocks.0" }, { teacher: "s2" }];
    const settings = imitating({ features, accumulate: 2 });
    const whole = await train(options("several-whole", settings));
    expect(await trainSteps(options("several-broken", settings), 4)).toBe(true);
    const resumed = await train(options("several-broken", settings, { resume: true }));
    await expectSameState(folder("several-whole"), folder("several-broken"));
    expect(resumed.epochs.at(-1)!.lossParts).toEqual(whole.epochs.at(-1)!.lossParts);
  });

  it("refuses stored features that are not those that it imitates", async () => {
    const settings = imitating({ features: { teacher: "s1", grid: 1 }, epochs: 2 });
    const use = (name: string, features: RecipeSettings["features"]) =>
      train(options(name, { ...settings, features, teacherCache: folder("early") }));
    await expect(use("f1", { teacher: "s2", grid: 1, until: 0.5 })).rejects.toThrow(
      /contains the teacher's layer s1 on 1 × 1 places in the first 1 epochs, but the recipe imitates the layer s2/,
    );
    await expect(use("f2", { teacher: "s1", grid: 2, until: 0.5 })).rejects.toThrow("s1 on 2 × 2 places in 1 epochs");
    await expect(use("f3", { teacher: "s1", grid: 1 })).rejects.toThrow("s1 on 1 × 1 places in 2 epochs");
    await store("plain", { teacherWeights: teacher, distillation: "hard", epochs: 1 });
    const plain = { ...settings, epochs: 1, teacherCache: folder("plain") };
    await expect(train(options("f4", plain))).rejects.toThrow("contains no features of the teacher, but");
    await expect(store("plain", { ...settings, epochs: 1, distillation: "hard" })).rejects.toThrow(
      "contains no features of the teacher, and the recipe asks for the teacher's layer s1",
    );
  });

  it("names the layers that there are, and the teachers that show none", async () => {
    const wrong = (features: RecipeSettings["features"]) => train(options("wrong", imitating({ features })));
    await expect(wrong({ teacher: "s5" })).rejects.toThrow(
      /The teacher "regnety" has no layer "s5"; did you mean "s\d"\? Its layers are stem, s1, s2, head\.fc\.input\./,
    );
    await expect(wrong({ teacher: "s1", student: "blocks.7" })).rejects.toThrow(
      'The student "deit" has no layer "blocks.7"',
    );
    const answering = { answer: () => [], name: "mine", identity: "1" };
    const asFunction = imitating({ teacherWeights: "function:mine" });
    await expect(train(options("function", asFunction, { ownTeacher: answering }))).rejects.toThrow(
      'Only the predictions of the teacher "function:mine" are known, not its layers',
    );
  });
});
