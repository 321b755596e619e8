/** What models show of an image in their middle, as a grid of vectors: tokens of patches, maps of convolutions, vectors. */

import { UsageError } from "../errors/errors.js";
import { didYouMean } from "../errors/nearest.js";
import type { Grid } from "../geometry/image-size.js";
import { reshape, type Shape, slice, type Tensor, transpose } from "../tensor/index.js";
import { observedShapes } from "./context.js";
import type { Model } from "./model.js";
import { patchCount } from "./parts.js";
import { shownSuffix } from "./shown-attention.js";

/** The size of what a layer shows of an image. */
export interface FeatureLayer {
  /** Rows and columns of vectors; one of each for a single vector. */
  readonly grid: Grid;
  /** Length of a vector. */
  readonly channels: number;
}

/** All layers of a model that show a grid of vectors, in the order of its forward pass. */
function featureLayers(model: Model): ReadonlyMap<string, FeatureLayer> {
  const found = new Map<string, FeatureLayer>();
  for (const [name, shape] of observedShapes(model)) {
    const layer = layerOf(model, name, shape);
    if (layer) found.set(name, layer);
  }
  return found;
}

/** The size of a layer; throws UsageError with the names of all, and `who` has them, if there is none of this name. */
export function featureLayer(model: Model, name: string, who: string): FeatureLayer {
  const layers = featureLayers(model);
  const found = layers.get(name);
  if (found) return found;
  const names = [...layers.keys()];
  throw new UsageError(
    names.length === 0
      ? `The ${who} "${model.name}" shows no layer that could be compared; use a DeiT, a ViT or a RegNetY.`
      : `The ${who} "${model.name}" has no layer "${name}"${didYouMean(name, names)} Its layers are ${names.join(", ")}.`,
  );
}

/** The value of such a layer as `[batch, rows, columns, channels]`, without the tokens that are no patches. */
export function featureMap({ tokens }: Pick<Model, "tokens">, value: Tensor): Tensor {
  const [batch, first, second] = value.shape;
  if (value.shape.length === 2) return reshape(value, [batch, 1, 1, first]);
  if (value.shape.length === 4) return transpose(value, [0, 2, 3, 1]);
  const { grid, prefix } = tokens!;
  return reshape(slice(value, 1, prefix, first), [batch, ...grid, second]);
}

function layerOf({ tokens }: Model, name: string, shape: Shape): FeatureLayer | undefined {
  const [, first, second, third] = shape;
  if (name.endsWith(shownSuffix.attention)) return undefined;
  if (shape.length === 2) return { grid: [1, 1], channels: first };
  if (shape.length === 4) return { grid: [second, third], channels: first };
  if (shape.length !== 3 || !tokens || first !== tokens.prefix + patchCount(tokens)) return undefined;
  return { grid: tokens.grid, channels: second };
}
