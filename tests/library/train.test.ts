/** Training and distillation as the library offers them: events, data and models of one's own. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawProcedural } from "../../src/data/pixels/procedural-image.js";
import {
  Classifier,
  classifier,
  createLoader,
  createModel,
  crossEntropy,
  defineModel,
  distil,
  evaluateClassifier,
  evaluationTransform,
  initialize,
  type MemorySample,
  type ModelInMemory,
  memoryDataset,
  type OwnAugmentation,
  type OwnModel,
  type OwnSamples,
  openEngine,
  openModel,
  readSafetensors,
  tensor,
  train,
} from "../../src/index.js";
import { writeReport } from "../../src/report/index.js";
import { inspectRun } from "../../src/report/run-inspection.js";
import { describeRun } from "../../src/training/run-folder/manifest.js";
import { summarizeRun } from "../../src/training/run-folder/summary.js";

const recipe = {
  ...{ model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2 },
  ...{ epochs: 2, batchSize: 16, repeatedAugmentation: 1, warmupEpochs: 0 },
};
const settings = { engine: "onnx", workers: 0 } as const;
let scratch: string;
const folder = (name: string) => join(scratch, name);
let samples: readonly MemorySample[];
const withAlpha = (rgb: Uint8Array) =>
  Uint8ClampedArray.from({ length: (rgb.length / 3) * 4 }, (_, i) => (i % 4 === 3 ? 7 : rgb[3 * (i >> 2) + (i % 4)]));
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-library-training-"));
  samples = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const { width, height, data } = drawProcedural({ size: 32, seed: i, label: i % 2 });
      const png = await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      return { bytes: i % 4 < 2 ? png : new Blob([new Uint8Array(png)]), label: ["disc", "ring"][i % 2] };
    }),
  );
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("train", () => {
  it("reports events as they happen, and how it ended", async () => {
    const run = await train("procedural:32:32", { ...settings, recipe, output: folder("told") });
    const kinds: string[] = [];
    const epochs: number[] = [];
    for await (const event of run) {
      kinds.push(event.kind);
      if (event.kind === "epoch") epochs.push(event.record.epoch);
    }
    expect(kinds).toContain("start");
    expect(kinds.filter((kind) => kind === "step").length).toBeGreaterThan(0);
    expect(epochs).toEqual([1, 2]);
    expect(await run.finished).toMatchObject({ folder: folder("told"), interrupted: false });
  });

  it("uses the settings unless an option of its own overrides them", async () => {
    const changes = { epochs: 1, batchSize: 8 };
    const ended = async (more: Partial<Parameters<typeof train>[1]>, name: string) => {
      const run = await train("procedural:32:16", {
        ...settings,
        recipe,
        settings: changes,
        output: folder(name),
        ...more,
      });
      const started: number[] = [];
      for await (const event of run) if (event.kind === "start") started.push(event.steps, event.batchSize);
      return started;
    };
    expect(await ended({}, "changed")).toEqual([2, 8]);
    expect(await ended({ batchSize: 4 }, "changed-again")).toEqual([4, 4]);
  });

  it("keeps its events for a later reader", async () => {
    const run = await train("procedural:32:32", { ...settings, recipe, epochs: 1, output: folder("late") });
    await run.finished;
    const first: string[] = [];
    for await (const event of run) {
      first.push(event.kind);
      if (event.kind === "start") break;
    }
    const rest: string[] = [];
    for await (const event of run) rest.push(event.kind);
    expect(first.at(-1)).toBe("start");
    expect(rest[0]).toBe("step");
    expect(rest.at(-1)).toBe("epoch");
  });

  it("is stopped by a signal, and continues where it was", async () => {
    const abort = new AbortController();
    const run = await train("procedural:32:32", {
      ...settings,
      recipe,
      output: folder("stopped"),
      signal: abort.signal,
    });
    for await (const event of run) if (event.kind === "epoch") abort.abort();
    expect(await run.finished).toMatchObject({ interrupted: true });
    const further = await train("procedural:32:32", { ...settings, resume: true, output: folder("stopped") });
    const { interrupted, epochs } = await further.finished;
    expect([interrupted, epochs.map((e) => e.epoch)]).toEqual([false, [2]]);
  });

  it("throws the error that ended it to readers of events and to `finished`", async () => {
    const text = new TextEncoder().encode("no image");
    const data = memoryDataset([...samples.slice(0, 30), { bytes: text, label: "disc" }]);
    const run = await train(data, { ...settings, recipe, split: "given", output: folder("bad") });
    const reading = (async () => {
      for await (const _ of run);
    })();
    await expect(reading).rejects.toThrow(/"?memory\[30\]/);
    await expect(run.finished).rejects.toThrow(/"?memory\[30\]/);
    await expect(train(data, { ...settings, recipe: { epoch: 1 }, output: folder("typo") } as never)).rejects.toThrow(
      /epochs/,
    );
  });

  it("takes images in memory, a custom model and a custom loss", async () => {
    const made: unknown[] = [];
    const tiny: OwnModel = {
      name: "tiny",
      create: (options) => {
        made.push(options.classes);
        return {
          ...createModel("deit", { ...options, imageSize: 32, patchSize: 16, width: 16, depth: 1, heads: 1 }),
          name: "tiny",
        };
      },
    };
    let called = 0;
    const loss = (logits: tensor.Tensor, target: tensor.Tensor) => {
      called++;
      return tensor.mul(crossEntropy(logits, target), 2);
    };
    const own = { epochs: 1, batchSize: 16, repeatedAugmentation: 1, dropPath: 0 };
    const run = await train(memoryDataset(samples), {
      ...settings,
      recipe: own,
      model: tiny,
      loss,
      output: folder("own"),
    });
    const told: string[] = [];
    for await (const event of run) if (event.kind === "warning") told.push(event.message);
    const { model, classes, testPart } = await run.finished;
    expect([model.name, classes, testPart]).toEqual(["tiny", ["disc", "ring"], "validation"]);
    await using classify = await classifier({ model: tiny, weights: folder("own") }, { engine: "onnx" });
    expect((await classify(samples[0].bytes as Uint8Array)).map((p) => p.label).sort()).toEqual(["disc", "ring"]);
    await expect(classifier(folder("own"))).rejects.toThrow(
      /model "tiny", which is a custom model; give its definition/,
    );
    expect(made).toContain(2);
    expect(called).toBeGreaterThan(0);
    expect(told.join("\n")).toMatch(/20 % of each class is held out[\s\S]*cannot record/);
  });

  it("takes a definition: its options, its checkpoints, the accuracy that the run has measured", async () => {
    const tiny = defineModel("tiny", { imageSize: 32, width: 16 }, (nn, { width, classes }) => (images) => {
      const tokens = nn.block("block", nn.patchEmbed("patches", images, 8, width), { heads: 2 });
      return nn.head("head", tensor.mean(tokens, [1]), classes);
    });
    const data = memoryDataset(samples);
    const run = await train(data, {
      ...settings,
      ...{ model: tiny, epochs: 1, batchSize: 16, validation: data, output: folder("defined") },
      ...{ recipe: { repeatedAugmentation: 1, width: 24 } },
    });
    const { model, bestTop1 } = await run.finished;
    expect(model.config).toEqual({ imageSize: 32, width: 24, classes: 2 });
    const opened = await openModel({ ownModel: tiny, weights: folder("defined") });
    expect(opened.model.parameters).toEqual(model.parameters);
    const engine = await openEngine("onnx");
    const measured = await Classifier.create({ engine, model: opened.model }, opened.weights);
    const loader = createLoader({
      ...{ dataset: data, batchSize: 8, transform: evaluationTransform(opened.view), seed: 0, workers: 0 },
      ...{ order: "sequential", dropLast: false },
    });
    expect((await evaluateClassifier({ classifier: measured, loader })).top1).toBe(bestTop1);
    const report = await writeReport([folder("defined")], { engine, model: tiny, data, shown: 2 });
    expect(report.runs).toMatchObject([{ top1: bestTop1, images: samples.length }]);
    expect(report.runs[0].notInspected).toBeUndefined();
    const summary = await summarizeRun(folder("defined"));
    const inspection = await inspectRun(summary, { engine, dataset: data, ownModel: tiny, workers: 0, shown: 2 });
    const { labels, decided } = inspection.decisions;
    const right = labels.reduce((sum, label, i) => sum + (label === decided[i] ? 1 : 0), 0);
    expect((100 * right) / labels.length).toBeCloseTo(bestTop1!, 4);
    expect(inspection.hardest.every(({ attention }) => attention !== undefined)).toBe(true);
    expect(await readFile(report.output, "utf8")).toContain("Hardest images");
    const unknown = await writeReport([folder("defined")], { engine, data });
    expect(unknown.runs[0].notInspected).toMatch(/"tiny", which is a custom model; give its definition/);
    await loader.close();
    await measured.dispose();
    await engine.close();
  });

  it("reads images by a function, and augments them by another, with and without worker threads", async () => {
    const pixels = (i: number) => drawProcedural({ size: 32, seed: i, label: i % 2 });
    const read: number[] = [];
    const data: OwnSamples = {
      ...{ length: 40, classes: ["disc", "ring"] },
      read: async (i) => {
        read.push(i);
        const { width, height, data } = pixels(i);
        const image = i % 3 === 0 ? samples[i].bytes : { width, height, data: i % 3 === 1 ? data : withAlpha(data) };
        return { image, label: i % 2 };
      },
    };
    const drawn: number[] = [];
    const augment: OwnAugmentation = ({ width, height, data }, random) => {
      drawn.push(random.uniform());
      return { width, height, data: data.map((v) => 255 - v) };
    };
    const common = { ...settings, recipe: { ...recipe, epochs: 1 }, augment };
    const states: (readonly [number, number])[] = [];
    for (const workers of [0, 2]) {
      drawn.length = 0;
      const run = await train(data, { ...common, workers, output: folder(`callback-${workers}`) });
      const [{ trainLoss }] = (await run.finished).epochs;
      states.push([trainLoss, drawn.reduce((sum, v) => sum + v, 0)]);
    }
    expect(states[1][0]).toBe(states[0][0]);
    expect(states[1][1]).toBeCloseTo(states[0][1], 9);
    expect(new Set(read).size).toBe(40);
    const plain = await train(data, { ...common, augment: undefined, output: folder("plain") });
    expect((await plain.finished).epochs[0].trainLoss).not.toBe(states[0][0]);
  });

  it("names the image that a function could not read, label or augment", async () => {
    const image = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3) };
    const data: OwnSamples = { length: 40, classes: ["a", "b"], label: (i) => i % 2, read: () => ({ image }) };
    const ended = async (given: OwnSamples, more: Partial<Parameters<typeof train>[1]>, name: string) =>
      (await train(given, { ...settings, recipe, ...more, output: folder(name) })).finished;
    const gone = () => {
      throw new Error("the database is gone");
    };
    await expect(ended({ ...data, read: gone }, {}, "gone")).rejects.toThrow(
      /Cannot read samples\[\d+\]: the database is gone/,
    );
    await expect(ended({ ...data, read: () => ({}) as never }, {}, "none")).rejects.toThrow(
      /returned no image; return/,
    );
    await expect(ended({ ...data, label: () => "c" }, {}, "label")).rejects.toThrow(/"c", which is not one of the 2/);
    await expect(ended({ ...data, label: undefined }, {}, "no-label")).rejects.toThrow(/samples\[\d+\] has no label/);
    await expect(ended({ ...data, key: () => "k" }, {}, "key")).rejects.toThrow(/Two images .* have the key "k"/);
    const small = { augment: () => ({ ...image, width: 16, height: 16 }) };
    await expect(ended(data, small, "small")).rejects.toThrow(/made 16×16 pixels in 3072 bytes of "samples\[\d+\]"/);
    await expect(ended(data, { augment: gone }, "failing")).rejects.toThrow(
      /augmentation failed .* the database is gone/,
    );
  });

  it("refuses labels that are not classes, and a model by a name of deit's", async () => {
    expect(() => memoryDataset([{ bytes: new Uint8Array(1), label: "x" }], { classes: ["y"] })).toThrow(
      /not one of the 1/,
    );
    const model = createModel("deit", { classes: 2 });
    await expect(train(memoryDataset(samples), { ...settings, model, output: folder("name") })).rejects.toThrow(
      /name of a built-in model/,
    );
  });
});

describe("distil", () => {
  it("teaches by a run folder", async () => {
    const taught = { ...settings, recipe: { ...recipe, epochs: 1 } };
    await (await train("procedural:32:32", { ...taught, output: folder("teacher") })).finished;
    const run = await distil("procedural:32:32", { ...taught, teacher: folder("teacher"), output: folder("student") });
    expect((await run.finished).interrupted).toBe(false);
  });

  it("teaches by a model in memory exactly as by its file, and recognises it when it is resumed", async () => {
    const { model, weights, namedClasses } = await openModel({ weights: folder("teacher") });
    const teacher = { model, weights, classes: namedClasses };
    const taught = { ...settings, recipe: { ...recipe, epochs: 1 }, mode: "soft" } as const;
    const ended = async (
      more: Partial<Parameters<typeof distil>[1]> & { teacher: string | ModelInMemory; output: string },
    ) => {
      const run = await distil("procedural:32:32", { ...taught, ...more });
      return (await run.finished).interrupted;
    };
    await ended({ teacher: folder("teacher"), output: folder("by-file") });
    await ended({ teacher, output: folder("by-memory") });
    const state = async (name: string) => (await readSafetensors(join(folder(name), "state.safetensors"))).tensors;
    expect(await state("by-memory")).toEqual(await state("by-file"));
    const [one, other] = await Promise.all(["by-memory", "by-file"].map((name) => describeRun(folder(name))));
    expect(one!.manifest.teacher).toBe(other!.manifest.teacher);
    const resumed = { output: folder("by-memory"), epochs: 2, allowChanges: ["epochs"], resume: true };
    const twice = ({ shape, data }: tensor.HostTensor) =>
      tensor.float32(
        shape,
        Float32Array.from(data as Float32Array, (v) => 2 * v),
      );
    const changed = new Map([...weights].map(([name, one]) => [name, twice(one)]));
    await expect(ended({ ...resumed, teacher: { ...teacher, weights: changed } })).rejects.toThrow(/teacher/);
    await expect(train("procedural:32:32", { ...settings, ...resumed }).then((run) => run.finished)).rejects.toThrow(
      /"deit" of the recipe is a model in memory, which no file holds/,
    );
    expect(await ended({ ...resumed, teacher })).toBe(false);
  });

  it("teaches by a custom model, whose images are of another size", async () => {
    const wide = defineModel("wide", { imageSize: 48, width: 16 }, (nn, { width, classes }) => (images) => {
      const tokens = nn.block("block", nn.patchEmbed("patches", images, 16, width), { heads: 1 });
      return nn.head("head", tensor.mean(tokens, [1]), classes);
    });
    const model = wide.create({ classes: 2 });
    const data = memoryDataset(samples);
    const common = { ...settings, recipe: { ...recipe, epochs: 1 }, split: "given" } as const;
    const teacher = { model, weights: initialize(model, 1), classes: data.classes };
    const run = await distil(data, { ...common, teacher, output: folder("by-custom") });
    expect((await run.finished).interrupted).toBe(false);
    const reversed = { ...teacher, classes: [...data.classes].reverse() };
    const refused = await distil(data, { ...common, teacher: reversed, output: folder("by-reversed") });
    await expect(refused.finished).rejects.toThrow(/classes of the teacher "wide" are not those of the data/);
    await expect(
      distil(data, { ...common, teacher: { model, weights: "runs/none" } as never, output: folder("by-half") }),
    ).rejects.toThrow(/"wide" is in memory, so its weights must be too/);
  });
});
