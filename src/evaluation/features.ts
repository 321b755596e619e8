/** Features of a vision transformer before its heads: one vector for the whole image, and one for each patch. */
import { deitConfigOf, prefixTokens } from "../models/deit.js";
import type { Model } from "../models/model.js";
import { add, mul, reshape, slice } from "../tensor/index.js";
import type { Derive } from "./probe.js";

/**
 * For a probe: `embedding` `[batch, width]`, the input of the head (for a distilled model, the mean of both heads'
 * inputs, as in timm's `forward_head(..., pre_logits=True)`). Throws UsageError, when the probe is created, for a model
 * that does not expose it.
 */
export const embedding = (model: Model): Derive => {
  const { distilled } = deitConfigOf(model, "An embedding");
  return ({ value }) => ({
    embedding: distilled ? mul(add(value("head.input"), value("head_dist.input")), 0.5) : value("head.input"),
  });
};

/**
 * For a probe: `patches` `[batch, grid, grid, width]`, the normalised tokens of the patches after the last block (timm's
 * `forward_features` without the class and distillation tokens), rows from the top. Throws UsageError for a model
 * without patches.
 */
export const patchFeatures = (model: Model): Derive => {
  const config = deitConfigOf(model, "Features of patches");
  const grid = config.imageSize / config.patchSize;
  return ({ value }) => {
    const tokens = value("norm");
    const [batch, count, width] = tokens.shape;
    return { patches: reshape(slice(tokens, 1, prefixTokens(config), count), [batch, grid, grid, width]) };
  };
};
