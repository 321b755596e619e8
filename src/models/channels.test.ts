/** Models of images of one and four channels, compared with timm. */
import { describe, expect, it } from "vitest";
import { WeightsError } from "../errors/errors.js";
import { readSafetensors } from "../formats/safetensors/safetensors.js";
import type { Channels } from "../geometry/channels.js";
import { evaluate, input, mean, type NamedTensors } from "../tensor/index.js";
import { adaptWeights } from "./adapt.js";
import { inferenceContext, parameterInputs } from "./context.js";
import { deit } from "./deit.js";
import { imagesShape, normalizationFor } from "./image-batch.js";
import { imagenetNormalization, type Model } from "./model.js";
import { defineModel } from "./own-model.js";
import { createModel } from "./registry.js";
import { regnety } from "./regnet.js";

const fixture = new URL("../../tests/fixtures/channels/channels.safetensors", import.meta.url).pathname;
const { tensors } = await readSafetensors(fixture);

const sizes = { imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2, classes: 3 };
const design = { depth: 4, initialWidth: 8, slope: 16, factor: 1.5, groupWidth: 8, stemWidth: 8 };
const kinds = {
  deit: (channels: Channels) => deit("micro", { ...sizes, channels }),
  deit3: (channels: Channels) => deit("micro", { ...sizes, channels, layerScale: 1e-6, noEmbedClass: true }),
  regnety: (channels: Channels) => regnety("micro", design, { imageSize: 8, classes: 3, channels }),
};
type Kind = keyof typeof kinds;
const first = (model: Model) => model.parameters.find(({ shape }) => shape.length === 4)!.name;
const ofThree = (kind: Kind): NamedTensors =>
  new Map(kinds[kind](3).parameters.map(({ name }) => [name, tensors.get(`${kind}.${name}`)!]));

/** timm computes in float32, ours are in double precision: differences are below 1e-6 here. */
const close = (got: ArrayLike<number>, key: string) =>
  Array.from(tensors.get(key)!.data as Float32Array, (v, i) => expect(Math.abs(got[i] - v), key).toBeLessThan(1e-5));

describe.each(Object.keys(kinds) as Kind[])("%s", (kind) => {
  it.each([1, 4] as const)("takes weights of three channels for %i as timm adapts them", (channels) => {
    const model = kinds[kind](channels);
    const notes: string[] = [];
    const options = { source: "rgb.safetensors", onNote: (note: string) => notes.push(note) };
    const weights = adaptWeights(model, ofThree(kind), options);
    expect(notes).toEqual([
      channels === 1
        ? 'The first layer of "rgb.safetensors" is adapted from 3 (RGB) to 1 (grayscale): its weights are summed over the channels.'
        : 'The first layer of "rgb.safetensors" is adapted from 3 (RGB) to 4 (RGBA): its weights are repeated and scaled by 3/4.',
    ]);
    close(weights.get(first(model))!.data as Float32Array, `${kind} ${channels}.first`);
    const images = input("images", "float32", imagesShape(model, 2));
    const { logits } = model.forward(inferenceContext(parameterInputs(model)), images);
    const values = new Map([...weights, ["images", tensors.get(`${kind} ${channels}.images`)!] as const]);
    const given = new Map([...values].map(([name, { data }]) => [name, data as Float32Array]));
    close(evaluate([logits], given)[0], `${kind} ${channels}.logits`);
  });

  it("repeats weights of one channel, which then see grayscale in three as before", () => {
    const [one, three] = [kinds[kind](1), kinds[kind](3)];
    const options = { source: "grey.safetensors" };
    const grey = adaptWeights(one, ofThree(kind), options);
    const back = adaptWeights(three, grey, options).get(first(three))!;
    const [width, channels, height, across] = back.shape;
    const area = height * across;
    const before = grey.get(first(one))!.data;
    for (let at = 0; at < width * area; at++) {
      const [o, i] = [Math.floor(at / area), at % area];
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += Number(back.data[(o * channels + c) * area + i]);
      expect(Math.abs(sum - Number(before[at]))).toBeLessThan(1e-6);
    }
  });

  it("does not take weights of four channels for others", () => {
    const four = adaptWeights(kinds[kind](4), ofThree(kind), { source: "x" });
    const adapt = () => adaptWeights(kinds[kind](1), four, { source: "rgba.safetensors" });
    expect(adapt).toThrow(WeightsError);
    expect(adapt).toThrow(
      'The weights in "rgba.safetensors" take images of 4 channels, which cannot be adapted to the 1 (grayscale) of micro; set `channels: 4`.',
    );
  });
});

describe("the channels of a model", () => {
  it("are three by default, and then not in its configuration", () => {
    expect(createModel("deit_tiny_patch16_224").channels).toBe(3);
    expect(createModel("deit_tiny_patch16_224", { channels: 3 }).config).not.toHaveProperty("channels");
    expect(createModel("regnety_002", { channels: 1 }).config).toMatchObject({ channels: 1 });
  });

  it.each(["deit", "deit3_small_patch16_224", "vit_tiny_patch16_224", "regnety_002", "regnety", "linear"])(
    "of %s may be one or four",
    (name) => {
      for (const channels of [1, 4] as const) {
        const model = createModel(name, { channels });
        expect(imagesShape(model, 2)[3]).toBe(channels);
        expect(model.normalization.mean).toHaveLength(channels);
        expect(model.parameters.length).toBeGreaterThan(1);
      }
    },
  );

  it("are no other number", () => {
    expect(() => createModel("deit", { channels: 2 as 1 })).toThrow(
      'The number of channels of "deit" is 2; it must be 1 (grayscale), 3 (RGB) or 4 (RGBA).',
    );
  });

  it("are an option of a custom model that has it", () => {
    const own = defineModel("own", { imageSize: 8, channels: 1 }, (nn, { classes }) => (images) => {
      const tokens = nn.patchEmbed("patches", images, 4, 8);
      return nn.head("head", mean(tokens, [1]), classes);
    });
    expect(own.create({ classes: 2 }).channels).toBe(1);
    expect(own.create({ classes: 2, channels: 4 }).parameters[0].shape).toEqual([8, 4, 4, 4]);
  });
});

describe("the normalisation of images of other channels", () => {
  const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(6)));
  it.each([
    [1, [0.449], [0.226]],
    [3, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
    [4, [0.485, 0.456, 0.406, 0.449], [0.229, 0.224, 0.225, 0.226]],
  ] as const)("of %i", (channels, mean, std) => {
    const found = normalizationFor(imagenetNormalization, channels);
    expect(rounded(found.mean)).toEqual(mean);
    expect(rounded(found.std)).toEqual(std);
  });

  it("is the same for all channels where there is one", () => {
    expect(normalizationFor({ mean: [0.3], std: [0.2] }, 4).mean).toEqual([0.3, 0.3, 0.3, 0.3]);
  });
});
