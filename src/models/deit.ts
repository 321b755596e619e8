/** DeiT: the vision transformer of the paper, with or without the distillation token (sections 3 and 4). */

import { UsageError } from "../errors/errors.js";
import { statedChannels } from "../geometry/channels.js";
import { type Grid, heightAndWidth, largestSide, mapSides, plainSize, sizeInWords } from "../geometry/image-size.js";
import { add, broadcast, concat, gather, mean, reshape, slice, type Tensor, take } from "../tensor/index.js";
import { modelOf } from "./declared.js";
import { channelsOf, normalizationFor, requireImageSize } from "./image-batch.js";
import { type Layers, layersOf, truncatedNormal } from "./layers.js";
import {
  type CommonOptions,
  type ForwardContext,
  imagenetNormalization,
  type Logits,
  type Model,
  type TokenGrid,
} from "./model.js";
import { patchCount } from "./parts.js";
import { patchEmbed, transformerBlock } from "./transformer.js";

/** Sizes of a DeiT. */
export interface DeitConfig extends CommonOptions {
  /** Side of a patch in pixels; it divides both sides of the images. */
  readonly patchSize: number;
  /** Length of a token. */
  readonly width: number;
  /** Attention heads of each block; they divide the width. */
  readonly heads: number;
  /** Width of the hidden layer of each block, as a multiple of the token's length. */
  readonly mlpRatio: number;
  /** Adds the distillation token and its head. */
  readonly distilled: boolean;
  /** False leaves the token without a head, as transformers' DeiTForImageClassification has it. */
  readonly distillationHead?: boolean;
  /** Dropout after the embedding, in the projection and in the MLP. */
  readonly dropout: number;
  /**
   * Patch dropout (arXiv 2208.07220): share of the patches that every image goes without in training, drawn anew for each
   * (default: 0).
   */
  readonly patchDropout?: number;
  /** What normalisation adds to the variance (default: 1e-6). */
  readonly normEpsilon?: number;
  /** Initial factor of LayerScale on both branches of each block (arXiv 2103.17239); default: no LayerScale. */
  readonly layerScale?: number;
  /** Whether only patches have positions, not the class and distillation tokens, as in DeiT III; default: false. */
  readonly noEmbedClass?: boolean;
  /**
   * What the head reads: the class token after the norm, or the mean of the patches, with a norm of its own, `fc_norm`;
   * default: `token`.
   */
  readonly pool?: Pool;
  /** How `dropPath` is spread over the blocks: rising from 0 to it, or the same for all; default: `linear`. */
  readonly dropPathRates?: "linear" | "uniform";
}

/** What a head reads of a vision transformer. */
export type Pool = "token" | "avg";

/** Width of one attention head in every published size. */
const headWidth = 64;

const deitDefaults: DeitConfig = {
  imageSize: 224,
  patchSize: 16,
  width: 192,
  depth: 12,
  heads: 3,
  mlpRatio: 4,
  classes: 1000,
  distilled: false,
  dropPath: 0,
  dropout: 0,
};

/**
 * A DeiT of any size. Parameters carry timm's names, shapes and initialisation. Images are seen as the paper's, unless
 * `view` says otherwise.
 */
export function deit(
  name: string,
  overrides: Partial<DeitConfig> = {},
  view: Partial<Pick<Model, "normalization" | "cropRatio">> = {},
): Model {
  const { channels: asked, ...others } = overrides;
  const { imageSize = deitDefaults.imageSize } = others;
  requireImageSize(name, imageSize);
  const channels = channelsOf(name, asked);
  const config: DeitConfig = {
    ...deitDefaults,
    ...others,
    imageSize: plainSize(imageSize),
    ...statedChannels(channels),
    heads: overrides.heads ?? Math.max(1, Math.round((overrides.width ?? deitDefaults.width) / headWidth)),
  };
  check(name, config);
  return modelOf({
    name,
    config: { ...config },
    imageSize: config.imageSize,
    channels,
    classes: config.classes,
    distilled: config.distilled,
    cropRatio: largestSide(config.imageSize) > 224 ? 1 : 0.875,
    ...view,
    normalization: normalizationFor(view.normalization ?? imagenetNormalization, channels),
    tokens: tokenGrid(config),
    forward: (context, images) => forward(config, context, images),
  });
}

function check(name: string, config: DeitConfig): void {
  const { imageSize, patchSize, width, heads, depth, classes, mlpRatio } = config;
  const whole = { patchSize, width, heads, depth, classes };
  for (const [option, value] of Object.entries(whole)) {
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`The ${option} of "${name}" is ${value}; it must be a whole number above 0.`);
  }
  if (!(Math.floor(width * mlpRatio) >= 1))
    throw new UsageError(
      `An mlpRatio of ${mlpRatio} leaves nothing of the width of "${name}", ${width}; use ${Number((1 / width).toPrecision(2))} or more (4 is usual).`,
    );
  if (heightAndWidth(imageSize).some((side) => side % patchSize !== 0)) {
    const near = mapSides(imageSize, (side) => Math.max(1, Math.round(side / patchSize)) * patchSize);
    throw new UsageError(
      `An image of ${sizeInWords(imageSize)} pixels cannot be cut into patches of ${patchSize}, as "${name}" sees it; use ${sizeInWords(near)}${name === "deit" ? " or another patchSize" : ""}.`,
    );
  }
  if (width % heads !== 0)
    throw new UsageError(
      `The width of "${name}", ${width}, cannot be shared by ${heads} heads; use a multiple of the heads.`,
    );
  if (config.distilled && config.pool === "avg")
    throw new UsageError(
      `The heads of "${name}" read its class and distillation tokens, not the mean of the patches (pool=avg); leave out pool, or take a model without distillation token.`,
    );
}

/** Where its observers find tokens: class token, distillation token, patches row by row. */
const tokenGrid = (config: DeitConfig): TokenGrid => ({
  ...{ depth: config.depth, heads: config.heads, prefix: prefixTokens(config) },
  grid: gridOf(config),
});

const gridOf = ({ imageSize, patchSize }: Pick<DeitConfig, "imageSize" | "patchSize">): Grid => {
  const [height, width] = heightAndWidth(imageSize);
  return [height / patchSize, width / patchSize];
};

/** Tokens before the patches: the class token and, in a distilled model, the distillation token. */
const prefixTokens = ({ distilled }: Pick<DeitConfig, "distilled">): number => (distilled ? 2 : 1);

const hasDistillationHead = ({ distilled, distillationHead = distilled }: DeitConfig): boolean => distillationHead;

/** The rate of stochastic depth in block `i`, as a share of `dropPath`. */
function dropPathShare({ dropPathRates, depth }: DeitConfig, i: number): number {
  if (dropPathRates === "uniform") return 1;
  return depth > 1 ? i / (depth - 1) : 0;
}

/** Images `[batch, height, width, channels]` to the logits of the head, or both heads, `[batch, classes]`. */
function forward(config: DeitConfig, context: ForwardContext, images: Tensor): Logits {
  const { depth, classes, normEpsilon, pool = "token" } = config;
  const nn = layersOf(context);
  let x = embed(config, nn, images);
  const tokens = x.shape[1];
  const embedded = x;
  nn.observe?.("embedding", () => embedded);
  x = nn.dropout(x, config.dropout);
  const block = (i: number, before: Tensor, queries: number): Tensor => {
    const dropPath = config.dropPath * dropPathShare(config, i);
    return transformerBlock(nn, `blocks.${i}`, before, { ...config, dropPath, queries });
  };
  for (let i = 0; i < depth - 1; i++) {
    x = block(i, x, tokens);
    const after = x;
    nn.observe?.(`blocks.${i}`, () => after);
  }
  const before = x;
  const everything = () => block(depth - 1, before, tokens);
  if (pool === "avg") {
    // There is no norm of the tokens; timm's is the identity too.
    const all = everything();
    nn.observe?.(`blocks.${depth - 1}`, () => all);
    nn.observe?.("norm", () => all);
    const patches = mean(slice(all, 1, prefixTokens(config), tokens), [1]);
    return { logits: nn.head("head", nn.layerNorm("fc_norm", patches, normEpsilon), classes) };
  }
  // The heads read only the class and distillation tokens, so the last block computes no others, unless somebody looks.
  const norm = (t: Tensor) => nn.layerNorm("norm", t, normEpsilon);
  nn.observe?.(`blocks.${depth - 1}`, everything);
  nn.observe?.("norm", () => norm(everything()));
  x = norm(block(depth - 1, before, prefixTokens(config)));
  const logits = nn.head("head", take(x, 1, 0), classes);
  if (!hasDistillationHead(config)) return { logits };
  return { logits, distillation: nn.head("head_dist", take(x, 1, 1), classes) };
}

/** Patches, tokens and positions: `[batch, tokens, width]` (section 3). */
function embed(config: DeitConfig, nn: Layers, images: Tensor): Tensor {
  const { patchSize, width, distilled, noEmbedClass = false, patchDropout = 0 } = config;
  const [batch, height, across] = images.shape;
  const token = (name: string, init = truncatedNormal) =>
    broadcast(nn.parameter(name, { shape: [1, 1, width], init }), [batch, 1, width]);
  const prefix = [token("cls_token", { kind: "normal", std: 1e-6 }), ...(distilled ? [token("dist_token")] : [])];
  const positioned = patchCount({ grid: gridOf(config) }) + (noEmbedClass ? 0 : prefix.length);
  const shape = [1, positioned, width];
  const positions = nn.parameter("pos_embed", { shape, init: truncatedNormal, part: "positions" });
  const count = (height / patchSize) * (across / patchSize); // images may have another size than the model's own
  const kept = patchDropout > 0 ? nn.patchDropout?.(batch, count, patchDropout) : undefined;
  const patches = patchEmbed(nn, "patch_embed", images, { patchSize, width, kept });
  if (!kept)
    return noEmbedClass
      ? concat([...prefix, add(patches, positions)], 1)
      : add(concat([...prefix, patches], 1), positions);
  const own = reshape(slice(positions, 1, positions.shape[1] - count), [count, width]);
  const placed = add(patches, reshape(gather(own, reshape(kept, [-1]), 0), patches.shape));
  if (noEmbedClass) return concat([...prefix, placed], 1);
  return concat([add(concat(prefix, 1), slice(positions, 1, 0, prefix.length)), placed], 1);
}
