/** From uint8 pixels to the model's input, inside the program. */

import { add, cast, constant, mul, reshape, type Tensor } from "../tensor/index.js";
import type { Normalization } from "./model.js";

/** `(pixel/255 - mean) / std` per channel: uint8 `[batch, height, width, channels]` → float32, as one multiply and one add. */
export function normalize(images: Tensor, { mean, std }: Normalization): Tensor {
  const [batch, height, width, channels] = images.shape;
  // Whole rows at a time: short broadcasts over 3 channels are slow on CPUs.
  const row = (perChannel: (c: number) => number) =>
    constant(
      "float32",
      [width * channels],
      Array.from({ length: width * channels }, (_, i) => perChannel(i % channels)),
    );
  const rows = reshape(cast(images, "float32"), [batch, height, width * channels]);
  const scaled = add(
    mul(
      rows,
      row((c) => 1 / (255 * std[c])),
    ),
    row((c) => -mean[c] / std[c]),
  );
  return reshape(scaled, images.shape);
}
