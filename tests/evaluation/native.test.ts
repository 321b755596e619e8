/** Released weights on images in their native aspect ratio. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Classifier, decodeImage, openEngine, openModel } from "deit";
import { expect } from "vitest";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { deit, root } from "../cli/run.js";
import { describeWithReference as describe, itWithReference as it, shared } from "../setup/reference-data.js";

const weights = join(shared, "weights/deit_tiny_patch16_224.safetensors");
const photos = join(shared, "data/imagenet-sample");
const model = "deit_tiny_patch16_224";

describe("DeiT-Ti on other grids", () => {
  it.each([[192, 256] as const, [304, 160] as const])("has timm's logits on %i×%i pixels", async (...size) => {
    const [height, width] = size;
    const { tensors } = await readSafetensors(join(root, "tests/fixtures/native/native.safetensors"));
    const pixels = new Uint8Array(height * width * 3);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < 3; c++)
          pixels[(y * width + x) * 3 + c] = (7 * y + 5 * x + 83 * c + Math.floor((x * y) / 16)) % 256;
    const engine = await openEngine("onnx");
    const opened = await openModel({ model, weights });
    const classifier = await Classifier.create({ engine, model: opened.model }, opened.weights);
    const found = await classifier.logits(pixels, 1, size);
    const expected = tensors.get(`tiny ${height}x${width}.logits`)!.data as Float32Array;
    // Both in float32, summed in another order.
    for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(1e-4);
    await classifier.dispose();
    await engine.close();
  });
});

describe("photos in their native aspect ratio", () => {
  const choice = ["--model", model, "--weights", weights, "--crop-mode", "native", "--json"];

  it("are classified alone as in batches, and no worse than cropped", async () => {
    const classes = join(shared, "data/imagenet-classes.txt");
    const { stdout } = await deit(["evaluate", ...choice, "--data", photos, "--classes", classes, "--predictions"]);
    const result = JSON.parse(stdout) as {
      images: number;
      top1: number;
      view: unknown;
      predictions: { image: string; top5: number[]; logits: number[] }[];
    };
    expect(result).toMatchObject({ images: 200, view: { cropMode: "native", cropRatio: 1 } });
    // Cropped it is 80 %; two deviations of the binomial are 5.7 %.
    expect(result.top1).toBeGreaterThan(75);
    const named = new Map(result.predictions.map((one) => [one.image, one]));
    expect(named.size).toBe(200);
    const some = [...named.keys()].filter((_, i) => i % 40 === 0);
    const alone = (await deit(["predict", ...some, ...choice])).stdout.trim().split("\n");
    for (const [i, line] of alone.entries()) {
      const { predictions } = JSON.parse(line) as { predictions: { index: number; probability: number }[] };
      const { top5, logits } = named.get(some[i])!;
      expect(predictions.map(({ index }) => index)).toEqual(top5);
      // Another batch size adds in another order.
      const ratio = Math.log(predictions[0].probability / predictions[1].probability);
      expect(Math.abs(ratio - (logits[0] - logits[1]))).toBeLessThan(1e-3);
    }
    const { width, height } = await decodeImage(await readFile(some[0]), { name: "a" });
    expect(width).not.toBe(height);
  });
});
