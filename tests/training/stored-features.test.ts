/** Runs on stored features of a frozen part, compared with the same runs without. */
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { expectSameState, trainSteps, useRuns } from "./setup.js";

const { options, folder } = useRuns();

const plain: RecipeSettings = { mixup: 0, cutmix: 0, repeatedAugmentation: 1 };
const blocks: RecipeSettings = { trainedParts: "last-1-blocks", depth: 3, dropPath: 0.2, lr: 0.003, epochs: 3 };

/** Largest difference between the trained weights of two runs. */
async function difference(a: string, b: string): Promise<number> {
  const [one, two] = await Promise.all(
    [a, b].map(async (name) => (await readSafetensors(join(folder(name), "last.safetensors"))).tensors),
  );
  let most = 0;
  for (const [name, { data }] of one)
    for (const [i, v] of data.entries()) most = Math.max(most, Math.abs(Number(v) - Number(two.get(name)!.data[i])));
  return most;
}

let finetune: string;
beforeAll(async () => {
  await train(options("start", { epochs: 1, depth: 3 }));
  finetune = folder("start");
});

describe("a run on stored features", () => {
  it.each<[string, RecipeSettings]>([
    ["the last block, with mixing, erasing and repeated views", blocks],
    ["the heads of a distilled model", { ...plain, trainedParts: "head", distilled: true, distillation: "labels" }],
    ["accumulated steps and averaged weights", { ...plain, ...blocks, accumulate: 2, emaDecay: 0.9 }],
    ["co-training", { ...plain, ...blocks, cosub: true }],
  ])("is the run without, if every epoch has its view: %s", async (name, settings) => {
    const all = { depth: 3, finetune, ...settings };
    await train(options(`${name} computed`, all));
    await train(options(`${name} float32`, { ...all, frozenViews: "all", frozenFormat: "float32" }));
    await train(options(`${name} float16`, { ...all, frozenViews: "all" }));
    // The frozen part is another program, whose sums may be in another order: some 10⁻⁷, which AdamW may double a few times.
    expect(await difference(`${name} computed`, `${name} float32`)).toBeLessThan(1e-4);
    // float16 keeps 11 bits of a feature: 5·10⁻⁴ of it. Of 18 steps of at most 0.003, near-zero gradients may turn some around.
    const rounded = await difference(`${name} computed`, `${name} float16`);
    expect(rounded).toBeGreaterThan(0);
    expect(rounded).toBeLessThan(0.02);
  });

  it("goes through fewer views in turn, each image seeing them all", async () => {
    const settings = { ...plain, ...blocks, finetune, epochs: 5, frozenViews: 2, batchSize: 20 };
    const told: string[] = [];
    const result = await train({
      ...options("turns", settings),
      onEvent: (event) => event.kind === "warning" && told.push(event.message),
    });
    expect(result.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5]);
    // 96 images, of which an epoch of batches of 20 leaves out 16, but others each time: all are stored, with 17 tokens of
    // width 16 in 2 bytes each, and 4 bytes for the index.
    const bytes = 96 * (17 * 16 * 2 + 4);
    const sizes = await Promise.all(
      ["0000", "0001"].map(async (n) => (await stat(join(folder("turns"), `features/view-${n}.rows`))).size),
    );
    expect(sizes).toEqual([bytes, bytes]);
    await expect(stat(join(folder("turns"), "features/view-0002.rows"))).rejects.toThrow("ENOENT");
    expect(told.join(" ")).toContain("2 views of each of 96 images");
    expect(told.join(" ")).toContain("the 5 epochs go through them in turn");
  });

  it("is resumed bit for bit, and its features are stored once", async () => {
    const settings = { ...plain, ...blocks, finetune, frozenViews: 2 };
    await train(options("whole", settings));
    expect(await trainSteps(options("parts", settings), 8)).toBe(true);
    const before = (await stat(join(folder("parts"), "features/view-0000.rows"))).mtimeMs;
    await train(options("parts", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("parts"));
    expect((await stat(join(folder("parts"), "features/view-0000.rows"))).mtimeMs).toBe(before);
  });

  it("continues an interrupted view, and computes a damaged one again", async () => {
    const settings = { ...plain, ...blocks, finetune, epochs: 1, frozenViews: 1 };
    const stopping = new AbortController();
    const stopped = await train({
      ...options("stopped", settings),
      signal: stopping.signal,
      onEvent: (event) => event.kind === "storing" && event.images >= 32 && stopping.abort(),
    });
    expect(stopped.interrupted).toBe(true);
    const file = join(folder("stopped"), "features/view-0000.rows");
    const { size: begun } = await stat(file);
    const done: number[] = [];
    const onEvent = (event: { kind: string; images?: number }) =>
      event.kind === "storing" && done.push(event.images ?? 0);
    await train({ ...options("stopped", settings, { resume: true }), onEvent });
    expect((await stat(file)).size).toBeGreaterThan(begun);
    expect(done[0]).toBeGreaterThan(32);
    await train(options("unstopped", settings));
    const whole = await readFile(join(folder("unstopped"), "features/view-0000.rows"));
    expect((await readFile(file)).equals(whole)).toBe(true);

    const shared = { ...settings, frozenCache: join(folder("unstopped"), "features") };
    const bytes = Buffer.from(whole);
    bytes[100] ^= 1;
    await writeFile(join(shared.frozenCache, "view-0000.rows"), bytes);
    await train(options("repaired", shared));
    expect((await readFile(join(shared.frozenCache, "view-0000.rows"))).equals(whole)).toBe(true);
    await truncate(join(shared.frozenCache, "view-0000.rows"), 1000);
    await train(options("lengthened", shared));
    expect((await readFile(join(shared.frozenCache, "view-0000.rows"))).equals(whole)).toBe(true);
  });

  it("refuses features of other images, views, weights or layers", async () => {
    const frozenCache = folder("cache");
    const settings = { ...plain, ...blocks, finetune, epochs: 1, frozenViews: 1, frozenCache };
    await train(options("first", settings));
    await train(options("same", { ...settings, lr: 0.001, dropPath: 0, labelSmoothing: 0 }));
    await train(options("other start", { epochs: 1, depth: 3, seed: 1 }));
    for (const [name, other, reason] of [
      ["crop", { cropScale: [0.5, 1] }, "images are cropped"],
      ["erasing", { eraseProbability: 0 }, "random erasing differs"],
      ["seed", { seed: 1 }, "the seed differs"],
      ["layers", { trainedParts: "last-2-blocks" }, "another part of the model is frozen"],
      ["weights", { finetune: folder("other start") }, "the frozen part of the model differs"],
      ["format", { frozenFormat: "float32" }, "another number format"],
    ] as [string, RecipeSettings, string][])
      await expect(train(options(`no ${name}`, { ...settings, ...other })), name).rejects.toThrow(reason);
    const data = { data: "procedural:16:80" };
    await expect(train(options("no data", settings, data))).rejects.toThrow("the training images are others");
  });
});

it.each<[RecipeSettings, string]>([
  [{ frozenViews: "all" }, "trainedParts=all leaves no such part"],
  [{ frozenCache: "x" }, "set frozenViews too"],
  [{ trainedParts: "head", frozenViews: 2, epochs: 5 }, "images are mixed with others"],
  [{ ...plain, repeatedAugmentation: 3, trainedParts: "head", frozenViews: 2, epochs: 5 }, "repeatedAugmentation"],
  [{ trainedParts: "head", frozenViews: "all", distillation: "hard", teacherWeights: "x" }, "set teacherCache"],
])("refuses %o", (settings, reason) => {
  expect(() => parseRecipe(settings)).toThrow(reason);
});
