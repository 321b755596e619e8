/** Custom models that are not in the registry: any function of images, with its own options. */

import { ShapeError, UsageError } from "../errors/errors.js";
import { heightAndWidth, type ImageSize, plainSize, sizeInWords } from "../geometry/image-size.js";
import { broadcast, concat, type Tensor } from "../tensor/index.js";
import { modelOf } from "./declared.js";
import { channelsOf, normalizationFor, requireImageSize } from "./image-batch.js";
import { type Layers, layersOf } from "./layers.js";
import { imagenetNormalization, type Logits, type Model } from "./model.js";
import { type ModelOptions, modelNames } from "./registry.js";
import { shownSuffix } from "./shown-attention.js";
import { type BlockOptions, patchEmbed, transformerBlock } from "./transformer.js";

/** A model that is not in the registry: its name, and how to create one for given classes and sizes. */
export interface OwnModel {
  /** Name in recipes and checkpoints, which must differ from those of built-in models. */
  readonly name: string;
  /** Builds the model with these options; `classes` is the number of classes of the data. */
  create(options: ModelOptions): Model;
}

/** The building blocks of custom models: layers that declare their parameters under the given names. */
export interface ModelLayers extends Layers {
  /** Square patches of images `[batch, height, width, channels]` as tokens `[batch, patches, width]`, by `NAME.proj`. */
  patchEmbed(name: string, images: Tensor, patchSize: number, width: number): Tensor;
  /** A learned token `NAME` before the others, for the head to read: `[batch, tokens, width]` to `[batch, 1 + tokens, width]`. */
  classToken(name: string, tokens: Tensor): Tensor;
  /** Attention and MLP of a vision transformer, `[batch, tokens, width]` to the same (`NAME.norm1`, `.attn`, `.norm2`, `.mlp`). */
  block(name: string, tokens: Tensor, options: BlockOptions): Tensor;
}

/** Options of a custom model: JSON, so that a checkpoint can store them. */
export type OwnOptions = Readonly<Record<string, number | boolean | string | readonly number[]>>;

/**
 * The options that a model is created with; the classes are those of the data. `imageSize` is one number if it is in the
 * defaults, which makes a model of square images, and `[height, width]` if it is that there.
 */
export type MadeOptions<Options> = Readonly<Options> & {
  /** Number of classes of the data. */
  readonly classes: number;
};

/** From layers and options to a function from normalised images, float32 `[batch, height, width, channels]`, to logits `[batch, classes]`. */
export type BuildModel<Options> = (
  nn: ModelLayers,
  options: MadeOptions<Options>,
) => (images: Tensor) => Tensor | Logits;

/**
 * A custom model, for `train`, `distil` and `classifier`: its name, its options with default values, and how it is
 * built from layers. Layers declare their parameters where they are used; `nn.head` creates the layer whose outputs are
 * the classes, `nn.parameter` any other parameter. Recipe settings apply if they are among the options. Throws
 * UsageError for a name of deit's built-in models.
 *
 * @example
 * ```js
 * import { defineModel, tensor } from "deit";
 *
 * const tiny = defineModel("tiny", { imageSize: 64, width: 96 }, (nn, { width, classes }) => (images) => {
 *   const tokens = nn.block("block", nn.patchEmbed("patches", images, 8, width), { heads: 3 });
 *   return nn.head("head", tensor.mean(tokens, [1]), classes);
 * });
 * console.log(tiny.create({ classes: 10 }).parameters.length);
 * ```
 */
export function defineModel<Options extends OwnOptions>(
  name: string,
  defaults: Options & { readonly imageSize: ImageSize },
  build: BuildModel<Options>,
): OwnModel {
  if (name === "") throw new UsageError("A custom model needs a name, under which checkpoints record it.");
  if (modelNames().includes(name))
    throw new UsageError(`"${name}" is the name of a deit model; give yours another name.`);
  return { name, create: (options) => made(name, defaults, build, options) };
}

function made<Options extends OwnOptions>(
  name: string,
  defaults: Options & { readonly imageSize: ImageSize },
  build: BuildModel<Options>,
  { classes, ...given }: ModelOptions,
): Model {
  if (classes === undefined) throw new UsageError(`The number of classes of "${name}" is missing; give it as classes.`);
  const known = Object.entries(given).filter(([key, value]) => key in defaults && value !== undefined);
  const size = sizeLike(name, defaults.imageSize, given.imageSize ?? defaults.imageSize);
  const config: MadeOptions<Options> = { ...defaults, ...Object.fromEntries(known), imageSize: size, classes };
  if (!Number.isInteger(classes) || classes < 1)
    throw new UsageError(`The classes of "${name}" is ${classes}; it must be a whole number above 0.`);
  const imageSize = plainSize(size);
  const channels = channelsOf(name, config.channels);
  const distilled = config.distilled === true;
  return modelOf({
    ...{ name, config, imageSize, channels, classes, distilled, cropRatio: 0.875 },
    normalization: normalizationFor(imagenetNormalization, channels),
    forward: (context, images) => {
      const output = build(modelLayers(layersOf(context)), config)(images);
      if (typeof output !== "object" || output === null)
        throw new UsageError(`The model "${name}" returns no logits; return a tensor [batch, classes].`);
      const logits = "logits" in output ? output : { logits: output };
      requireLogits(name, logits, [images.shape[0], classes], distilled);
      return logits;
    },
  });
}

/** A size in the form that the model has by default, which its code expects. */
function sizeLike(name: string, usual: ImageSize, size: ImageSize): ImageSize {
  requireImageSize(name, size);
  const [height, width] = heightAndWidth(size);
  if (typeof usual !== "number") return [height, width];
  if (height !== width)
    throw new UsageError(
      `The model "${name}" takes square images, since its imageSize is one number by default, but it is to take ${sizeInWords(size)}; make its default [height, width].`,
    );
  return height;
}

const modelLayers = (nn: Layers): ModelLayers => ({
  ...nn,
  patchEmbed: (name, images, patchSize, width) => {
    const patches = patchEmbed(nn, name, images, { patchSize, width });
    nn.observe?.(`${name}${shownSuffix.patches}`, () => patches);
    return patches;
  },
  classToken: (name, tokens) => {
    const [batch, , width] = tokens.shape;
    const token = nn.parameter(name, { shape: [1, 1, width], init: { kind: "normal", std: 1e-6 } });
    const all = concat([broadcast(token, [batch, 1, width]), tokens], 1);
    nn.observe?.(`${name}${shownSuffix.classToken}`, () => all);
    return all;
  },
  block: (name, tokens, options) => transformerBlock(nn, name, tokens, options),
});

function requireLogits(name: string, output: Logits, expected: readonly number[], distilled: boolean): void {
  for (const tensor of [output.logits, ...(output.distillation ? [output.distillation] : [])])
    if (tensor.shape.join() !== expected.join())
      throw new ShapeError(
        `The model "${name}" returns a tensor [${tensor.shape.join(", ")}] for a batch of ${expected[0]}; logits must be [batch, classes], here [${expected.join(", ")}].`,
      );
  if ((output.distillation !== undefined) !== distilled)
    throw new UsageError(
      `The model "${name}" returns ${distilled ? "no logits" : "logits"} of a distillation head, but its option distilled is ${distilled}; make them agree.`,
    );
}
