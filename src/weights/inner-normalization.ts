/**
 * The normalisation constants that a wrapper around a model, which normalises images itself, stores with the weights.
 */
import type { NamedTensors } from "../tensor/index.js";

/** Mean and standard deviation of each channel, and their names in the file. */
export interface InnerNormalization {
  /** Names of the tensors that hold it. */
  readonly names: readonly [mean: string, std: string];
  /** Mean of each channel. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly std: readonly number[];
}

/**
 * Two adjacent buffers of three values, such as "normalize.mean" and "normalize.std", or "pixel_mean" and "pixel_std".
 */
export function innerNormalization(tensors: NamedTensors): InnerNormalization | undefined {
  for (const [name, mean] of tensors) {
    if (!/(^|[._])mean$/.test(name)) continue;
    const deviation = name.replace(/mean$/, "std");
    const std = tensors.get(deviation);
    if (std && mean.data.length === 3 && std.data.length === 3)
      return { names: [name, deviation], mean: Array.from(mean.data, Number), std: Array.from(std.data, Number) };
  }
  return undefined;
}
