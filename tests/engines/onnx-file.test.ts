/** ONNX files that claim what is not so: each is refused in a sentence, and nothing of the size it claims is made. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readFileGraph } from "../../src/engines/onnx/file-graph.js";
import { DeitError } from "../../src/errors/errors.js";
import { classifier } from "../../src/index.js";

const hostile = (name: string) => new URL(`../fixtures/teachers/hostile/${name}.onnx`, import.meta.url).pathname;
const open = (path: string) => classifier(path, { classes: ["a", "b", "c"], normalization: "imagenet" });

it("opens one that is sound", async () => {
  const classify = await open(hostile("sound"));
  const scores = await classify({ width: 4, height: 4, data: new Uint8Array(48) });
  for (const { score } of scores) expect(score).toBeCloseTo(1 / 3, 6);
  await classify.close();
});

it.each([
  ["side", "takes an image of 100000 pixels, which is more than 2 GiB"],
  ["side_2_40", "takes an image of 1099511627776 pixels, which is more than 2 GiB"],
  ["batch", "takes 1000000 images at a time of 32 pixels, which is more than 2 GiB"],
  ["ambiguous", "its second and its last axis may both be the channels"],
  ["outside", 'takes weights from "../w.bin", outside its folder'],
  ["round_about", 'takes weights from "sub/../../w.bin", outside its folder'],
  ["absolute", 'takes weights from "/etc/hostname", outside its folder'],
  ["missing", "it does not exist; check the path"],
  ["long", "external data size mismatch"],
  ["far", "Integer overflow"],
  ["claims", "exceeds the 2147483648 byte limit"],
  ["negative", "Out of bounds dimensions"],
  ["cycle", "the graph is not acyclic"],
])("refuses %s", async (name, sentence) => {
  const error: unknown = await open(hostile(name)).catch((refused) => refused);
  expect(error).toBeInstanceOf(DeitError);
  const { message } = error as DeitError;
  expect(message).toContain(sentence);
  expect(message).toMatch(/^[^\n]{1,600}\.$/);
  expect(message).not.toMatch(/\.(cc|h):\d/);
});

it("refuses more nodes than ONNX Runtime can order in time", async () => {
  const folder = await mkdtemp(join(tmpdir(), "deit-nodes-"));
  const path = join(folder, "x.onnx");
  // Field 7 of a model is its graph, field 1 of a graph a node: here an empty one each.
  const file = (nodes: number) => {
    const graph = Buffer.alloc(2 * nodes, "0a00", "hex");
    const length = Buffer.from([
      0x3a,
      (graph.length & 127) | 128,
      ((graph.length >> 7) & 127) | 128,
      graph.length >> 14,
    ]);
    return writeFile(path, Buffer.concat([length, graph]));
  };
  await file(50_000);
  expect((await readFileGraph(path)).externalFiles).toEqual([]);
  await file(50_001);
  await expect(readFileGraph(path)).rejects.toThrow("it has more than 50000 nodes");
  await rm(folder, { recursive: true });
});
