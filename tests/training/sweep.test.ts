import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keysOf } from "../../src/data/dataset/dataset.js";
import { openDataset } from "../../src/data/sources/open.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { UsageError } from "../../src/errors/errors.js";
import { sweepRows } from "../../src/report/sweep-table.js";
import { cellsOf, crossed, parseGrid, readGrid } from "../../src/training/recipe/grid.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { writeFolds } from "../../src/training/study/folds.js";
import { type ChosenLanes, type SweepOptions, sweep } from "../../src/training/study/sweep.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-sweep-"));
});
afterAll(() => rm(scratch, { recursive: true }));

describe("a grid", () => {
  const base = { epochs: 2, lr: 1e-3 };
  it("has a cell for each variant, combination and seed; later settings win, defaults are the recipe's", () => {
    const grid = parseGrid(
      {
        settings: { epochs: 3 },
        variants: { "with drop": { dropPath: 0.2 }, without: { dropPath: 0, epochs: 4 } },
        vary: { lr: [1e-4, 2e-4], optimizer: ["adamw"] },
        seeds: [5, 6],
      },
      "test",
    );
    const cells = cellsOf(grid, base);
    expect(cells).toHaveLength(8);
    expect(cells[3]).toEqual({
      row: "with drop, lr=0.0002, optimizer=adamw",
      seed: 6,
      folder: join("with-drop-lr=0.0002-optimizer=adamw", "seed-6"),
      recipe: parseRecipe({ epochs: 3, dropPath: 0.2, lr: 2e-4, seed: 6 }),
    });
    expect(cells[4].recipe.epochs).toBe(4);
    expect(cellsOf(parseGrid({}, "empty"), base).map((c) => [c.row, c.seed])).toEqual([["recipe", 0]]);
  });
  it.each([
    [{ variant: {} }, /variant/],
    [{ seeds: [] }, /seeds/],
    [{ seeds: [0.5] }, /seeds\.0/],
    [{ vary: { lr: [] } }, /vary\.lr/],
  ])("refuses %j", (value, message) => {
    expect(() => parseGrid(value, "test")).toThrow(message);
  });
  it("refuses rows and seeds that are there twice, recipes that are wrong, and far too many runs", () => {
    const cells = (value: unknown) => () => cellsOf(parseGrid(value, "test"), base);
    expect(cells({ seeds: [1, 1] })).toThrow(/seed 1 twice/);
    expect(cells({ variants: { a: { lerning: 1 } } })).toThrow(/Row "a".*lerning/);
    const many = Array.from({ length: 101 }, (_, i) => i);
    expect(cells({ seeds: many, vary: { lr: many.map((i) => i + 1) } })).toThrow(/10201 runs/);
  });
  it.each([
    ["table3", 5],
    ["table8", 12],
    ["table8-finetuning", 2],
  ])("%s of the paper holds recipes that are right", async (name, rows) => {
    const cells = cellsOf(await readGrid(name), { teacherWeights: "teacher.safetensors" });
    expect(new Set(cells.map((c) => c.row)).size).toBe(rows);
  });
  it("names the nearest for a typo", async () => {
    await expect(readGrid("tabel8")).rejects.toThrow(/did you mean "table8"/);
  });
});

describe("a sweep", () => {
  const micro = { model: "deit", imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 2, crop: "none" };
  const plain = { autoAugment: "none", repeatedAugmentation: 1, epochs: 1, batchSize: 16, warmupEpochs: 0 };
  const cells = cellsOf(
    parseGrid(
      {
        variants: {
          none: {},
          broken: { distillation: "hard", teacherWeights: join(tmpdir(), "no-such-teacher.pth") },
          token: { distilled: true, distillation: "labels" },
        },
        seeds: [0, 1],
      },
      "test",
    ),
    { ...micro, ...plain },
  );
  const options = (output: string): SweepOptions => ({
    ...{ cells, output: join(scratch, output), data: "procedural:16:48", validation: "procedural:16:20", workers: 0 },
    openEngine: () => createOnnxEngine({ threads: 1 }),
  });
  const kinds = ({ results }: Awaited<ReturnType<typeof sweep>>) => results.map((r) => r.outcome.kind);
  const figures = ({ results }: Awaited<ReturnType<typeof sweep>>) =>
    results.map(({ outcome }) => (outcome.kind === "done" ? outcome.heads : outcome));

  it("refuses numbers of training images that the data, or a fold's share of it, does not have, before any run", async () => {
    const some = (counts: readonly number[]) => cellsOf(parseGrid({ vary: { trainImages: counts } }, "test"), micro);
    const refused = { ...options("too-many"), cells: some([16, 49]), onCell: () => expect.fail("a run began") };
    await expect(sweep(refused)).rejects.toThrow("trainImages is 49, and");
    await expect(sweep({ ...refused, cells: some([16, 3]) })).rejects.toThrow("choose at least one for each");
    const output = join(scratch, "too-many-of-folds");
    await mkdir(output);
    const folds = await writeFolds(await openDataset("procedural:16:48", { split: "train" }), { folds: 3, output });
    const of = { ...refused, validation: undefined, cells: crossed(some([16, 40]), 3), folds };
    await expect(sweep(of)).rejects.toThrow("trainImages is 40, and");
  });

  it("cross-validates: each run is measured on the images of its fold, which it was not trained on", async () => {
    const training = await openDataset("procedural:16:48", { split: "train" });
    const output = join(scratch, "folds");
    await mkdir(output);
    const folds = await writeFolds(training, { folds: 3, output });
    const keys = folds.map(({ split }) => keysOf(training).filter((key) => split.test.has(key)));
    expect(keys.flat().sort()).toEqual(keysOf(training).sort());
    const validated = { ...options("folds"), validation: undefined, cells: crossed(cells.slice(0, 2), 3), folds };
    const first = await sweep(validated);
    expect(first.results.map(({ cell }) => [cell.seed, cell.fold, cell.folder])).toEqual(
      [0, 1].flatMap((seed) => [1, 2, 3].map((fold) => [seed, fold, join("none", `fold-${fold}`, `seed-${seed}`)])),
    );
    expect(figures(first)).toMatchObject([...keys, ...keys].map(({ length }) => ({ both: { images: length } })));
    const [row] = sweepRows(first.results);
    expect(row).toMatchObject({ row: "none", seeds: 6, folds: 3 });
    const top1 = first.results.map(({ outcome }) => (outcome.kind === "done" ? outcome.heads.both!.top1 : 0));
    const mean = top1.reduce((sum, v) => sum + v, 0) / 6;
    expect(row.top1).toBeCloseTo(mean, 10);
    expect(row.top1Deviation).toBeCloseTo(Math.sqrt(top1.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 5), 10);
    const split = JSON.parse(await readFile(join(output, "none/fold-2/seed-0/split.json"), "utf8"));
    expect(split.test.sort()).toEqual(keys[1].toSorted());
    // The same command finds them done; other folds are another study.
    let trained = 0;
    const onCell = () => ({ onEvent: () => trained++, stop: () => undefined });
    expect(figures(await sweep({ ...validated, onCell }))).toEqual(figures(first));
    expect(trained).toBe(0);
    const others = await writeFolds(training, { folds: 2, output });
    await expect(sweep({ ...validated, cells: crossed(cells.slice(0, 1), 2), folds: others })).rejects.toThrow(
      "is the result of another sweep: fold was",
    );
    await expect(writeFolds(training, { folds: 49, output })).rejects.toThrow("a number from 2 to 48");
  });

  it("continues after an interruption and after a failure, and ends as if there had been none", async () => {
    const whole = await sweep(options("whole"));
    expect(kinds(whole)).toEqual(["done", "done", "failed", "failed", "done", "done"]);
    expect(whole.results[2].outcome).toMatchObject({ reason: expect.stringContaining("no-such-teacher.pth") });
    expect(Object.keys(figures(whole)[4])).toEqual(["both", "class", "distillation"]);
    expect(figures(whole)[0]).toMatchObject({ both: { images: 20 } });

    const controller = new AbortController();
    const stopped = await sweep({
      ...options("stopped"),
      signal: controller.signal,
      onCell: (_, number) => ({
        onEvent: ({ kind }) => {
          if (number === 1 && kind === "step") controller.abort();
        },
        stop: () => undefined,
      }),
    });
    expect([kinds(stopped), stopped.interrupted]).toEqual([["done", ...Array(5).fill("missing")], true]);

    const ran: number[] = [];
    const onCell: SweepOptions["onCell"] = (_, number) => {
      ran.push(number);
      return { onEvent: () => undefined, stop: () => undefined };
    };
    const resumed = await sweep({ ...options("stopped"), onCell });
    expect(ran).toEqual([1, 2, 3, 4, 5]);
    expect(figures(resumed)).toEqual(figures(whole));

    // What is done stays done, and failures are tried again.
    ran.length = 0;
    expect(kinds(await sweep({ ...options("stopped"), onCell }))).toEqual(kinds(whole));
    expect(ran).toEqual([2, 3]);
  }, 60_000);

  it("gives the same results when several cells run at once", async () => {
    const [together, alone] = [await sweep({ ...options("together"), lanes: 3 }), await sweep(options("alone"))];
    expect(kinds(together)).toEqual(["done", "done", "failed", "failed", "done", "done"]);
    expect(figures(together)).toEqual(figures(alone));
    // Cells that take so short are measured no further than one at a time, and then run like that.
    const chosen: ChosenLanes[] = [];
    const onLanes = (lanes: ChosenLanes) => chosen.push(lanes);
    const measured = await sweep({ ...options("measured"), lanes: { most: 3 }, onLanes });
    expect(figures(measured)).toEqual(figures(alone));
    expect(chosen).toMatchObject([{ lanes: 1, measured: [{ lanes: 1 }], runs: 6 }]);
  }, 60_000);

  it("refuses results for other data or recipes, and measures damaged ones again", async () => {
    const one = { ...options("one"), cells: cells.slice(0, 1) };
    const first = await sweep(one);
    await expect(sweep({ ...one, validation: "procedural:16:30" })).rejects.toThrow(UsageError);
    const other = { ...cells[0], recipe: { ...cells[0].recipe, lr: 1 } };
    await expect(sweep({ ...one, cells: [other] })).rejects.toThrow(/lr was .* and is 1/);
    const file = join(one.output, cells[0].folder, "cell.json");
    const saved = await readFile(file, "utf8");
    await writeFile(file, saved.slice(0, 100));
    expect(figures(await sweep(one))).toEqual(figures(first));
  }, 60_000);
});
