/** What a vision transformer makes of an image before its heads decide: one vector for all of it, and one for each patch. */
import type { Model } from "../models/model.js";
import { tokensOf } from "../models/parts.js";
import { add, mul, reshape, slice } from "../tensor/index.js";
import type { Derive } from "./probe.js";

/**
 * For a probe: `embedding` `[batch, width]`, what the head reads (of a distilled model, the mean of what both read, as
 * timm's `forward_head(..., pre_logits=True)`). Throws UsageError, when the probe is made, for a model that does not show it.
 *
 * @example
 * ```ts
 * import { embedding, openEngine, openModel, Probe } from "deit";
 *
 * const engine = await openEngine();
 * const { model, weights } = await openModel({ weights: "runs/photos" });
 * const probe = await Probe.create(engine, model, weights, embedding(model));
 * const images = new Uint8Array(2 * model.imageSize ** 2 * 3);
 * console.log((await probe.run(images, 2)).get("embedding")?.shape);
 * await engine.close();
 * ```
 */
export const embedding = (model: Model): Derive => {
  const { prefix } = tokensOf(model, "An embedding");
  return ({ value }) => ({
    embedding: prefix === 2 ? mul(add(value("head.input"), value("head_dist.input")), 0.5) : value("head.input"),
  });
};

/**
 * For a probe: `patches` `[batch, grid, grid, width]`, the normalised tokens of the patches after the last block (timm's
 * `forward_features` without the class and distillation tokens), rows from the top. Throws UsageError for a model
 * without patches.
 */
export const patchFeatures = (model: Model): Derive => {
  const { grid, prefix } = tokensOf(model, "Features of patches");
  return ({ value }) => {
    const tokens = value("norm");
    const [batch, count, width] = tokens.shape;
    return { patches: reshape(slice(tokens, 1, prefix, count), [batch, grid, grid, width]) };
  };
};
