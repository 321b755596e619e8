/** Checks that numbers are finite: neither infinite nor NaN. */
import { WeightsError } from "../errors/errors.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";

/** Throws WeightsError, with the tensor and the position in it, if a weight is infinite or NaN. */
export function requireFiniteWeights(weights: NamedTensors, source: string): void {
  for (const [name, tensor] of weights) {
    const at = firstBroken(tensor);
    if (at < 0) continue;
    const more = [...weights.values()].filter((t) => firstBroken(t) >= 0).length - 1;
    throw new WeightsError(
      `The weights in "${source}" are not all numbers: "${name}" holds ${tensor.data[at]} at place ${at} of ${tensor.data.length}${more > 0 ? `, and ${more} more tensors are like it` : ""}. They come from training that diverged, or from numbers too large for half precision; use an earlier checkpoint, or export them again in float32.`,
    );
  }
}

/** Throws if a logit of an image is infinite or NaN, since no class can be predicted. */
export function requireFiniteLogits(logits: ArrayLike<number>, model: string, image: string): void {
  for (let i = 0; i < logits.length; i++) {
    if (Number.isFinite(logits[i])) continue;
    throw new WeightsError(
      `The answer of "${model}" to "${image}" is not a number: output ${i} is ${logits[i]}. The weights overflow within the model, so the result is meaningless; use other weights.`,
    );
  }
}

/** Exponent bits of a float32; all of them are set only for infinity and NaN. */
const exponent = 0x7f800000;

/** Index of the first element that is infinite or NaN, -1 if there is none. Compares whole words, for speed. */
function firstBroken({ dtype, data }: HostTensor): number {
  if (dtype !== "float32") return -1;
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < words.length; i++) if ((words[i] & exponent) === exponent) return i;
  return -1;
}
