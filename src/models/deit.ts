/** DeiT: the vision transformer of the paper, with or without the distillation token (sections 3 and 4). */
import { UsageError } from "../errors/errors.js";
import {
  add,
  attention,
  attentionWeights,
  broadcast,
  concat,
  gelu,
  layerNorm,
  linear,
  reshape,
  slice,
  split,
  type Tensor,
  take,
  transpose,
} from "../tensor/index.js";
import {
  type ForwardContext,
  type Initializer,
  imagenetNormalization,
  type Logits,
  type Model,
  type ParameterSpec,
} from "./model.js";

/** Sizes of a DeiT. */
export interface DeitConfig {
  /** Side of the square input in pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
  readonly classes: number;
  /** Adds the distillation token and its head. */
  readonly distilled: boolean;
  /** False leaves the token without a head, as transformers' DeiTForImageClassification has it. */
  readonly distillationHead?: boolean;
  /** Stochastic depth of the last block; it grows linearly from 0 at the first. */
  readonly dropPath: number;
  /** Dropout after the embedding, in the projection and in the MLP. */
  readonly dropout: number;
  /** What normalisation adds to the variance; 1e-6 unless told. */
  readonly normEpsilon?: number;
}

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

const epsilon = 1e-6;
const truncated: Initializer = { kind: "truncatedNormal", std: 0.02 };
const zeros: Initializer = { kind: "zeros" };
const ones: Initializer = { kind: "ones" };

/** A DeiT of any size. Parameters carry timm's names, shapes and initialisation. */
export function deit(name: string, overrides: Partial<DeitConfig> = {}): Model {
  const config: DeitConfig = {
    ...deitDefaults,
    ...overrides,
    heads: overrides.heads ?? Math.max(1, Math.round((overrides.width ?? deitDefaults.width) / headWidth)),
  };
  check(name, config);
  return {
    name,
    config: { ...config },
    imageSize: config.imageSize,
    classes: config.classes,
    distilled: config.distilled,
    normalization: imagenetNormalization,
    cropRatio: config.imageSize > 224 ? 1 : 0.875,
    parameters: parameters(config),
    forward: (context, images) => forward(config, context, images),
  };
}

function check(name: string, { imageSize, patchSize, width, heads, depth, classes, mlpRatio }: DeitConfig): void {
  const whole = { imageSize, patchSize, width, heads, depth, classes };
  for (const [option, value] of Object.entries(whole)) {
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`The ${option} of "${name}" is ${value}; it must be a whole number above 0.`);
  }
  if (!(Math.floor(width * mlpRatio) >= 1))
    throw new UsageError(
      `An mlpRatio of ${mlpRatio} leaves nothing of the width of "${name}", ${width}; use ${Number((1 / width).toPrecision(2))} or more (4 is usual).`,
    );
  if (imageSize % patchSize !== 0) {
    const near = Math.max(1, Math.round(imageSize / patchSize)) * patchSize;
    throw new UsageError(
      `An image of ${imageSize} pixels cannot be cut into patches of ${patchSize}, as "${name}" sees it; use ${near}${name === "deit" ? " or another patchSize" : ""}.`,
    );
  }
  if (width % heads !== 0)
    throw new UsageError(
      `The width of "${name}", ${width}, cannot be shared by ${heads} heads; use a multiple of the heads.`,
    );
}

/** The sizes of a model that is a DeiT; UsageError, with what they are wanted for, when it is none. */
export function deitConfigOf(model: Model, wantedFor: string): DeitConfig {
  const { patchSize, depth, heads } = model.config;
  if (![patchSize, depth, heads].every((n) => typeof n === "number"))
    throw new UsageError(
      `${wantedFor} needs a vision transformer, but "${model.name}" is none; choose a DeiT ("deit models" lists all).`,
    );
  return model.config as unknown as DeitConfig;
}

/** Tokens before the patches: the class token and, in a distilled model, the distillation token. */
export const prefixTokens = ({ distilled }: Pick<DeitConfig, "distilled">): number => (distilled ? 2 : 1);

const hasDistillationHead = ({ distilled, distillationHead = distilled }: DeitConfig): boolean => distillationHead;

function parameters(config: DeitConfig): ParameterSpec[] {
  const { width: d, patchSize: p, classes, depth, mlpRatio, imageSize } = config;
  const tokens = (imageSize / p) ** 2 + prefixTokens(config);
  const list: ParameterSpec[] = [];
  const push = (name: string, shape: readonly number[], init: Initializer, decay: boolean) =>
    list.push({ name, shape, init, decay, kind: "parameter" });
  const affine = (name: string, out: number, input: number) => {
    push(`${name}.weight`, [out, input], truncated, true);
    push(`${name}.bias`, [out], zeros, false);
  };
  const norm = (name: string) => {
    push(`${name}.weight`, [d], ones, false);
    push(`${name}.bias`, [d], zeros, false);
  };
  const fanIn = 3 * p * p;
  push("cls_token", [1, 1, d], { kind: "normal", std: 1e-6 }, false);
  if (config.distilled) push("dist_token", [1, 1, d], truncated, false);
  push("pos_embed", [1, tokens, d], truncated, false);
  push("patch_embed.proj.weight", [d, 3, p, p], { kind: "uniform", bound: 1 / Math.sqrt(fanIn) }, true);
  push("patch_embed.proj.bias", [d], { kind: "uniform", bound: 1 / Math.sqrt(fanIn) }, false);
  for (let i = 0; i < depth; i++) {
    norm(`blocks.${i}.norm1`);
    affine(`blocks.${i}.attn.qkv`, 3 * d, d);
    affine(`blocks.${i}.attn.proj`, d, d);
    norm(`blocks.${i}.norm2`);
    affine(`blocks.${i}.mlp.fc1`, Math.floor(d * mlpRatio), d);
    affine(`blocks.${i}.mlp.fc2`, d, Math.floor(d * mlpRatio));
  }
  norm("norm");
  affine("head", classes, d);
  if (hasDistillationHead(config)) affine("head_dist", classes, d);
  return list;
}

/** Images `[batch, height, width, 3]` to the logits of the head, or both heads, `[batch, classes]`. */
function forward(config: DeitConfig, context: ForwardContext, images: Tensor): Logits {
  const { depth, dropPath } = config;
  const affine = affineOf(context);
  const norm = (name: string, t: Tensor) =>
    layerNorm(t, context.parameter(`${name}.weight`), context.parameter(`${name}.bias`), config.normEpsilon ?? epsilon);
  const prefix = prefixTokens(config);

  let x = embed(config, context, images);
  context.observe?.("embedding", () => x);
  x = context.dropout(x, config.dropout);
  /** The first `count` tokens after block `i`. */
  const block = (i: number, before: Tensor, count: number): Tensor => {
    const rate = depth > 1 ? (dropPath * i) / (depth - 1) : 0;
    const attended = selfAttention(config, context, `blocks.${i}.attn`, norm(`blocks.${i}.norm1`, before), count);
    const x = add(slice(before, 1, 0, count), context.dropPath(context.dropout(attended, config.dropout), rate));
    const hidden = context.dropout(gelu(affine(`blocks.${i}.mlp.fc1`, norm(`blocks.${i}.norm2`, x))), config.dropout);
    const fed = context.dropout(affine(`blocks.${i}.mlp.fc2`, hidden), config.dropout);
    return add(x, context.dropPath(fed, rate));
  };
  const tokens = x.shape[1];
  for (let i = 0; i < depth - 1; i++) {
    x = block(i, x, tokens);
    const after = x;
    context.observe?.(`blocks.${i}`, () => after);
  }
  // The heads read only the class and distillation tokens, so the last block computes no others, unless somebody looks.
  const before = x;
  const everything = () => block(depth - 1, before, tokens);
  context.observe?.(`blocks.${depth - 1}`, everything);
  context.observe?.("norm", () => norm("norm", everything()));
  x = norm("norm", block(depth - 1, before, prefix));
  const head = (name: string, token: number) => {
    const features = take(x, 1, token);
    context.observe?.(`${name}.input`, () => features);
    return affine(name, features);
  };
  return { logits: head("head", 0), ...(hasDistillationHead(config) ? { distillation: head("head_dist", 1) } : {}) };
}

const affineOf = (context: ForwardContext) => (name: string, t: Tensor) =>
  linear(t, context.parameter(`${name}.weight`), context.parameter(`${name}.bias`));

/** Attention of the first `queries` tokens to all: `[batch, tokens, width] → [batch, queries, width]`. */
function selfAttention(
  { heads }: DeitConfig,
  context: ForwardContext,
  name: string,
  x: Tensor,
  queries: number,
): Tensor {
  const affine = affineOf(context);
  const [batch, tokens, width] = x.shape;
  const byHead = (t: Tensor) => transpose(reshape(t, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
  const [all, k, v] = split(affine(`${name}.qkv`, x), 3, 2).map(byHead);
  const q = slice(all, 2, 0, queries);
  context.observe?.(name, () => attentionWeights(all, k));
  const out = attention(q, k, v);
  return affine(`${name}.proj`, reshape(transpose(out, [0, 2, 1, 3]), [batch, queries, width]));
}

/** Patches, tokens and positions: `[batch, tokens, width]` (section 3; one affine map for all patches). */
function embed(config: DeitConfig, context: ForwardContext, images: Tensor): Tensor {
  const { patchSize: p, width, imageSize, distilled } = config;
  const [batch] = images.shape;
  const side = imageSize / p;
  // Pixels stay together in rows of a patch; the weight's axes are moved instead, which is far less to copy.
  const rows = transpose(reshape(images, [batch, side, p, side, p * 3]), [0, 1, 3, 2, 4]);
  const weight = reshape(transpose(context.parameter("patch_embed.proj.weight"), [0, 2, 3, 1]), [width, p * p * 3]);
  const patches = linear(
    reshape(rows, [batch, side * side, p * p * 3]),
    weight,
    context.parameter("patch_embed.proj.bias"),
  );
  const token = (name: string) => broadcast(context.parameter(name), [batch, 1, width]);
  const tokens = concat([token("cls_token"), ...(distilled ? [token("dist_token")] : []), patches], 1);
  return add(tokens, context.parameter("pos_embed"));
}
