/** The library's own functions give what the commands give. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  classifier,
  createModel,
  type ImageClassifier,
  initialize,
  openEngine,
  readSafetensors,
  softmaxOf,
  train,
} from "../../src/index.js";
import { deit, root } from "../cli/run.js";

const images = join(root, "tests/fixtures/images");
const sizes = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2 };
let scratch: string;
let run: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-library-"));
  run = join(scratch, "run");
  const recipe = { ...sizes, epochs: 1, batchSize: 16, repeatedAugmentation: 1 };
  await (await train("procedural:32:32", { recipe, engine: "onnx", output: run, workers: 0 })).finished;
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("classifier", () => {
  it("predicts exactly what deit predict does", async () => {
    const paths = ["grey.png", "plain.jpg", "plain.webp", "rotated.jpg", "one_pixel.png"].map((n) => join(images, n));
    const { stdout } = await deit(["predict", ...paths, "--weights", run, "--top", "3", "--json", "--engine", "onnx"]);
    const told = stdout
      .trim()
      .split("\n")
      .map((line) =>
        JSON.parse(line).predictions.map((p: Record<string, unknown>) => ({
          ...{ label: p.class, score: p.probability, index: p.index },
        })),
      );
    await using classify = await classifier(run, { engine: "onnx" });
    expect(await classify(paths, { top: 3 })).toEqual(told);
    expect(await classify(paths[0], { top: 3 })).toEqual(told[0]);
  });

  it("takes an image as path, address, bytes or pixels", async () => {
    const path = join(images, "plain.png");
    const bytes = await readFile(path);
    const pixels = async (image: Sharp) => {
      const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
      return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
    };
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/plain.png" ? 200 : 404);
      response.end(bytes);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using classify = await classifier(run, { engine: "onnx" });
    const [first, ...others] = await classify([
      ...[path, pathToFileURL(path), pathToFileURL(path).href, bytes, `${address}/plain.png`],
      ...[await pixels(sharp(bytes).removeAlpha()), await pixels(sharp(bytes).ensureAlpha())],
    ]);
    for (const other of others) expect(other).toEqual(first);
    await expect(classify(`${address}/none.png`)).rejects.toThrow(/answered with status 404/);
    server.close();
    await expect(classify({ width: 2, height: 2, data: new Uint8Array(5) })).rejects.toThrow(/give 12 \(RGB\)/);
  });

  it("gives embeddings and attention maps", async () => {
    await using classify = await classifier(run, { engine: "onnx" });
    const path = join(images, "plain.png");
    const [one, two] = await classify.embed([path, join(images, "grey.png")]);
    expect(one).toHaveLength(32);
    expect(one).not.toEqual(two);
    expect(await classify.embed(path)).toEqual(one);
    expect(await classify.embed(path, { from: "patches" })).toHaveLength(32);
    const { grid, heads } = await classify.attention(path);
    expect([grid, heads.length, heads[0].length]).toEqual([[4, 4], 2, 16]);
  });

  it("takes a model in memory, and leaves an engine open that it was given", async () => {
    const engine = await openEngine("onnx");
    const model = createModel("deit", { imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2, classes: 3 });
    const weights = initialize(model, 7);
    const names = ["a", "b", "c"];
    const classify = await classifier({ model, weights }, { engine, classes: names });
    const answers = await classify(join(images, "plain.png"));
    expect(answers.map((a) => a.label).sort()).toEqual(names);
    expect(answers.reduce((sum, a) => sum + a.score, 0)).toBeCloseTo(1, 12);
    await classify.close();
    await expect(classify(join(images, "plain.png"))).rejects.toThrow(/is closed/);
    await (await engine.createState(new Map())).dispose();
    await engine.close();
  });

  it("is closed at the end of the block that is using it, and closes only once", async () => {
    const path = join(images, "plain.png");
    let left: ImageClassifier | undefined;
    {
      await using classify = await classifier(run, { engine: "onnx" });
      await classify(path);
      left = classify;
    }
    await expect(left(path)).rejects.toThrow(/is closed/);
    await left.close();
    // The engine is shared with classifiers that are still in use.
    await using other = await classifier(run, { engine: "onnx" });
    {
      await using _ = await classifier(run, { engine: "onnx" });
    }
    expect(await other(path, { top: 1 })).toHaveLength(1);
  });

  it("takes an ONNX file", async () => {
    const teachers = join(root, "tests/fixtures/teachers");
    const { tensors } = await readSafetensors(join(teachers, "forms.safetensors"));
    const [pixels, logits] = ["images", "logits"].map((name) => tensors.get(name)!.data);
    await using classify = await classifier(join(teachers, "ultralytics.onnx"));
    const side = 16;
    const views = Array.from({ length: 6 }, (_, i) => ({
      ...{ width: side, height: side },
      data: (pixels as Uint8Array).slice(i * side * side * 3, (i + 1) * side * side * 3),
    }));
    for (const [i, answers] of (await classify(views, { top: 10 })).entries()) {
      const wanted = softmaxOf(Array.from(logits as Float32Array).slice(10 * i, 10 * i + 10));
      for (const { index, score, label } of answers) {
        expect(score).toBeCloseTo(wanted[index], 4);
        expect(classify.classes?.[index]).toBe(label);
      }
    }
    await expect(classify.embed(join(images, "plain.png"))).rejects.toThrow(/Embeddings look into a model/);
    const twice = join(teachers, "twice.onnx");
    const classes = classify.classes!;
    await expect(classifier(twice, { classes })).rejects.toThrow(
      /several outputs.*name the one that counts by `output/,
    );
    await using second = await classifier(twice, { classes, output: "b2" });
    expect(await second(views[0], { top: 10 })).toHaveLength(10);
    await expect(classifier(join(teachers, "bytes.onnx"), { classes: ["a"] })).rejects.toThrow(
      /knows 10 classes, but 1/,
    );
    await expect(classifier(join(teachers, "channels_last.onnx"), { classes })).rejects.toThrow(
      /how the classifier's images are normalised; set `normalization` to/,
    );
    await expect(classifier(run, { output: "b2" })).rejects.toThrow(/output is a setting for ONNX files/);
  });

  it("works in a program passed as text (node -e)", async () => {
    const program = `
      import { classifier, createLoader, memoryDataset } from ${JSON.stringify(pathToFileURL(join(root, "dist/index.js")).href)};
      const classify = await classifier(${JSON.stringify(run)});
      const pixel = Buffer.from("UDYKMSAxCjI1NQr/AAA=", "base64");
      const dataset = memoryDataset([{ bytes: pixel, label: "red" }]);
      const transform = { kind: "evaluation", size: 8, cropRatio: 1, interpolation: "bicubic" };
      const options = { dataset, transform, batchSize: 1, seed: 0, workers: 1, order: "sequential", dropLast: false };
      for await (const { images } of createLoader(options).epoch(0)) console.log(images.length);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
    expect(stdout).toBe("192\n");
  });

  it("lets a process end that does not close it", async () => {
    const program = `
      import { classifier } from ${JSON.stringify(pathToFileURL(join(root, "dist/index.js")).href)};
      const classify = await classifier(${JSON.stringify(run)});
      console.log((await classify(${JSON.stringify(join(images, "plain.png"))}, { top: 1 })).length);`;
    const path = join(scratch, "program.mjs");
    await writeFile(path, program);
    const { stdout } = await promisify(execFile)(process.execPath, [path]);
    expect(stdout).toBe("1\n");
  });
});
