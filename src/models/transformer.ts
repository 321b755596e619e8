/** Layers of vision transformers: patches, attention, and blocks of attention and MLP. */
import {
  attention,
  attentionWeights,
  gatherRows,
  gelu,
  linear,
  mul,
  reshape,
  slice,
  split,
  type Tensor,
  transpose,
} from "../tensor/index.js";
import type { Layers } from "./layers.js";
import type { Initializer } from "./model.js";

/** Sizes and rates of a block. */
export interface BlockOptions {
  /** Attention heads; they divide the width of the tokens. */
  readonly heads: number;
  /** Ratio of the MLP's hidden width to the token width (default: 4). */
  readonly mlpRatio?: number;
  /** Epsilon added to variances in the norms (default: 1e-6). */
  readonly normEpsilon?: number;
  /** Probability of dropping a branch (default: 0). */
  readonly dropPath?: number;
  /** Probability of dropping elements, in the projection and in the MLP (default: 0). */
  readonly dropout?: number;
  /** Number of first tokens to compute, for the last block, after which no others are read (default: all). */
  readonly queries?: number;
  /** Initial factor of LayerScale, `NAME.ls1.gamma` and `NAME.ls2.gamma` `[width]`; default: none. */
  readonly layerScale?: number;
}

/** How images become tokens. */
export interface PatchEmbedOptions {
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Length of a token. */
  readonly width: number;
  /** The patches to embed of each image, int32 `[batch, kept]`; default: all. */
  readonly kept?: Tensor;
}

/**
 * Square patches of images `[batch, height, width, channels]` as tokens `[batch, patches, width]`, one affine map for all.
 * Pixels of a patch row stay together; the axes of `NAME.proj.weight` `[width, channels, p, p]` are permuted instead, which
 * copies far less. Of `kept`, int32 `[batch, kept]`, only these patches are embedded (default: all).
 */
export function patchEmbed(
  nn: Layers,
  name: string,
  images: Tensor,
  { patchSize, width, kept }: PatchEmbedOptions,
): Tensor {
  const p = patchSize;
  const [batch, height, across, channels] = images.shape;
  const [rows, columns] = [height / p, across / p];
  const cut = transpose(reshape(images, [batch, rows, p, columns, p * channels]), [0, 1, 3, 2, 4]);
  const patches = reshape(cut, [batch, rows * columns, p * p * channels]);
  const init: Initializer = { kind: "uniform", bound: 1 / Math.sqrt(channels * p * p) };
  const weight = nn.parameter(`${name}.proj.weight`, { shape: [width, channels, p, p], init, decay: true });
  return linear(
    kept ? gatherRows(patches, kept) : patches,
    reshape(transpose(weight, [0, 2, 3, 1]), [width, p * p * channels]),
    nn.parameter(`${name}.proj.bias`, { shape: [width], init }),
  );
}

/**
 * Attention and MLP, each after a norm and with a residual connection, on tokens `[batch, tokens, width]`
 * (`NAME.norm1`, `.attn`, `.norm2`, `.mlp`).
 */
export function transformerBlock(nn: Layers, name: string, tokens: Tensor, options: BlockOptions): Tensor {
  const part = (x: Tensor) => blockOf(nn, name, x, options);
  return nn.recompute ? nn.recompute(name, tokens, part) : part(tokens);
}

function blockOf(nn: Layers, name: string, tokens: Tensor, options: BlockOptions): Tensor {
  const { heads, mlpRatio = 4, normEpsilon, dropPath = 0, dropout = 0, layerScale } = options;
  const [, count, width] = tokens.shape;
  const { queries = count } = options;
  const scaled = (branch: string, x: Tensor) =>
    layerScale === undefined
      ? x
      : mul(
          x,
          nn.parameter(`${name}.${branch}.gamma`, { shape: [width], init: { kind: "constant", value: layerScale } }),
        );
  const attend = (x: Tensor) => {
    const normed = nn.layerNorm(`${name}.norm1`, x, normEpsilon);
    const attended = selfAttention(nn, `${name}.attn`, normed, { heads, queries });
    return scaled("ls1", nn.dropout(attended, dropout));
  };
  const feed = (x: Tensor) => {
    const normed = nn.layerNorm(`${name}.norm2`, x, normEpsilon);
    const hidden = nn.dropout(gelu(nn.linear(`${name}.mlp.fc1`, normed, Math.floor(width * mlpRatio))), dropout);
    return scaled("ls2", nn.dropout(nn.linear(`${name}.mlp.fc2`, hidden, width), dropout));
  };
  const attended = nn.residual(tokens, attend, dropPath, slice(tokens, 1, 0, queries));
  return nn.residual(attended, feed, dropPath);
}

/** Attention of the first `queries` tokens to all: `[batch, tokens, width] → [batch, queries, width]`. */
function selfAttention(
  nn: Layers,
  name: string,
  x: Tensor,
  { heads, queries }: { readonly heads: number; readonly queries: number },
): Tensor {
  const [batch, tokens, width] = x.shape;
  const part = "attention";
  const byHead = (t: Tensor) => transpose(reshape(t, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
  const [all, k, v] = split(nn.linear(`${name}.qkv`, x, 3 * width, { part }), 3, 2).map(byHead);
  const q = slice(all, 2, 0, queries);
  nn.observe?.(name, () => attentionWeights(all, k));
  const out = attention(q, k, v);
  return nn.linear(`${name}.proj`, reshape(transpose(out, [0, 2, 1, 3]), [batch, queries, width]), width, { part });
}
