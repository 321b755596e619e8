/** Exports in the programs of npm that they are for: onnxruntime-web, and transformers.js in Node and in Chromium. */
import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import {
  AutoModelForImageClassification,
  env,
  Tensor as PageTensor,
  pipeline,
  RawImage,
} from "@huggingface/transformers";
import { InferenceSession, Tensor } from "onnxruntime-web";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classifier, exportModel, type LayoutName } from "../../src/index.js";
import { root } from "../cli/run.js";
import { chromiumPath } from "../setup/browser.js";
import { describeWithReference as describe } from "../setup/reference-data.js";
import { describeInBrowser } from "../web/browser.js";
import { classNames, type MicroName, microCheckpoint } from "./models.js";

const names = ["plain", "distilled"] as const;
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-consumers-"));
  // Nothing is fetched, from caches neither.
  Object.assign(env, { allowRemoteModels: false, useWasmCache: false, localModelPath: scratch });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** An export as the folder NAME-LAYOUT, and the images and logits of timm. */
async function exported(name: MicroName, to: LayoutName) {
  const { path, images, stored } = await microCheckpoint(name, scratch);
  const folder = `${name}-${to}`;
  if (!existsSync(join(scratch, folder)))
    await exportModel({ weights: path, to, output: join(scratch, folder), images: 2 });
  const expected = stored.get("logits")!.data as Float32Array;
  return { folder, pixels: images.data as Float32Array, shape: [...images.shape], expected };
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i])));
};

describe("exports in npm's programs", () => {
  it.each(names)("onnxruntime-web gives timm's logits for %s", async (name) => {
    const { folder, pixels, shape, expected } = await exported(name, "onnx");
    const session = await InferenceSession.create(await readFile(join(scratch, folder, "model.onnx")));
    const { logits } = await session.run({ pixel_values: new Tensor("float32", pixels, shape) });
    await session.release();
    expect(largestDifference(logits.data as Float32Array, expected)).toBeLessThan(1e-4);
  });

  it.each(names)("transformers.js gives timm's logits for %s, and its pipeline the classes", async (name) => {
    const { folder, pixels, shape, expected } = await exported(name, "huggingface");
    const model = await AutoModelForImageClassification.from_pretrained(folder, { dtype: "fp32" });
    const { logits } = await model({ pixel_values: new PageTensor("float32", pixels, shape) });
    await model.dispose();
    expect(largestDifference(logits.data as Float32Array, expected)).toBeLessThan(1e-4);
    const classify = await pipeline("image-classification", folder, { dtype: "q8" });
    const image = new RawImage(
      Uint8ClampedArray.from({ length: 50 * 40 * 3 }, (_, i) => (i * 7919) % 256),
      50,
      40,
      3,
    );
    const found = (await classify(image, { top_k: 7 })) as readonly { readonly label: string }[];
    await classify.dispose();
    expect(found.map(({ label }) => label).sort()).toEqual([...classNames(7)].sort());
  });
});

describe("a folder for transformers.js whose graphs preprocess", () => {
  const image = (width: number, height: number, channels: 1 | 3 | 4): RawImage =>
    new RawImage(
      Uint8ClampedArray.from({ length: width * height * channels }, (_, i) => (i * 7919) % 256),
      width,
      height,
      channels,
    );

  it.each([
    ["plain", "float32", 50, 40, 3],
    ["distilled", "float32", 33, 200, 3],
    ["deit3", "float32", 20, 41, 1],
    ["regnety", "float32", 90, 70, 4],
    ["plain", "float16", 50, 40, 3],
    ["plain", "int8", 50, 40, 3],
    ["plain", "int4", 50, 40, 3],
  ] as const)(
    "answers as deit for %s in %s, an image of %i by %i with %i channels",
    async (name, precision, width, height, channels) => {
      const { path } = await microCheckpoint(name, scratch);
      const folder = `${name}-${precision}-whole`;
      const quantize = precision === "float32" ? [] : [precision];
      const output = join(scratch, folder);
      await exportModel({ weights: path, to: "huggingface", output, preprocessing: true, quantize, images: 2 });
      const dtype = ({ float32: "fp32", float16: "fp16", int8: "q8", int4: "q4" } as const)[precision];
      const classify = await pipeline("image-classification", folder, { dtype });
      const given = image(width, height, channels);
      const found = (await classify(given, { top_k: 3 })) as readonly { readonly label: string; score: number }[];
      await classify.dispose();
      await using reference = await classifier(path);
      const { data } = given.clone().rgb();
      const expected = await reference({ width, height, data: Uint8Array.from(data) }, { top: 7 });
      const score = new Map(expected.map((one) => [one.label, one.score]));
      const tolerance = { float32: 0.005, float16: 0.01, int8: 0.1, int4: 0.5 }[precision];
      for (const one of found) expect(Math.abs(one.score - score.get(one.label)!)).toBeLessThan(tolerance);
      if (precision === "float32") expect(found[0].label).toBe(expected[0].label);
    },
  );

  it("holds nothing that transformers in Python or deit would give other pixels", async () => {
    const { path } = await microCheckpoint("plain", scratch);
    const output = join(scratch, "whole");
    await exportModel({ weights: path, to: "huggingface", output, preprocessing: true, quantize: [], images: 2 });
    expect((await readdir(output, { recursive: true })).filter((name) => !/json|md$/.test(name)).sort()).toEqual([
      "onnx",
      "onnx/model.onnx",
    ]);
    const steps = JSON.parse(await readFile(join(output, "preprocessor_config.json"), "utf8"));
    expect(steps).toMatchObject({ do_resize: false, do_center_crop: false, do_rescale: false, do_normalize: false });
    await expect(classifier(output)).rejects.toThrow("holds ONNX files but no weights");
    await expect(classifier(join(output, "onnx/model.onnx"))).rejects.toThrow(
      'model.onnx" preprocesses images in its graph and takes them whole, one at a time',
    );
    expect(await readFile(join(output, "README.md"), "utf8")).toContain("Images are classified one at a time");
  });

  it("refuses several images in one call, which transformers.js stacks whatever their sizes are", async () => {
    const { path } = await microCheckpoint("plain", scratch);
    const output = join(scratch, "one-at-a-time");
    await exportModel({ weights: path, to: "huggingface", output, preprocessing: true, quantize: [], images: 2 });
    const classify = await pipeline("image-classification", "one-at-a-time", { dtype: "fp32" });
    await expect(classify([image(50, 40, 3), image(40, 40, 3)])).rejects.toThrow(/index: 0 Got: 2 Expected: 1/);
    await classify.dispose();
  });
});

const types: Readonly<Record<string, string>> = { ".mjs": "text/javascript", ".js": "text/javascript" };
const page = `<!doctype html><title>transformers.js</title><link rel="icon" href="data:,"><script type="module">
  const hf = await import("/transformers.js/dist/transformers.min.js");
  Object.assign(hf.env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/exports/" });
  Object.assign(hf.env, { useBrowserCache: false, useWasmCache: false });
  const file = (end) => new URL("/runtime/ort-wasm-simd-threaded.asyncify." + end, location.href).href;
  hf.env.backends.onnx.wasm.wasmPaths = { mjs: file("mjs"), wasm: file("wasm") };
  globalThis.logits = async (folder, dtype, pixels, shape) => {
    const model = await hf.AutoModelForImageClassification.from_pretrained(folder, { dtype, device: "wasm" });
    const { logits } = await model({ pixel_values: new hf.Tensor("float32", Float32Array.from(pixels), shape) });
    return Array.from(logits.data);
  };
  globalThis.ready = true;
</script>`;

describeInBrowser("in a page", () => {
  describe("exports", () => {
    it("transformers.js in Chromium gives timm's logits, with nothing from elsewhere", async () => {
      const { folder, pixels, shape, expected } = await exported("distilled", "huggingface");
      const own = join(root, "node_modules/@huggingface/transformers");
      const nested = join(own, "node_modules/onnxruntime-web/dist");
      const runtime = existsSync(nested) ? nested : join(root, "node_modules/onnxruntime-web/dist");
      const folders: Readonly<Record<string, string>> = { exports: scratch, "transformers.js": own, runtime };
      const server = createServer((request, response) => {
        const [, first, ...rest] = new URL(request.url!, "http://localhost").pathname.split("/");
        const path = folders[first] && join(folders[first], ...rest);
        const found = first === "" || (path && existsSync(path));
        const type = first === "" ? "text/html" : (types[extname(path ?? "")] ?? "application/octet-stream");
        response.writeHead(found ? 200 : 404, { "content-type": type });
        if (first !== "" && found) createReadStream(path).pipe(response);
        else response.end(first === "" ? page : undefined);
      });
      await new Promise<void>((resolve) => {
        server.listen(0, "127.0.0.1", resolve);
      });
      const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
      try {
        const tab = await browser.newPage();
        const address = `http://localhost:${(server.address() as AddressInfo).port}`;
        const elsewhere: string[] = [];
        tab.on("request", (request) => {
          if (!/^(http:\/\/localhost:|data:|blob:)/.test(request.url())) elsewhere.push(request.url());
        });
        await tab.goto(`${address}/`);
        await tab.waitForFunction("globalThis.ready === true");
        const logits = (dtype: string) =>
          tab.evaluate<number[]>(`logits(${JSON.stringify(folder)}, "${dtype}", [${pixels}], [${shape}])`);
        expect(largestDifference(await logits("fp32"), expected)).toBeLessThan(1e-4);
        expect(largestDifference(await logits("q8"), expected)).toBeLessThan(0.6);
        expect(elsewhere).toEqual([]);
      } finally {
        await browser.close();
        server.closeAllConnections();
        server.close();
      }
    });
  });
});
