/** ONNX files run in batches where that leaves their answers as they are. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { OnnxNode } from "../../src/formats/onnx/graph.js";
import { encodeModel } from "../../src/formats/onnx/write.js";
import { classifier, exportModel, train } from "../../src/index.js";
import { type RunningServer, serve } from "../../src/server/index.js";
import { bodyOf, closeTo, image } from "./models.js";

let scratch: string;
let server: RunningServer | undefined;
const file = (name: string) => join(scratch, "exported", name);
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-serve-onnx-"));
  const recipe = {
    model: "deit",
    imageSize: 32,
    patchSize: 8,
    width: 32,
    depth: 2,
    heads: 2,
    epochs: 1,
    batchSize: 16,
  };
  const output = join(scratch, "run");
  await (
    await train("procedural:32:32", {
      recipe: { ...recipe, repeatedAugmentation: 1 },
      engine: "onnx",
      output,
      workers: 0,
    })
  ).finished;
  await exportModel({ weights: output, to: "onnx", output: join(scratch, "exported"), quantize: [] });
  await writeFile(file("mixing.onnx"), mixing);
  const models = { float32: file("model.onnx"), mixing: file("mixing.onnx") };
  server = await serve({ models }, { port: 0, engine: "onnx", workers: 1, maxBatch: 4, maxDelay: 1000 });
});
afterAll(async () => {
  await server?.close();
  await rm(scratch, { recursive: true, force: true });
});

/** A graph whose answers are the mean colours, times the largest of the batch. */
const mixing = encodeModel({
  graph: {
    name: "mixing",
    inputs: [{ name: "pixel_values", dtype: "float32", shape: ["batch", 3, 32, 32] }],
    outputs: [{ name: "logits", dtype: "float32", shape: ["batch", 3] }],
    initializers: [],
    nodes: [
      node("ReduceMean", ["pixel_values"], "means", { axes: { ints: [2, 3] }, keepdims: { int: 0 } }),
      node("ReduceMax", ["means"], "largest", { axes: { ints: [0, 1] }, keepdims: { int: 1 } }),
      node("Mul", ["means", "largest"], "logits"),
    ],
  },
  ...{ irVersion: 8, operatorSets: [{ domain: "", version: 17 }] },
  metadata: new Map([
    ["deit.classes", JSON.stringify(["red", "green", "blue"])],
    ["deit.normalization", JSON.stringify({ mean: [5, 5, 5], std: [1, 1, 1] })],
  ]),
});

function node(type: string, inputs: string[], output: string, attributes: OnnxNode["attributes"] = {}): OnnxNode {
  return { type, domain: "", inputs, outputs: [output], attributes };
}

/** Answers to 12 images sent together, and the sizes of their batches. */
async function answers(model: string) {
  const names = ["plain.jpg", "plain.png", "grey.png"];
  const images = await Promise.all(Array.from({ length: 12 }, (_, i) => image(names[i % names.length])));
  const found = await Promise.all(
    images.map(async (body) =>
      bodyOf(await fetch(`${server?.url}/models/${model}/classify`, { method: "POST", body })),
    ),
  );
  const text = await (await fetch(`${server?.url}/metrics`)).text();
  const metric = (name: string) => Number(new RegExp(`^${name}\\{model="${model}"\\S* (\\S+)$`, "m").exec(text)?.[1]);
  const batches = metric("deit_batch_images_count");
  return { images, found, batches };
}

it("runs files of any number of images in batches, with the answers of each alone", async () => {
  await using classify = await classifier(file("model.onnx"));
  const { images, found, batches } = await answers("float32");
  for (const [i, bytes] of images.entries()) expect(found[i].predictions).toEqual(closeTo(await classify(bytes)));
  expect(batches).toBeLessThan(12);
});

it("runs images one at a time where answers depend on the others, and says so", async () => {
  await using classify = await classifier(file("mixing.onnx"));
  const { images, found, batches } = await answers("mixing");
  for (const [i, bytes] of images.entries()) expect(found[i].predictions).toEqual(closeTo(await classify(bytes)));
  expect(batches).toBe(12);
  expect(server?.notes.filter((note) => note.includes("one at a time"))).toEqual([expect.stringContaining('"mixing"')]);
});
