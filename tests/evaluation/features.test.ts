/** Features of a model, against timm's (tests/fixtures/evaluation/generate_features.py). */
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { inferenceProgram } from "../../src/evaluation/classifier.js";
import { embedding, patchFeatures } from "../../src/evaluation/features.js";
import { Probe, probeProgram } from "../../src/evaluation/probe.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { deit } from "../../src/models/deit.js";
import { linearClassifier } from "../../src/models/linear.js";
import type { NamedTensors, Node, ProgramOutput, Tensor } from "../../src/tensor/index.js";
import { itWithReference as it, shared } from "../setup/reference-data.js";

const root = new URL("../../", import.meta.url).pathname;
const fixtures = join(shared, "fixtures");
const read = async (path: string) => (await readSafetensors(path)).tensors;
const micro = (distilled: boolean) =>
  deit("micro", { imageSize: 32, patchSize: 8, width: 48, depth: 3, heads: 3, classes: 7, distilled });

let engine: Engine;
let images: Uint8Array;
let expected: NamedTensors;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
  expected = await read(join(root, "tests/fixtures/evaluation/features.safetensors"));
  const { data } = (await read(join(root, "tests/fixtures/evaluation/analysis.safetensors"))).get("images")!;
  images = (data as Uint8Array).subarray(0, 2 * 32 * 32 * 3);
});
afterAll(() => engine.close());

it.each([
  ["deit_micro", false],
  ["deit_micro_distilled", true],
] as const)("tokens, patches and embedding of %s are timm's", async (name, distilled) => {
  const model = micro(distilled);
  const stored = await read(join(fixtures, `${name}.safetensors`));
  const weights = new Map(model.parameters.map((p) => [p.name, stored.get(`model.${p.name}`)!]));
  const probe = await Probe.create(engine, model, weights, (seen) => ({
    tokens: seen.value("norm"),
    ...embedding(model)(seen),
    ...patchFeatures(model)(seen),
  }));
  const found = await probe.run(images, 2);
  await probe.dispose();
  const prefix = distilled ? 2 : 1;
  const tokens = expected.get(`${name}.tokens`)!;
  const patches = tokens.data.filter((_, i) => Math.floor(i / 48) % (16 + prefix) >= prefix);
  expect(found.get("tokens")!.shape).toEqual([2, 16 + prefix, 48]);
  expect(found.get("patches")!.shape).toEqual([2, 4, 4, 48]);
  expect(found.get("embedding")!.shape).toEqual([2, 48]);
  const close = (ours: ArrayLike<number | bigint>, theirs: ArrayLike<number | bigint>) => {
    expect(ours.length).toBe(theirs.length);
    for (let i = 0; i < ours.length; i++) expect(Math.abs(Number(ours[i]) - Number(theirs[i]))).toBeLessThan(1e-4);
  };
  close(found.get("tokens")!.data, tokens.data);
  close(found.get("patches")!.data, patches);
  close(found.get("embedding")!.data, expected.get(`${name}.embedding`)!.data);
});

it("logits or an embedding alone do not compute the patches of the last block", () => {
  const model = micro(false);
  /** Hidden layers of the MLPs that are computed for all 17 tokens. */
  const wide = (outputs: readonly ProgramOutput[]) => {
    const seen = new Set<Node>();
    const visit = ({ node }: Tensor): void => {
      if (seen.has(node)) return;
      seen.add(node);
      node.inputs.forEach(visit);
    };
    for (const { tensor } of outputs) visit(tensor);
    return [...seen].filter((n) => n.primitive.name === "gelu" && n.outputs.some((o) => o.shape[1] === 17)).length;
  };
  expect(wide(inferenceProgram(model, 1).outputs)).toBe(2);
  expect(wide(probeProgram(model, 1, embedding(model)).outputs)).toBe(2);
  expect(wide(probeProgram(model, 1, patchFeatures(model)).outputs)).toBe(3);
});

it("a model without tokens has neither", () => {
  const model = linearClassifier({ imageSize: 32, classes: 7 });
  expect(() => embedding(model)).toThrow(/needs a vision transformer/);
  expect(() => patchFeatures(model)).toThrow(/needs a vision transformer/);
});
