/** The forward pass of training: stochastic depth, dropout, patch dropout and running statistics. */
import { lookup } from "../../models/context.js";
import type { ForwardContext } from "../../models/model.js";
import { keptPatches } from "../../models/parts.js";
import { compare, input, mul, randomUniform, recomputed, select, slice, type Tensor } from "../../tensor/index.js";
import { type StochasticDepth, type StochasticDepthOptions, stochasticDepth } from "./stochastic-depth.js";

/** Program input with the seed of dropout: `[2]`, int32, new at every step. */
export const dropoutSeedInput = "dropoutSeed";

/** Program input with the patches of each image in random order, of which patch dropout keeps the first: `[batch, patches]`, int32. */
export const patchOrderInput = "patchOrder";

export interface TrainingContext extends StochasticDepth, Omit<ForwardContext, keyof StochasticDepth> {
  /** The layers that are looked at, by their names. */
  readonly observed: ReadonlyMap<string, Tensor>;
  /** New values of running statistics by name. */
  readonly buffers: ReadonlyMap<string, Tensor>;
}

export interface TrainingPass extends StochasticDepthOptions {
  /** Names of the layers to look at (default: none). */
  readonly layers?: ReadonlySet<string>;
  /** Whether the backward pass computes the inner values of blocks again. */
  readonly recomputes?: boolean;
}

export function trainingContext(
  parameters: ReadonlyMap<string, Tensor>,
  { layers = new Set(), recomputes = false, ...depth }: TrainingPass,
): TrainingContext {
  const buffers = new Map<string, Tensor>();
  const observed = new Map<string, Tensor>();
  let dropoutSites = 0;
  return {
    training: true,
    parameter: (name) => lookup(parameters, name),
    ...stochasticDepth(depth),
    dropout: (x, rate) => {
      if (rate === 0) return x;
      const uniform = randomUniform(input(dropoutSeedInput, "int32", [2]), dropoutSites++, x.shape);
      return mul(x, select(compare("GE", uniform, rate), 1 / (1 - rate), 0));
    },
    patchDropout: (images, patches, rate) =>
      slice(input(patchOrderInput, "int32", [images, patches]), 1, 0, keptPatches(patches, rate)),
    updateBuffer: (name, value) => {
      buffers.set(name, value);
    },
    ...(recomputes ? { recompute: recomputed } : {}),
    ...(layers.size === 0
      ? {}
      : {
          observe: (name: string, value: () => Tensor) => {
            if (layers.has(name)) observed.set(name, value());
          },
        }),
    observed,
    buffers,
  };
}
