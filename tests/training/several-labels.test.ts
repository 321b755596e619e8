/** Images with several labels, from the list to predictions. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../../src/data/sources/open.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { openSource } from "../../src/export/source.js";
import { evaluate, input } from "../../src/tensor/index.js";
import { fittingRecipe } from "../../src/training/recipe/fitting.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { binaryCrossEntropy } from "../../src/training/step/losses/binary-cross-entropy.js";
import { createLoss } from "../../src/training/step/losses/index.js";
import { expectSameState, micro, trainSteps, useRuns } from "./setup.js";

const { options, folder } = useRuns();
const several = { ...micro, labels: "several", mixup: 0.2, cutmix: 0 } as const;
let list: string;

/** Images of coloured halves: the labels are the colours that are there, or none. */
beforeAll(async () => {
  const root = folder("data");
  await mkdir(join(root, "images"), { recursive: true });
  const lines: string[] = [];
  const csv = ["file,tags,split"];
  for (let i = 0; i < 64; i++) {
    const [red, green] = [i % 2 === 1, i % 4 >= 2];
    const data = Buffer.alloc(16 * 16 * 3, 20 + i);
    for (let p = 0; p < 256; p++) if (p % 16 < 8 ? red : green) data[3 * p + (p % 16 < 8 ? 0 : 1)] = 240;
    await sharp(data, { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toFile(join(root, `images/${i}.png`));
    const label = [...(red ? ["red"] : []), ...(green ? ["green"] : [])];
    const split = i < 48 ? "train" : "test";
    lines.push(JSON.stringify({ path: `images/${i}.png`, label, split }));
    csv.push(`images/${i}.png,${label.join(" | ")},${split}`);
  }
  list = join(root, "list.jsonl");
  await writeFile(list, lines.join("\n"));
  await writeFile(join(root, "list.csv"), csv.join("\n"));
});

describe("a list of several labels", () => {
  it("is read from JSON lines and from cells alike", async () => {
    const csv = `list,label=tags,separator=|:${list.replace("jsonl", "csv")}`;
    for (const path of [list, csv]) {
      const test = await openDataset(path, { split: "test" });
      expect([test.classes, test.length]).toEqual([["green", "red"], 16]);
      expect([0, 1, 2, 3].map((i) => test.labelsOf!(i))).toEqual([[], [1], [0], [0, 1]]);
      expect([0, 1, 2, 3].map((i) => test.label(i))).toEqual([0, 1, 0, 0]);
    }
  });

  it("must name each image once", async () => {
    const path = join(folder("data"), "twice.jsonl");
    const line = (label: string) => JSON.stringify({ path: "images/1.png", label: [label] });
    await writeFile(path, [line("a"), line("b")].join("\n"));
    await expect(openDataset(path, { split: "train" })).rejects.toThrow("write all labels of an image in one row");
  });
});

describe("a run", () => {
  it("is measured and ranked by mAP, and continues exactly", async () => {
    const settings = { ...several, epochs: 6 };
    const run = await train(options("whole", settings, { data: list, test: undefined, validation: undefined }));
    expect(run.bestTop1).toBeUndefined();
    expect(run.bestMap).toBeGreaterThan(90);
    expect(run.best?.test?.map).toBe(run.bestMap);
    const log = await readFile(join(folder("whole"), "log.jsonl"), "utf8");
    expect(log).toContain('"map":');
    await trainSteps(options("cut", settings, { data: list, test: undefined, validation: undefined }), 4);
    await train(options("cut", settings, { data: list, test: undefined, validation: undefined, resume: true }));
    await expectSameState(folder("whole"), folder("cut"));
    expect(await openModel({ weights: folder("whole") })).toMatchObject({
      severalLabels: true,
      classes: ["green", "red"],
    });
    await expect(openSource({ weights: folder("whole") })).rejects.toThrow("does not say that they are sigmoids");
  });

  it("fits its recipe to the data", async () => {
    const training = await openDataset(list, { split: "train" });
    const { chosen, settings } = await fittingRecipe(training, { settings: { init: { by: "mimetic" } } });
    expect(chosen.name).toBe("small-images");
    expect(parseRecipe(settings)).toMatchObject({ labels: "several", loss: "binaryCrossEntropy", labelSmoothing: 0 });
  });

  it("refuses data and settings for one label", async () => {
    const start = (settings: object, more: object = {}) => train(options("no", { ...several, ...settings }, more));
    await expect(start({})).rejects.toThrow("have one each; give a list of JSON lines");
    await expect(start({ labels: "one" }, { data: list, test: undefined, validation: undefined })).rejects.toThrow(
      "set labels=several",
    );
    const refused = (settings: object) => expect(() => parseRecipe({ labels: "several", ...settings }));
    refused({ loss: "poly1" }).toThrow("each class is a question of its own");
    refused({ labelSmoothing: 0.1 }).toThrow("it spreads one label over the other classes");
    refused({ headStart: "fitted" }).toThrow("headLrFactor lets a new one learn faster");
    refused({ distillation: "hard", teacherWeights: "x" }).toThrow("are of one class for each image");
    refused({ sampling: "balanced" }).toThrow("Remove sampling, or labels.");
  });
});

it("learns by PyTorch's binary cross entropy", async () => {
  const fixture = new URL("../fixtures/evaluation/several-labels.json", import.meta.url);
  const known = JSON.parse(await readFile(fixture, "utf8"));
  const [logits, target] = ["logits", "targets"].map((name) => input(name, "float32", [30, 5]));
  const values = new Map([
    ["logits", known.logits.flat()],
    ["targets", known.targets.flat()],
  ]);
  const loss = (positiveWeight: unknown) =>
    evaluate([createLoss("binaryCrossEntropy", { positiveWeight })(logits, target)], values)[0][0];
  // The logits are read as float32.
  expect(evaluate([binaryCrossEntropy(logits, target)], values)[0][0]).toBeCloseTo(known.bce, 6);
  expect(loss(known.positiveWeights)).toBeCloseTo(known.weightedBce, 6);
  expect(loss(3)).toBeCloseTo(known.bceOfWeight3, 6);
  expect(() => loss([1, 2])).toThrow("positiveWeight lists 2 weights, but there are 5 classes");
});
