/** Where the attention of a model's tokens to its patches is found among what it exposes. */

import { UsageError } from "../errors/errors.js";
import { type Grid, heightAndWidth, type ImageSize } from "../geometry/image-size.js";
import { observedShapes } from "./context.js";
import type { Model } from "./model.js";
import { tokensOf } from "./parts.js";

/** How the names end under which layers show themselves: attention weights, patches as tokens, tokens behind a class token. */
export const shownSuffix = { attention: ".attn", patches: ".patches", classToken: ".classToken" } as const;

/** Attention of a token to the patches. */
export interface ShownAttention {
  /** Names of the attention weights `[batch, heads, tokens, tokens]`, from the first layer to the last. */
  readonly layers: readonly string[];
  /** Heads of the last layer. */
  readonly heads: number;
  /** Rows and columns of patches. */
  readonly grid: Grid;
  /** Tokens before those of the patches. */
  readonly prefix: number;
  /** Index of the token; undefined for the mean over all of them, of a model without a class token. */
  readonly row: number | undefined;
}

/** The token whose attention is computed. */
export type AttentionToken = "class" | "distillation";

/** Throws UsageError for a model that does not show it, or without the token. */
export function shownAttention(model: Model, token: AttentionToken): ShownAttention {
  if (token === "distillation" && !(model.tokens && model.distilled))
    throw new UsageError(`The model "${model.name}" has no distillation token; ask for the class token's attention.`);
  return model.tokens ? ofTokens(model, token) : ofLayers(model);
}

function ofTokens(model: Model, token: AttentionToken): ShownAttention {
  const { depth, heads, grid, prefix } = tokensOf(model, "An attention map");
  const layers = Array.from({ length: depth }, (_, i) => `blocks.${i}${shownSuffix.attention}`);
  return { layers, heads, grid, prefix, row: token === "class" ? 0 : 1 };
}

/** Of a custom model: what its layers tell. */
function ofLayers(model: Model): ShownAttention {
  const shown = observedShapes(model);
  const ending = (suffix: string) => [...shown].filter(([name]) => name.endsWith(suffix));
  const attentions = ending(shownSuffix.attention);
  if (attentions.length === 0) tokensOf(model, "An attention map");
  const [patches, ...more] = ending(shownSuffix.patches);
  if (!patches || more.length > 0)
    throw new UsageError(
      `Where the patches of "${model.name}" are among its tokens is not known, as it makes them ${more.length + (patches ? 1 : 0)} times by nn.patchEmbed; do so once.`,
    );
  const [, [, count]] = patches;
  const prefix = ending(shownSuffix.classToken).length;
  const [, last] = attentions[attentions.length - 1];
  const odd = attentions.find(
    ([, shape]) => shape.length !== 4 || shape[2] !== shape[3] || shape[3] !== prefix + count,
  );
  if (odd || prefix > 1)
    throw new UsageError(
      `The attention of "${model.name}" cannot be laid over the image: "${(odd ?? attentions[0])[0]}" is [${(odd ?? attentions[0])[1].join(", ")}], and its tokens are ${count} patches after ${prefix} of nn.classToken; give every layer of attention all of them and no others.`,
    );
  const row = prefix === 1 ? 0 : undefined;
  return {
    layers: attentions.map(([name]) => name),
    heads: last[1],
    grid: gridOf(model.imageSize, count),
    prefix,
    row,
  };
}

/** The grid of square patches that cover an image. */
function gridOf(size: ImageSize, patches: number): Grid {
  const [height, width] = heightAndWidth(size);
  const rows = Math.round(Math.sqrt((patches * height) / width));
  return [rows, patches / rows];
}
