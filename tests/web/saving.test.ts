/** What `deit/web` saves in headless Chromium: opened in Node, by ONNX Runtime, and as Node writes it. */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { applyTransform } from "../../src/data/view/transform.js";
import { readSample } from "../../src/data/view/view.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { type EvaluationView, evaluationTransform } from "../../src/evaluation/view.js";
import { ZipFile } from "../../src/formats/zip.js";
import { heightAndWidth, pixelCount } from "../../src/geometry/image-size.js";
import { exportModel, readSafetensors } from "../../src/index.js";
import type * as Web from "../../src/web/index.js";
import { deit as command, root } from "../cli/run.js";
import { describeInBrowser, Site } from "./browser.js";
import { writeSmall } from "./small.js";

declare const deit: typeof Web;

const picture = join(root, "tests/fixtures/images/view.png");
const training = {
  ...{ data: "pictures of a page", images: 21, settings: { epochs: 3 }, result: { images: 9, top1: 88.9 } },
};

let scratch: string;
let site: Site;
let page: Page;

/** A file saved in the page, and the answers of the classifier there. */
interface Saved {
  readonly name: string;
  readonly path: string;
  readonly logits: readonly number[];
  readonly predictions: readonly Web.Prediction[];
}

async function saved(settings: Web.WebExportSettings): Promise<Saved> {
  const found = await page.evaluate(
    async ({ settings, training }) => {
      const classify = await deit.classifier("/small.safetensors");
      const file = await deit.exportModel({ ...own(classify), training }, settings);
      function own({ model, weights, view, classes }: Web.ImageClassifier) {
        return { model, weights, view, classes };
      }
      const bytes = new Uint8Array(await file.arrayBuffer());
      let text = "";
      for (const byte of bytes) text += String.fromCharCode(byte);
      return {
        ...{ name: file.name, base64: btoa(text) },
        logits: [...(await classify.logits("/view.png"))],
        predictions: await classify("/view.png"),
      };
    },
    { settings, training },
  );
  const path = join(await mkdtemp(join(scratch, "saved-")), found.name);
  await writeFile(path, Buffer.from(found.base64, "base64"));
  return { ...found, path };
}

/** The zip's files in a new folder. */
async function unzipped({ path }: Saved): Promise<string> {
  const zip = await ZipFile.open(path);
  await zip.extract(dirname(path));
  await zip.close();
  return path.replace(/\.zip$/, "");
}

describeInBrowser("saving in a page", () => {
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "deit-web-saving-"));
    const small = join(scratch, "small.safetensors");
    await writeSmall(small);
    site = await Site.open(
      new Map([
        ["/small.safetensors", small],
        ["/view.png", picture],
      ]),
    );
    page = await site.page();
  });
  afterAll(async () => {
    await site?.close();
    await rm(scratch, { recursive: true, force: true });
  });

  it("a safetensors file says what Node's does, and deit predict answers as the page did", async () => {
    const { name, path, predictions } = await saved({ to: "safetensors", name: "my pets" });
    expect(name).toBe("my pets.safetensors");
    const { metadata, tensors } = await readSafetensors(path);
    const source = await readSafetensors(join(scratch, "small.safetensors"));
    expect(new Map([...tensors].sort())).toEqual(new Map([...source.tensors].sort()));
    expect(Object.keys(metadata).sort()).toEqual(
      ["format", ...["classes", "config", "model", "training", "view"].map((key) => `deit.${key}`)].sort(),
    );
    await expectPredicted(path, predictions);
    expect((await openModel({ weights: path })).training).toEqual(training);
  });

  it("a folder for transformers.js whose graph preprocesses is what deit export writes", async () => {
    const folder = await unzipped(await saved({ to: "huggingface", name: "whole", preprocessing: true, quantize: [] }));
    const output = join(scratch, "whole-by-node");
    const weights = join(scratch, "small.safetensors");
    await exportModel({ weights, to: "huggingface", output, preprocessing: true, quantize: [], images: 2 });
    const file = "preprocessor_config.json";
    expect(await readFile(join(folder, file), "utf8")).toBe(await readFile(join(output, file), "utf8"));
    const [found, expected] = await Promise.all(
      [folder, output].map(async (from) => {
        const session = await InferenceSession.create(join(from, "onnx/model.onnx"));
        const pixels = Float32Array.from({ length: 3 * 50 * 40 }, (_, i) => (i * 7919) % 256);
        const { logits } = await session.run({ pixel_values: new Tensor("float32", pixels, [1, 3, 40, 50]) });
        await session.release();
        return logits.data;
      }),
    );
    expect(found).toEqual(expected);
  });

  it("a folder for transformers.js gives the page's logits in other runtimes, and is what deit export writes", async () => {
    const result = await saved({ to: "huggingface", name: "pets", license: "cc0-1.0" });
    expect(result.name).toBe("pets.zip");
    const folder = await unzipped(result);
    const { view } = await openModel({ weights: join(scratch, "small.safetensors") });
    const input = await pixelValues(view);
    const onnx = async (file: string) => run(join(folder, "onnx", file), input);
    expect(largestDifference(await onnx("model.onnx"), result.logits)).toBeLessThan(1e-4);
    expect(largestDifference(await onnx("model_fp16.onnx"), result.logits)).toBeLessThan(0.05);
    const int8 = await onnx("model_quantized.onnx");
    expect(int8.indexOf(Math.max(...int8))).toBe(result.predictions[0].index);

    const weights = join(scratch, "named", "pets");
    await mkdir(dirname(weights), { recursive: true });
    await writeFile(weights, await readFile((await saved({ to: "safetensors" })).path));
    const node = join(scratch, "of-node");
    await exportModel({ weights, to: "huggingface", output: node, license: "cc0-1.0" });
    const names = ["config.json", "preprocessor_config.json", "model.safetensors"];
    for (const name of [...names, ...["model", "model_fp16", "model_quantized"].map((n) => `onnx/${n}.onnx`)])
      expect((await readFile(join(folder, name))).equals(await readFile(join(node, name))), name).toBe(true);
    const card = await readFile(join(folder, "README.md"), "utf8");
    expect(card).toContain('license: "cc0-1.0"');
    expect(card).toContain("Data: pictures of a page, 21 images for training.");
    expect(card).toContain("Accuracy on 9 images that it was not trained on: top-1 88.90 %.");
    const before = (await readFile(join(node, "README.md"), "utf8")).split("## Verification")[0];
    expect(card.replaceAll("pets", "NAME").trim()).toBe(
      before.replaceAll("of-node", "NAME").replaceAll("pets", "NAME").trim(),
    );
  });

  it("the folder is opened by deit predict without being told more", async () => {
    const result = await saved({ to: "huggingface", name: "pets", quantize: [] });
    const folder = await unzipped(result);
    await expectPredicted(folder, result.predictions);
  });

  it("a zip is one that other programs unpack", async () => {
    const { path } = await saved({ to: "onnx", name: "pets" });
    const check = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), *sorted(z.namelist()))";
    const { stdout } = await promisify(execFile)("python3", ["-c", check, path]);
    expect(stdout.trim()).toBe("None pets/README.md pets/model.onnx");
  });

  it("refuses what has no effect or is no file name", async () => {
    const failure = (settings: object) =>
      saved(settings as Web.WebExportSettings).then(String, (e: Error) => e.message);
    expect(await failure({ to: "safetensors", license: "mit" })).toContain(
      "A safetensors file holds the weights as they are, so license has no effect; leave it out.",
    );
    expect(await failure({ to: "safetensors", name: "a/b" })).toContain('"a/b" cannot be the name of a file');
    expect(await failure({ to: "onxx" })).toContain('There is no layout "onxx"');
    expect(await failure({ to: "onnx", quantize: ["int8-static"] })).toContain("needs calibration images");
  });
});

/** That `deit predict` with these weights, and no other option, answers as the page did. */
async function expectPredicted(weights: string, expected: readonly Web.Prediction[]): Promise<void> {
  const { code, stdout, stderr } = await command(["predict", picture, "--weights", weights, "--top", "5", "--json"]);
  expect(code, stderr).toBe(0);
  const { predictions } = JSON.parse(stdout) as { predictions: { class: string; probability: number }[] };
  expect(predictions.map((p) => p.class)).toEqual(expected.map((p) => p.label));
  predictions.forEach(({ probability }, i) => {
    expect(probability).toBeCloseTo(expected[i].score, 5);
  });
}

/** The picture as `pixel_values`. */
async function pixelValues({
  imageSize: size,
  normalization: { mean, std },
  ...view
}: EvaluationView): Promise<Tensor> {
  const image = await readSample({ kind: "file", path: picture }, { jpeg: "exact" });
  const pixels = applyTransform(image, evaluationTransform({ ...view, imageSize: size }));
  const plane = pixelCount(size);
  const values = Float32Array.from({ length: 3 * plane }, (_, i) => {
    const [c, p] = [Math.floor(i / plane), i % plane];
    return (pixels[3 * p + c] / 255 - mean[c]) / std[c];
  });
  return new Tensor("float32", values, [1, 3, ...heightAndWidth(size)]);
}

async function run(path: string, input: Tensor): Promise<number[]> {
  const session = await InferenceSession.create(path);
  const { logits } = await session.run({ pixel_values: input });
  await session.release();
  return [...(logits.data as Float32Array)];
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
}
