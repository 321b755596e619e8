/** The random numbers of Mixup and CutMix, drawn on the host as in timm. */
import { heightAndWidth, type ImageSize, pixelCount } from "../../../geometry/image-size.js";
import { beta } from "../../../random/distributions.js";
import type { RandomStream } from "../../../random/stream.js";

/** Settings for drawing the random numbers of Mixup and CutMix. */
export interface MixSettings {
  /** Mixup's α of Beta(α, α); 0 turns it off. */
  readonly mixup: number;
  /** CutMix's α; 0 turns it off. */
  readonly cutmix: number;
  /** Minimum and maximum side of CutMix's box relative to the image's, instead of by λ. */
  readonly cutmixMinMax?: readonly [number, number];
  /** Probability that anything is mixed. */
  readonly probability: number;
  /** Probability of CutMix if both are on. */
  readonly switchProbability: number;
  /** One draw per batch, per pair of images mixed with each other, or per image. */
  readonly mode: "batch" | "pair" | "elem";
}

/** Values of the inputs `mix.*` of a batch. */
export interface Mix {
  readonly share: Float32Array;
  readonly box: Float32Array;
  readonly target: Float32Array;
}

interface OneMix {
  readonly share: number;
  readonly box: readonly [number, number, number, number];
  readonly target: number;
}

const unmixed: OneMix = { share: 1, box: [0, 0, 0, 0], target: 1 };

/** Mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899) for a batch of images. */
export function drawMix(settings: MixSettings, stream: RandomStream, batch: number, size: ImageSize): Mix {
  const mix: Mix = {
    share: new Float32Array(batch),
    box: new Float32Array(4 * batch),
    target: new Float32Array(batch),
  };
  const put = (i: number, one: OneMix) => {
    mix.share[i] = one.share;
    mix.box.set(one.box, 4 * i);
    mix.target[i] = one.target;
  };
  const shared = settings.mode === "batch" ? drawOne(settings, stream, size) : undefined;
  for (let i = 0; i < batch; i++) {
    const mirrored = batch - 1 - i;
    if (shared) put(i, shared);
    else if (settings.mode === "elem") put(i, drawOne(settings, stream, size));
    else if (i <= mirrored) {
      // The middle image of an odd batch would be mixed with itself.
      const one = i === mirrored ? unmixed : drawOne(settings, stream, size);
      put(i, one);
      put(mirrored, one);
    }
  }
  return mix;
}

function drawOne(settings: MixSettings, stream: RandomStream, size: ImageSize): OneMix {
  const { mixup, cutmix, cutmixMinMax, probability, switchProbability } = settings;
  const cutAlpha = cutmixMinMax ? 1 : cutmix;
  if ((mixup === 0 && cutAlpha === 0) || stream.uniform() >= probability) return unmixed;
  const cut = mixup > 0 && cutAlpha > 0 ? stream.uniform() < switchProbability : cutAlpha > 0;
  const lambda = beta(stream, cut ? cutAlpha : mixup);
  if (!cut) return { share: lambda, box: [0, 0, 0, 0], target: lambda };
  const box = cutmixMinMax ? rangedBox(cutmixMinMax, stream, size) : areaBox(1 - lambda, stream, size);
  const area = (box[1] - box[0]) * (box[3] - box[2]);
  return { share: 1, box, target: 1 - area / pixelCount(size) };
}

/** A box of `share` of the area around a random centre, clipped at the border. */
function areaBox(share: number, stream: RandomStream, size: ImageSize): OneMix["box"] {
  const [height, width] = heightAndWidth(size);
  const span = (length: number) => {
    const half = Math.floor(Math.trunc(length * Math.sqrt(share)) / 2);
    const centre = stream.integer(length);
    const clip = (v: number) => Math.min(Math.max(v, 0), length);
    return [clip(centre - half), clip(centre + half)];
  };
  const [top, bottom] = span(height);
  const [left, right] = span(width);
  return [top, bottom, left, right];
}

/** A box with sides between two shares of the image's. */
function rangedBox([least, most]: readonly [number, number], stream: RandomStream, size: ImageSize): OneMix["box"] {
  const sides = heightAndWidth(size);
  const [height, width] = sides.map((side) => {
    const low = Math.trunc(side * least);
    return low + stream.integer(Math.max(low + 1, Math.trunc(side * most)) - low);
  });
  const top = stream.integer(Math.max(1, sides[0] - height));
  const left = stream.integer(Math.max(1, sides[1] - width));
  return [top, top + height, left, left + width];
}
