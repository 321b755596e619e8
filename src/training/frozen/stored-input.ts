/** The part of a model that is trained, on features that are handed to it instead of images. */
import type { Model } from "../../models/model.js";
import type { Tail } from "../../models/tail.js";
import { concat, input } from "../../tensor/index.js";

/** Name of the program's input with the features of a layer, float32 `[batch, …]`. */
export const featureInput = (layer: string): string => `frozen.${layer}`;

/** A model whose outputs are those of its trained part. */
export interface OnFeatures {
  readonly model: Model;
  /** Names of the inputs that it reads. */
  readonly rows: readonly string[];
}

/** The model above its cut, as a model that reads features of `batch` images; it ignores the images. */
export function onFeatures(tail: Tail, model: Model, batch: number): OnFeatures {
  const rows = tail.cut.map(featureInput);
  const values = tail.shapes.map((shape, i) => input(rows[i], "float32", [batch, ...shape.slice(1)]));
  return {
    rows,
    model: {
      ...model,
      // Co-training passes every image twice.
      forward: (context, { shape: [images] }) =>
        tail.forward(context, images === batch ? values : values.map((value) => concat([value, value], 0))),
    },
  };
}
