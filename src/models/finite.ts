/** Whether numbers are numbers: neither infinite nor NaN. */
import { WeightsError } from "../errors/errors.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";

/** Refuses weights of which one is infinite or NaN; the WeightsError names the tensor and the place in it. */
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

/** Refuses logits of one image of which one is infinite or NaN, since no class follows from them. */
export function requireFiniteLogits(logits: ArrayLike<number>, model: string, image: string): void {
  for (let i = 0; i < logits.length; i++) {
    if (Number.isFinite(logits[i])) continue;
    throw new WeightsError(
      `The answer of "${model}" to "${image}" is not a number: output ${i} is ${logits[i]}. The weights overflow within the model, so the result is meaningless; use other weights.`,
    );
  }
}

/** Bits of the exponent of a float32; all of them are set in what is infinite or NaN, and in nothing else. */
const exponent = 0x7f800000;

/** Index of the first element that is infinite or NaN, -1 where there is none. Whole words are compared: it is quick. */
function firstBroken({ dtype, data }: HostTensor): number {
  if (dtype !== "float32") return -1;
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < words.length; i++) if ((words[i] & exponent) === exponent) return i;
  return -1;
}
