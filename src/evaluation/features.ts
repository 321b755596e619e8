/** What a vision transformer makes of an image before its heads decide: one vector for all of it, and one for each patch. */
import { UsageError } from "../errors/errors.js";
import type { Model } from "../models/model.js";
import { headNames, isHead, tokensOf } from "../models/parts.js";
import { add, mul, reshape, slice } from "../tensor/index.js";
import type { Derive } from "./probe.js";

/**
 * For a probe: `embedding` `[batch, width]`, what the head reads (of a distilled model, the mean of what both read, as
 * timm's `forward_head(..., pre_logits=True)`). Throws UsageError, when the probe is made, for a model that does not show it.
 *
 * @example
 * ```ts
 * import { embedding, imageLength, openEngine, openModel, Probe } from "deit";
 *
 * const engine = await openEngine();
 * const { model, weights } = await openModel({ weights: "runs/photos" });
 * const probe = await Probe.create(engine, model, weights, embedding(model));
 * const images = new Uint8Array(2 * imageLength(model));
 * console.log((await probe.run(images, 2)).get("embedding")?.shape);
 * await engine.close();
 * ```
 */
export const embedding = (model: Model): Derive => {
  // A head alone reads the pixels.
  if (model.parameters.length > 0 && model.parameters.every(isHead)) tokensOf(model, "An embedding");
  const heads = model.tokens ? ["head", "head_dist"].slice(0, model.tokens.prefix) : headNames(model);
  if (heads.length === 0)
    throw new UsageError(
      `The model "${model.name}" does not show what its head reads; make its last layer with nn.head, which does.`,
    );
  return ({ value }) => {
    const inputs = heads.map((name) => value(`${name}.input`));
    const odd = inputs.find(({ shape }) => shape.length !== 2);
    if (odd)
      throw new UsageError(
        `The head of "${model.name}" reads [${odd.shape.join(", ")}], which is not one vector for each image; give it [batch, width], such as the mean of the tokens.`,
      );
    return { embedding: inputs.length === 1 ? inputs[0] : mul(inputs.reduce(add), 1 / inputs.length) };
  };
};

/**
 * For a probe: `patches` `[batch, rows, columns, width]`, the normalised tokens of the patches after the last block (timm's
 * `forward_features` without the class and distillation tokens), rows from the top. Throws UsageError for a model
 * without patches.
 */
export const patchFeatures = (model: Model): Derive => {
  tokensOf(model, "Features of patches");
  return ({ model: seer, value }) => {
    const { grid, prefix } = tokensOf(seer, "Features of patches");
    const tokens = value("norm");
    const [batch, count, width] = tokens.shape;
    return { patches: reshape(slice(tokens, 1, prefix, count), [batch, ...grid, width]) };
  };
};
