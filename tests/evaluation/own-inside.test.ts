/** What a model of the caller's own shows: embeddings and attention, by the layers that it is made of. */
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  classifier,
  createModel,
  defineModel,
  type Engine,
  type ImageClassifier,
  initialize,
  openEngine,
  tensor,
} from "../../src/index.js";

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine("onnx");
});
afterAll(() => engine.close());

const side = 32;
const image = {
  width: side,
  height: side,
  data: Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 37) % 251),
};
const sizes = { imageSize: side, patchSize: 8, width: 24, depth: 2, heads: 2, classes: 3 };
function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(got).toHaveLength(wanted.length);
  for (let i = 0; i < wanted.length; i++) expect(got[i]).toBeCloseTo(wanted[i], 5);
}
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

it("equals that of a DeiT, written with the layers of the library", async () => {
  const copy = defineModel("copy", { imageSize: side, width: sizes.width }, (nn, { width, classes }) => (images) => {
    const tokens = nn.classToken("cls_token", nn.patchEmbed("patch_embed", images, 8, width));
    const init = { kind: "truncatedNormal", std: 0.02 } as const;
    let x = tensor.add(tokens, nn.parameter("pos_embed", { shape: [1, tokens.shape[1], width], init }));
    for (const i of [0, 1]) x = nn.block(`blocks.${i}`, x, { heads: sizes.heads });
    return nn.head("head", tensor.take(nn.layerNorm("norm", x), 1, 0), classes);
  });
  const [model, deit] = [copy.create({ classes: 3 }), createModel("deit", sizes)];
  const weights = initialize(deit, 5);
  await using ours = await classifier({ model, weights }, { engine });
  await using theirs = await classifier({ model: deit, weights }, { engine });
  const scores = async (one: ImageClassifier) => (await one(image)).map((p) => p.score);
  expectClose(await scores(ours), await scores(theirs));
  expectClose(await ours.embed(image), await theirs.embed(image));
  const [maps, wanted] = await Promise.all([ours.attention(image), theirs.attention(image)]);
  expect([maps.grid, maps.heads.length]).toEqual([[4, 4], 2]);
  for (const [head, map] of maps.heads.entries()) expectClose(map, wanted.heads[head]);
  expectClose(maps.rollout, wanted.rollout);
  await expect(ours.attention(image, "distillation")).rejects.toThrow(/"copy" has no distillation token/);
});

it("is the mean over the patches without a class token, and what the head reads", async () => {
  const pooled = defineModel("pooled", { imageSize: side, width: 24 }, (nn, { width, classes }) => (images) => {
    const tokens = nn.block("block", nn.patchEmbed("patches", images, 8, width), { heads: 3 });
    return nn.head("head", tensor.mean(tokens, [1]), classes);
  });
  const model = pooled.create({ classes: 3 });
  const weights = initialize(model, 1);
  await using classify = await classifier({ model, weights }, { engine });
  const { heads, rollout } = await classify.attention(image);
  // No token but those of patches is attended to, so each map shares out all of the attention.
  for (const map of [...heads, rollout]) expect(sum(map)).toBeCloseTo(1, 5);
  const embedding = await classify.embed(image);
  const [rows, bias] = ["head.weight", "head.bias"].map((name) => weights.get(name)!.data as Float32Array);
  const logits = [0, 1, 2].map((c) => bias[c] + sum(embedding.map((v, i) => v * rows[c * 24 + i])));
  const total = sum(logits.map(Math.exp));
  for (const { index, score } of await classify(image)) expect(score).toBeCloseTo(Math.exp(logits[index]) / total, 5);
});

it("is refused where the layers do not show it", async () => {
  const opened = async (build: Parameters<typeof defineModel>[2]) => {
    const model = defineModel("odd", { imageSize: side }, build).create({ classes: 3 });
    return classifier({ model, weights: initialize(model, 1) }, { engine });
  };
  await using plain = await opened((nn) => (images) => {
    const x = tensor.reshape(images, [images.shape[0], side * side * 3]);
    return tensor.linear(x, nn.parameter("w", { shape: [3, side * side * 3], init: { kind: "zeros" } }));
  });
  await expect(plain.embed(image)).rejects.toThrow(
    /"odd" does not show what its head reads; make its last layer with nn.head/,
  );
  await expect(plain.attention(image)).rejects.toThrow(
    /An attention map needs a vision transformer, but "odd" is none/,
  );
  await using mixed = await opened((nn) => (images) => {
    const patches = nn.patchEmbed("patches", images, 8, 24);
    const behind = tensor.concat([patches, tensor.slice(patches, 1, 0, 1)], 1);
    return tensor.mean(nn.head("head", nn.block("block", behind, { heads: 1 }), 3), [1]);
  });
  await expect(mixed.attention(image)).rejects.toThrow(
    /"block.attn" is \[1, 1, 17, 17\], and its tokens are 16 patches/,
  );
  await expect(mixed.embed(image)).rejects.toThrow(/The head of "odd" reads \[1, 17, 24\], which is not one vector/);
});
