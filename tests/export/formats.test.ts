/** Number formats, preprocessing in the graph, and what --max-loss refuses, on micro models. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classifier, exportModel, type RgbImage, WeightsError } from "../../src/index.js";
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
  const { values, scales } = byColumns({ weight }, 64);
  expect([...values]).toEqual([32, -64, 0, -64, 32, 0]);
  expect([...scales]).toEqual([1 / 32, 1 / 16, 1]);
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
    // Every file exceeds a limit below 0.
    const refused = exportModel({ weights: path, to: "onnx", output, maxLoss: -1 });
    await expect(refused).rejects.toThrow(WeightsError);
    await expect(refused).rejects.toThrow(/decides otherwise than its source on 0.00 % of 64 images/);
    expect(await readdir(scratch)).toEqual(before);
  });
});

describe("deit export --preprocessing", () => {
  it.each([
    [70, 50],
    [33, 200],
    [20, 41],
  ])("takes an image of %i by %i pixels and answers as deit does", async (width, height) => {
    const { path } = await microCheckpoint("plain", scratch);
    const output = await mkdtemp(join(scratch, "image-"));
    await exportModel({ weights: path, to: "onnx", output, preprocessing: true });
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 256);
    const image: RgbImage = { width, height, data };
    const session = await InferenceSession.create(join(output, "model_with_preprocessing.onnx"));
    const { probabilities } = await session.run({ image: new Tensor("uint8", data, [height, width, 3]) });
    await session.release();
    await using classify = await classifier(path);
    const found = await classify(image, { top: 7 });
    for (const { index, score } of found) expect(probabilities.data[index] as number).toBeCloseTo(score, 2);
    await using exported = await classifier(join(output, "model.onnx"));
    const same = await exported(image, { top: 7 });
    expect(same.map(({ label }) => label)).toEqual(found.map(({ label }) => label));
    same.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(found[i].score, 5);
    });
  });
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
