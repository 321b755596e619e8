/** Attention of a vision transformer's tokens to the patches, per head and as rollout. */

import type { Engine } from "../engines/engine.js";
import { type Grid, type ImageSize, sameSize } from "../geometry/image-size.js";
import type { Model } from "../models/model.js";
import { modelAt } from "../models/model-at.js";
import { patchCount } from "../models/parts.js";
import { type AttentionToken, type ShownAttention, shownAttention } from "../models/shown-attention.js";
import {
  add,
  constant,
  dot,
  mean,
  mul,
  type NamedTensors,
  reshape,
  slice,
  type Tensor,
  take,
} from "../tensor/index.js";
import { type Derive, Probe, type Seen } from "./probe.js";

export type { AttentionToken } from "../models/shown-attention.js";

/** Maps over the patches of one image, row by row, without the attention to the class and distillation tokens. */
export interface AttentionMaps {
  /** Rows and columns of patches. */
  readonly grid: Grid;
  /** Attention in the last block, one map of `rows · columns` shares per head. */
  readonly heads: readonly Float32Array[];
  /** Attention through all blocks (rollout: half of each layer is its residual path; heads are averaged). */
  readonly rollout: Float32Array;
}

/**
 * For a probe: `heads` `[batch, heads, patches]` and `rollout` `[batch, patches]` of the token. Throws UsageError for a
 * model that does not show its attention, or without the token.
 */
export function attentionMaps(model: Model, token: AttentionToken): Derive {
  const shown = shownAttention(model, token);
  return (seen) => ({ heads: headAttention(seen, shown), rollout: rollout(seen, shown) });
}

/** A model on an engine that computes the attention maps of images. */
export class Attention {
  private constructor(
    private readonly probe: Probe,
    private readonly token: AttentionToken,
    private readonly shape: { readonly grid: Grid; readonly heads: number },
  ) {}

  /** Throws UsageError for a model without attention, or without the token. */
  static async create(
    engine: Engine,
    model: Model,
    weights: NamedTensors,
    token: AttentionToken = "class",
  ): Promise<Attention> {
    const probe = await Probe.create(engine, model, weights, attentionMaps(model, token));
    return new Attention(probe, token, shownAttention(model, token));
  }

  /** The same with parameters that a classifier has on the engine; to be disposed of before it. */
  static over(model: Model, probe: (derive: Derive) => Probe, token: AttentionToken = "class"): Attention {
    return new Attention(probe(attentionMaps(model, token)), token, shownAttention(model, token));
  }

  /** One entry per image; `images`: `batch · height · width · 3` bytes, of `size` (default: the model's). */
  async maps(images: Uint8Array, batch: number, size?: ImageSize): Promise<AttentionMaps[]> {
    const values = await this.probe.run(images, batch, size);
    const { model } = this.probe;
    const own = size === undefined || sameSize(size, model.imageSize);
    const { grid, heads } = own ? this.shape : shownAttention(modelAt(model, size), this.token);
    const patches = patchCount({ grid });
    const part = (name: string, at: number) =>
      (values.get(name)!.data as Float32Array).slice(at * patches, (at + 1) * patches);
    return Array.from({ length: batch }, (_, image) => ({
      grid,
      heads: Array.from({ length: heads }, (_, head) => part("heads", image * heads + head)),
      rollout: part("rollout", image),
    }));
  }

  /** Frees the programs and the weights on the engine. */
  dispose(): Promise<void> {
    return this.probe.dispose();
  }
}

const afterPrefix = (x: Tensor, prefix: number): Tensor => {
  const axis = x.shape.length - 1;
  return slice(x, axis, prefix, x.shape[axis]);
};

/** Of `[…, tokens, tokens]` at `axis`: the row of the token, or the mean over all rows. */
const rowOf = (x: Tensor, axis: number, row: number | undefined): Tensor =>
  row === undefined ? mean(x, [axis]) : take(x, axis, row);

/** `[batch, heads, patches]`: the row of the token in the last layer. */
const headAttention = (seen: Seen, { layers, row, prefix }: ShownAttention): Tensor =>
  afterPrefix(rowOf(seen.value(layers[layers.length - 1]), 2, row), prefix);

/**
 * Attention rollout (Abnar and Zuidema 2020): the token's row of Π ½(Ā + 1) over the layers, Ā the mean of the heads.
 * Only that row is carried from the last layer down. `[batch, patches]`.
 */
function rollout(seen: Seen, { layers, row: token, prefix }: ShownAttention): Tensor {
  const layer = (i: number) => mean(seen.value(layers[i]), [1]);
  const last = rowOf(layer(layers.length - 1), 1, token);
  const [batch, tokens] = last.shape;
  const own = constant(
    "float32",
    [1, tokens],
    Array.from({ length: tokens }, (_, i) => (token === undefined ? 1 / tokens : i === token ? 1 : 0)),
  );
  let row = mul(add(last, own), 0.5);
  for (let i = layers.length - 2; i >= 0; i--) {
    const next = dot(row, layer(i), { batch: [[0], [0]], contract: [[1], [1]] });
    row = mul(add(reshape(next, [batch, tokens]), row), 0.5);
  }
  return afterPrefix(row, prefix);
}
