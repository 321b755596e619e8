/** Positions for programs whose class and distillation tokens always have one. */
import type { TokenGrid } from "../../models/model.js";
import { patchCount } from "../../models/parts.js";
import { float32, type NamedTensors } from "../../tensor/index.js";

/** The tensors with zeros as positions of the tokens before those of patches, where only these have positions (DeiT III). */
export function withAllPositions(weights: NamedTensors, tokens: TokenGrid): NamedTensors {
  const { prefix } = tokens;
  const positions = weights.get("pos_embed")!;
  const [, count, width] = positions.shape;
  if (count !== patchCount(tokens)) return weights;
  const data = new Float32Array((count + prefix) * width);
  data.set(positions.data as Float32Array, prefix * width);
  return new Map([...weights, ["pos_embed", float32([1, count + prefix, width], data)]]);
}
