/** Types of tensors. */
import type { DType } from "./dtype.js";
import type { Shape } from "./host.js";

/** What is known of a value before it is computed. */
export interface TensorType {
  /** Type of each element. */
  readonly dtype: DType;
  /** Sizes of the axes. */
  readonly shape: Shape;
}

/** `float32 [2, 3]`, for messages. */
export function describe(type: TensorType): string {
  return `${type.dtype} [${type.shape.join(", ")}]`;
}
