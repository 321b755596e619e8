/** Number formats, preprocessing in the graph, and what --max-loss refuses, on micro models. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { proceduralDataset } from "../../src/data/sources/procedural.js";
import { requireLoss } from "../../src/export/measure.js";
import { classifier, type ExportSettings, exportModel, type RgbImage, WeightsError } from "../../src/index.js";
import { verificationTable } from "../../src/portable/model-card.js";
import { requireOneFile } from "../../src/portable/pieces.js";
import { byColumns, tensorOf } from "../../src/portable/quantize/quantization.js";
import { describeWithReference as describe } from "../setup/reference-data.js";
import { type MicroName, microCheckpoint } from "./models.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-formats-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

it("weights become whole numbers with a factor for each output", () => {
  const weight = tensorOf("w", "float32", [2, 3], Float32Array.of(1, -4, 0, -2, 2, 0));
  const { bytes, scales } = byColumns({ weight });
  // The largest of a column is 127 steps from zero, which is 128.
  expect([...bytes]).toEqual([128 + 64, 128 - 127, 128, 128 - 127, 128 + 64, 128]);
  expect([...scales]).toEqual([2 / 127, 4 / 127, 1].map(Math.fround));
});

/** float32 logits are of order 1 to 10 in the micro models; the bounds are those of each format's rounding there. */
const bounds = { float16: 0.05, int8: 0.6, "int8-static": 1.5, int4: 4 } as const;

describe("deit export --quantize", () => {
  it.each(["plain", "distilled", "deit3", "regnety"] as const)(
    "%s in every format stays near timm's logits",
    async (name) => {
      const { path, images, stored } = await microCheckpoint(name as MicroName, scratch);
      const output = join(scratch, name);
      const formats = Object.keys(bounds) as (keyof typeof bounds)[];
      const { verification } = await exportModel({ weights: path, to: "onnx", output, quantize: formats });
      expect(verification.files.map(({ precision }) => precision)).toEqual(["float32", ...formats]);
      expect(verification.files[0].largestDifference).toBeLessThan(1e-4);
      const expected = stored.get("logits")!.data as Float32Array;
      for (const { path: file, precision } of verification.files.slice(1)) {
        const session = await InferenceSession.create(join(output, file));
        const { logits } = await session.run({
          pixel_values: new Tensor("float32", images.data as Float32Array, [...images.shape]),
        });
        await session.release();
        expect(logits.type).toBe("float32");
        const difference = Math.max(...Array.from(expected, (x, i) => Math.abs(x - (logits.data[i] as number))));
        expect(difference, `${name} ${precision}`).toBeLessThan(bounds[precision as keyof typeof bounds]);
      }
    },
  );

  it("refuses a loss beyond --max-loss and leaves nothing", async () => {
    const { path } = await microCheckpoint("plain", scratch);
    const before = await readdir(scratch);
    const output = join(scratch, "refused");
    const refused = exportModel({ weights: path, to: "onnx", output, quantize: ["int4"], maxLoss: 0 });
    await expect(refused).rejects.toThrow(WeightsError);
    await expect(refused).rejects.toThrow(
      /"model_q4.onnx" decides otherwise than its source on \d+\.\d\d % of 64 images, and `maxLoss: 0` allows no more than 0/,
    );
    expect(await readdir(scratch)).toEqual(before);
  });

  it("allows a loss of exactly --max-loss, and states no speed that was not measured", async () => {
    // 100 - 99.8 and 80 - 79.8 are a little more than 0.2 in binary.
    const file = { path: "model.onnx", precision: "int8", bytes: 1 };
    const alike = { images: 500, data: "photos", source: {}, files: [{ ...file, agreement: 99.8 }] };
    const labelled = { ...alike, source: { top1: 80 }, files: [{ ...file, agreement: 99.8, top1: 79.8 }] };
    for (const verification of [alike, labelled]) {
      expect(() => requireLoss(verification, 0.2)).not.toThrow();
      expect(() => requireLoss(verification, 0.19)).toThrow(WeightsError);
      expect(verificationTable(verification).rows.map((cells) => cells.at(-1))).toEqual(["–", "–"]);
    }
    const { path } = await microCheckpoint("plain", scratch);
    const few = { weights: path, to: "onnx", output: join(scratch, "few"), images: 1, preprocessing: true } as const;
    const { source, files } = (await exportModel(few)).verification;
    expect([source, ...files].map(({ imagesPerSecond }) => imagesPerSecond)).toEqual(Array(3).fill(undefined));
  });

  it.each([
    [{ maxLoss: -1 }, "The option maxLoss of exportModel is -1; give a number of points from 0 to 100."],
    [{ images: 0 }, "The option images of exportModel is 0; give a whole number, 1 or more."],
    [{ data: "photos" }, 'The option data of exportModel is "photos"; give a dataset, as openDataset returns.'],
    [{ format: "int8" }, 'exportModel has no option "format"'],
  ])("refuses %o", async (wrong, message) => {
    const settings = { weights: "none.safetensors", to: "onnx", output: join(scratch, "none"), ...wrong };
    await expect(exportModel(settings as unknown as ExportSettings)).rejects.toThrow(message);
  });

  it("refuses weights beyond 2 GiB", () => {
    expect(() => requireOneFile(2 ** 31)).toThrow("The weights take 2.0 GiB, and an ONNX file holds at most 2");
  });

  it("finds ranges on images that it does not measure", async () => {
    const { path } = await microCheckpoint("plain", scratch);
    const dataset = proceduralDataset({ size: 32, count: 40, split: "train" });
    // The labels are those of ten shapes, and the model has seven classes: of no matter here.
    const data = { ...dataset, classes: dataset.classes.slice(0, 7), label: () => 0 };
    const output = join(scratch, "apart");
    const { verification } = await exportModel({ weights: path, to: "onnx", output, data, quantize: ["int8-static"] });
    expect(verification).toMatchObject({ images: 20, calibration: { images: 20 } });
  });
});

describe("deit export --preprocessing", () => {
  it.each([
    [70, 50, 32, "center"],
    [33, 200, 32, "center"],
    [20, 41, 32, "center"],
    [70, 50, [24, 40], "center"],
    [33, 200, [24, 40], "center"],
    [33, 200, [40, 16], "squash"],
  ] as const)(
    "takes an image of %i by %i pixels and answers as deit does at %j (%s)",
    async (width, height, imageSize, cropMode) => {
      const { path } = await microCheckpoint("plain", scratch);
      const output = await mkdtemp(join(scratch, "image-"));
      await exportModel({ weights: path, to: "onnx", output, preprocessing: true, imageSize, cropMode });
      const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 256);
      const image: RgbImage = { width, height, data };
      const session = await InferenceSession.create(join(output, "model_with_preprocessing.onnx"));
      const { probabilities } = await session.run({ image: new Tensor("uint8", data, [height, width, 3]) });
      await session.release();
      await using classify = await classifier(path, { imageSize, cropMode });
      const found = await classify(image, { top: 7 });
      for (const { index, score } of found) expect(probabilities.data[index] as number).toBeCloseTo(score, 2);
      await using exported = await classifier(join(output, "model.onnx"));
      const same = await exported(image, { top: 7 });
      expect(same.map(({ label }) => label)).toEqual(found.map(({ label }) => label));
      same.forEach(({ score }, i) => {
        expect(score).toBeCloseTo(found[i].score, 5);
      });
    },
  );
});

describe("the model card", () => {
  it("tells licence, preprocessing and the comparison with the source", async () => {
    const { path } = await microCheckpoint("plain", scratch);
    const output = join(scratch, "card");
    await exportModel({ weights: path, to: "onnx", output, license: "mit" });
    const card = await readFile(join(output, "README.md"), "utf8");
    expect(card).toContain('license: "mit"');
    expect(card).toContain("exported from `plain.safetensors`");
    expect(card).toContain("so that the shorter side has 36 pixels");
    expect(card).toMatch(/\| model\.onnx \| float32 \| .* \| 100\.00 % \|/);
    expect(JSON.parse(await readFile(join(output, "verification.json"), "utf8"))).toMatchObject({ images: 64 });
  });
});
