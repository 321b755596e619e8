/** The first values of a model's heads, changed as timm's `head_init_scale` and `head_init_bias` change them. */

import type { Model } from "../../models/model.js";
import { isHead } from "../../models/parts.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { Recipe } from "../recipe/recipe.js";

/**
 * The parameters with the heads' weights and biases times `headInitScale`, and then the biases at `headInitBias`. As in
 * timm, that holds for heads of loaded weights too.
 */
export function withHeadInit(
  { parameters }: Pick<Model, "parameters">,
  tensors: NamedTensors,
  { headInitScale, headInitBias }: Pick<Recipe, "headInitScale" | "headInitBias">,
): NamedTensors {
  if (headInitScale === 1 && headInitBias === undefined) return tensors;
  const changed = new Map(tensors);
  for (const { name, shape } of parameters.filter(isHead)) {
    const bias = shape.length === 1;
    const data = Float32Array.from(tensors.get(name)!.data as Float32Array, (value) =>
      bias && headInitBias !== undefined ? headInitBias : value * headInitScale,
    );
    changed.set(name, { dtype: "float32", shape, data });
  }
  return changed;
}
