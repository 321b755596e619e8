/** Models on grids of other shapes than their own, compared with timm's `dynamic_img_size`. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../formats/safetensors/safetensors.js";
import type { ImageSize } from "../geometry/image-size.js";
import { evaluate, gradient, input, mean, mul, reduceSum, type Tensor } from "../tensor/index.js";
import { decisionLogits, inferenceContext, parameterInputs } from "./context.js";
import { deit } from "./deit.js";
import { imagesShape } from "./image-batch.js";
import { modelAt, nativeSizesOf } from "./model-at.js";
import { defineModel } from "./own-model.js";
import { createModel } from "./registry.js";

type Kind = "plain" | "distilled" | "noEmbedClass";
const folder = new URL("../../tests/fixtures/native/", import.meta.url).pathname;
const { tensors } = await readSafetensors(`${folder}native.safetensors`);
const cases = JSON.parse(await readFile(`${folder}cases.json`, "utf8")) as readonly {
  readonly key: string;
  readonly kind: Kind;
  readonly size: readonly [number, number];
}[];
const values = (name: string) => tensors.get(name)!.data as Float32Array;

const micro = (kind: Kind) =>
  deit("micro", {
    ...{ imageSize: 16, patchSize: 4, width: 8, depth: 2, heads: 2, classes: 3 },
    ...(kind === "plain" ? {} : { [kind]: true }),
  });

/** timm computes in float32, ours are in double precision: differences are below 1e-5 here. */
const close = (got: ArrayLike<number>, key: string) => {
  expect(got.length).toBe(values(key).length);
  for (const [i, v] of values(key).entries()) expect(Math.abs(got[i] - v), key).toBeLessThan(2e-5 * (1 + Math.abs(v)));
};

describe("logits and the gradient of the positions are timm's", () => {
  it.each(cases)("$key", ({ key, kind, size }) => {
    const model = modelAt(micro(kind), size);
    const parameters = parameterInputs(model);
    const images = input("images", "float32", imagesShape(model, 2));
    const logits = decisionLogits(model.forward(inferenceContext(parameters), images));
    const weight = input("weight", "float32", logits.shape);
    const [positions] = gradient(reduceSum(mul(logits, weight)) as Tensor, [parameters.get("pos_embed")!]);
    const given = new Map([
      ...model.parameters.map(({ name }) => [name, values(`${kind}.${name}`)] as const),
      ...(["images", "weight"] as const).map((name) => [name, values(`${key}.${name}`)] as const),
    ]);
    const [found, slope] = evaluate([logits, positions], given);
    close(found, `${key}.logits`);
    close(slope, `${key}.gradient`);
  });
});

describe("a model at another size", () => {
  it("has the same parameters, and a grid of its own", () => {
    const model = createModel("deit_tiny_patch16_224");
    const wide = modelAt(model, [192, 256]);
    expect(wide.parameters).toEqual(model.parameters);
    expect(wide.tokens?.grid).toEqual([12, 16]);
    expect(modelAt(model)).toBe(model);
    expect(() => modelAt(wide, 224)).toThrow(
      '"deit_tiny_patch16_224" cannot look at images of 224×224 pixels; use its own',
    );
    expect(() => modelAt(model, 100)).toThrow("cannot look at images of 100×100 pixels; use multiples of 16.");
  });

  it("has sizes for native aspect ratios, of a convnet in multiples of its stride", () => {
    expect(nativeSizesOf(createModel("deit_tiny_patch16_224"))).toContainEqual([192, 256]);
    expect(nativeSizesOf(createModel("regnety_016"))).toEqual([224, [192, 256], [256, 192], [160, 288], [288, 160]]);
  });

  it("is refused for a model of one size, and for too few patches", () => {
    const own = defineModel(
      "own",
      { imageSize: 16 as ImageSize },
      (nn, { classes }) =>
        (images) =>
          nn.head("head", mean(nn.patchEmbed("patches", images, 4, 8), [1]), classes),
    );
    expect(() => nativeSizesOf(own.create({ classes: 3 }))).toThrow('"own" takes images of one size, so it cannot see');
    expect(() => nativeSizesOf(deit("small", { imageSize: 32, patchSize: 16 }))).toThrow(
      '"small" has no other shape of as many patches of 16 pixels',
    );
  });
});
