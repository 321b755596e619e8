/** Changes the normalisation and the channels of images. */
import type { Normalization } from "../../../models/model.js";
import { add, constant, linear, mul, reshape, type Tensor } from "../../../tensor/index.js";

/**
 * Converts images normalised for the student to a teacher's different channel statistics, and to its channels: grayscale
 * becomes RGB whose channels are the same, RGB its luminance (ITU-R 601); alpha is left out, or opaque.
 */
export function renormalize(images: Tensor, from: Normalization, to: Normalization): Tensor {
  const [channels, wanted] = [from.mean.length, to.mean.length];
  if (channels !== wanted) return withChannels(images, from, to);
  const same = from.mean.every((m, c) => m === to.mean[c]) && from.std.every((s, c) => s === to.std[c]);
  if (same) return images;
  const perChannel = (f: (c: number) => number) =>
    constant(
      "float32",
      [channels],
      from.mean.map((_, c) => f(c)),
    );
  const scaled = mul(
    images,
    perChannel((c) => from.std[c] / to.std[c]),
  );
  return add(
    scaled,
    perChannel((c) => (from.mean[c] - to.mean[c]) / to.std[c]),
  );
}

/** Shares of red, green and blue in luminance. */
const luminance = [0.299, 0.587, 0.114] as const;

/** The share of channel `c` of an image of `from` channels in channel `k` of one of `to`. */
function shareOf(c: number, k: number, from: number, to: number): number {
  if (k === 3 || c === 3) return 0;
  if (from === 1) return 1;
  return to === 1 ? luminance[c] : c === k ? 1 : 0;
}

function withChannels(images: Tensor, from: Normalization, to: Normalization): Tensor {
  const [inputs, outputs] = [from.mean.length, to.mean.length];
  const shares = to.mean.map((_, k) => from.mean.map((_, c) => shareOf(c, k, inputs, outputs)));
  const weight = shares.flatMap((row, k) => row.map((share, c) => (share * from.std[c]) / to.std[k]));
  const bias = shares.map((row, k) => {
    const shown = k === 3 ? 1 : row.reduce((sum, share, c) => sum + share * from.mean[c], 0);
    return (shown - to.mean[k]) / to.std[k];
  });
  const [batch, height, width] = images.shape;
  return reshape(
    linear(
      reshape(images, [batch, height * width, inputs]),
      constant("float32", [outputs, inputs], weight),
      constant("float32", [outputs], bias),
    ),
    [batch, height, width, outputs],
  );
}
