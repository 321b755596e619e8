/** Vision transformers for images that are not square, compared with timm. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../formats/safetensors/safetensors.js";
import type { ImageSize } from "../geometry/image-size.js";
import { evaluate, input, mean, type NamedTensors } from "../tensor/index.js";
import { adaptWeights } from "./adapt.js";
import { inferenceContext, parameterInputs } from "./context.js";
import { deit } from "./deit.js";
import { recognizeDeit } from "./deit-sizes.js";
import { imagesShape } from "./image-batch.js";
import { linearClassifier } from "./linear.js";
import { defineModel } from "./own-model.js";
import { createModel } from "./registry.js";
import { shownAttention } from "./shown-attention.js";

type Kind = "plain" | "distilled" | "noEmbedClass";
const folder = new URL("../../tests/fixtures/aspect/", import.meta.url).pathname;
const { tensors } = await readSafetensors(`${folder}aspect.safetensors`);
const { models } = JSON.parse(await readFile(`${folder}cases.json`, "utf8")) as {
  readonly models: readonly {
    readonly key: string;
    readonly kind: Kind;
    readonly size: readonly [number, number];
    readonly from: ImageSize;
  }[];
};

const micro = (kind: Kind, imageSize: ImageSize) =>
  deit("micro", {
    ...{ imageSize, patchSize: 4, width: 8, depth: 2, heads: 2, classes: 3 },
    ...(kind === "plain" ? {} : { [kind]: true }),
  });
const squareWeights = (kind: Kind): NamedTensors =>
  new Map(micro(kind, 16).parameters.map(({ name }) => [name, tensors.get(`${kind}.${name}`)!]));

/** timm computes in float32, ours are in double precision: differences are below 1e-6 here. */
const close = (got: ArrayLike<number>, key: string) =>
  Array.from(tensors.get(key)!.data as Float32Array, (v, i) => expect(Math.abs(got[i] - v), key).toBeLessThan(1e-5));

describe("positions and logits are timm's", () => {
  it.each(models)("$key", ({ key, kind, size, from }) => {
    const source = "micro.safetensors";
    const first = adaptWeights(micro(kind, from), squareWeights(kind), { source });
    const model = micro(kind, size);
    const weights = adaptWeights(model, first, { source, imageSize: from });
    close(weights.get("pos_embed")!.data as Float32Array, `${key}.positions`);
    const { logits, distillation } = model.forward(
      inferenceContext(parameterInputs(model)),
      input("images", "float32", imagesShape(model, 1)),
    );
    const values = new Map([...weights, ["images", tensors.get(`${key}.images`)!] as const]);
    const given = new Map([...values].map(([name, { data }]) => [name, data as Float32Array]));
    const found = evaluate([logits, ...(distillation ? [distillation] : [])], given);
    close(
      Array.from(found[0], (v, i) => (found.length === 1 ? v : (v + found[1][i]) / 2)),
      `${key}.logits`,
    );
  });
});

describe("a grid of as many patches", () => {
  it("is not taken for the same grid", () => {
    const square = squareWeights("plain");
    const wide = adaptWeights(micro("plain", [8, 32]), square, { source: "a" });
    expect(wide.get("pos_embed")!.data).not.toEqual(square.get("pos_embed")!.data);
    const same = adaptWeights(micro("plain", [8, 32]), wide, { source: "a", imageSize: [8, 32] });
    expect(same.get("pos_embed")!.data).toEqual(wide.get("pos_embed")!.data);
  });
});

describe("sizes", () => {
  const shapes = (kind: Kind, size: ImageSize) =>
    new Map(micro(kind, size).parameters.map(({ name, shape }) => [name, shape]));

  it.each(["plain", "distilled", "noEmbedClass"] as const)(
    "of %s weights are recognised if they are stated",
    (kind) => {
      expect(recognizeDeit(shapes(kind, [24, 16]), [24, 16])).toMatchObject({ imageSize: [24, 16] });
      expect(recognizeDeit(shapes(kind, [8, 32]), [8, 32])).toMatchObject({ imageSize: [8, 32] });
      expect(recognizeDeit(shapes(kind, 16), [24, 16])).toMatchObject({ imageSize: 16 });
    },
  );

  it("of other shapes are not recognised if they are not stated", () => {
    expect(recognizeDeit(shapes("plain", [24, 12]))).toBeUndefined();
  });

  it("are one number for a square, however they are given", () => {
    for (const model of [
      createModel("deit_tiny_patch16_224", { imageSize: [64, 64] }),
      createModel("regnety_002", { imageSize: [64, 64] }),
      linearClassifier({ imageSize: [64, 64] }),
    ])
      expect([model.imageSize, model.config.imageSize]).toEqual([64, 64]);
  });

  it.each([
    [[24, 18], "An image of 24×18 pixels cannot be cut into patches of 4"],
    [[24, 0], 'The imageSize of "micro" is [24,0]'],
    [[24], 'The imageSize of "micro" is [24]'],
  ])("%j is refused", (size, words) => {
    expect(() => micro("plain", size as unknown as ImageSize)).toThrow(words);
  });
});

describe("custom models", () => {
  it("show attention on a grid of their patches", () => {
    const own = defineModel("own", { imageSize: [16, 40] }, (nn, { classes }) => (images) => {
      const tokens = nn.classToken("token", nn.patchEmbed("patches", images, 4, 8));
      return nn.head("head", mean(nn.block("block", tokens, { heads: 2 }), [1]), classes);
    });
    const model = own.create({ classes: 3 });
    expect(model.imageSize).toEqual([16, 40]);
    expect(shownAttention(model, "class").grid).toEqual([4, 10]);
    expect(own.create({ classes: 3, imageSize: 16 }).config.imageSize).toEqual([16, 16]);
  });
  it("of square images refuse others", () => {
    const own = defineModel(
      "own",
      { imageSize: 16 },
      (nn, { classes, imageSize }) =>
        (images) =>
          nn.head("head", mean(nn.patchEmbed("patches", images, imageSize / 4, 8), [1]), classes),
    );
    expect(() => own.create({ classes: 3, imageSize: [16, 32] })).toThrow(
      'The model "own" takes square images, since its imageSize is one number by default, but it is to take 16×32',
    );
  });
});
