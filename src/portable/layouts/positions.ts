/** Positions for programs whose class and distillation tokens always have one. */
import { float32, type NamedTensors } from "../../tensor/index.js";

/** The tensors with zeros as positions of the `prefix` first tokens, where only patches have positions (DeiT III). */
export function withAllPositions(weights: NamedTensors, prefix: number): NamedTensors {
  const positions = weights.get("pos_embed")!;
  const [, count, width] = positions.shape;
  // With those of one or two tokens more, their number is no square.
  if (Math.sqrt(count) % 1 !== 0) return weights;
  const data = new Float32Array((count + prefix) * width);
  data.set(positions.data as Float32Array, prefix * width);
  return new Map([...weights, ["pos_embed", float32([1, count + prefix, width], data)]]);
}
