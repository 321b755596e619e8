/**
 * Similarity of the class and distillation tokens, layer by layer (paper, section 5.2: 0.06 at first, 0.93 at last).
 */
import { UsageError, WeightsError } from "../errors/errors.js";
import type { Model } from "../models/model.js";
import { tokensOf } from "../models/parts.js";
import { broadcast, concat, mul, reduceSum, reshape, rsqrt, type Tensor, take } from "../tensor/index.js";
import type { BatchValues } from "./pass.js";
import type { Derive } from "./probe.js";
import { RunningMean } from "./running-mean.js";

export interface TokenCosine {
  /** `learned` (the two parameters), `embedding` (with their positions), `block N`, `norm` (the input of the heads). */
  readonly layer: string;
  /** Mean over the images. */
  readonly cosine: number;
  readonly deviation: number;
}

/** Layers in the order of the values derived by `tokenCosines`. */
export function tokenLayers(model: Model): string[] {
  const { depth } = tokensOf(model, "The cosine between tokens");
  return ["learned", "embedding", ...Array.from({ length: depth }, (_, i) => `block ${i + 1}`), "norm"];
}

/** `cosines` `[batch, layers]` between the two tokens; for a probe. Throws UsageError for a model without the second. */
export function tokenCosines(model: Model): Derive {
  const { depth } = tokensOf(model, "The cosine between tokens");
  if (!model.distilled)
    throw new UsageError(
      `The model "${model.name}" has no distillation token to compare its class token with; choose a distilled model.`,
    );
  return (seen) => {
    const layers = ["embedding", ...Array.from({ length: depth }, (_, i) => `blocks.${i}`), "norm"].map(seen.value);
    const [batch, , width] = layers[0].shape;
    const learned = ["cls_token", "dist_token"].map((name) =>
      broadcast(reshape(seen.parameter(name), [1, width]), [batch, width]),
    );
    const pairs = [learned, ...layers.map((x) => [take(x, 1, 0), take(x, 1, 1)])];
    return {
      cosines: concat(
        pairs.map(([a, b]) => cosine(a, b)),
        1,
      ),
    };
  };
}

/** `[batch, 1]` from two of `[batch, width]`. */
function cosine(a: Tensor, b: Tensor): Tensor {
  const product = (x: Tensor, y: Tensor) => reduceSum(mul(x, y), [1], true);
  return mul(product(a, b), mul(rsqrt(product(a, a)), rsqrt(product(b, b))));
}

/** Mean and standard deviation of each layer over the images of a pass. */
export async function meanTokenCosines(model: Model, pass: AsyncIterable<BatchValues>): Promise<TokenCosine[]> {
  const layers = tokenLayers(model);
  const means = layers.map(() => new RunningMean());
  for await (const { values, batch } of pass) {
    const cosines = values.get("cosines")!.data;
    for (let i = 0; i < batch.count * layers.length; i++) {
      const cosine = Number(cosines[i]);
      if (!Number.isFinite(cosine))
        throw new WeightsError(
          `The tokens of "${model.name}" are not numbers after "${layers[i % layers.length]}", as its weights overflow there; use other weights.`,
        );
      means[i % layers.length].add(cosine);
    }
  }
  return layers.map((layer, i) => ({ layer, cosine: means[i].mean, deviation: means[i].deviation }));
}
