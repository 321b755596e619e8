/** Augmentation of a training image between crop and batch: a policy, then colour jitter. */
import type { RandomStream } from "../../random/stream.js";
import type { RgbImage } from "../pixels/image.js";
import { color, grayscale, hue } from "./color.js";
import { gaussianBlur } from "./filter.js";
import type { OperationSettings } from "./operations.js";
import { applyPolicy, type Policy } from "./policy.js";
import { brightness, contrast } from "./tone.js";

/** Maximum change of each factor from 1, and of the hue in turns; 0 disables it. */
export interface ColorJitter {
  /** Largest change of the factor from 1. */
  readonly brightness: number;
  /** Largest change of the factor from 1. */
  readonly contrast: number;
  /** Largest change of the factor from 1. */
  readonly saturation: number;
  /** Largest shift, in turns of the colour wheel. */
  readonly hue: number;
}

/** Plain data, so that it can be sent to worker threads. */
export interface Augmentation extends OperationSettings {
  /** A policy in the notation of timm, parsed by `parsePolicy`. */
  readonly policy?: Policy;
  /** Colour jitter after the policy. */
  readonly jitter?: ColorJitter;
  /** Probability of that jitter (default: 1). */
  readonly jitterProbability?: number;
  /** Probability that the image loses its colours after the jitter (default: 0). */
  readonly grayscaleProbability?: number;
  /** Probability of a Gaussian blur after that, with a deviation from 0.1 to 2 pixels (default: 0). */
  readonly blurProbability?: number;
}

/** The augmented image, of the same size. Operations on colours leave alpha as it is; those that move pixels move it too. */
export function augment(image: RgbImage, augmentation: Augmentation, stream: RandomStream): RgbImage {
  const { policy, jitter, jitterProbability = 1, grayscaleProbability = 0, blurProbability = 0 } = augmentation;
  /** Nothing is drawn for what is certain, so that views do not depend on settings that are off. */
  const happens = (probability: number) => probability >= 1 || (probability > 0 && stream.uniform() < probability);
  let changed = policy ? applyPolicy(image, policy, augmentation, stream) : image;
  const { alpha } = changed;
  if (jitter && happens(jitterProbability)) changed = jittered(changed, jitter, stream);
  if (happens(grayscaleProbability)) changed = grayscale(changed);
  if (happens(blurProbability)) changed = gaussianBlur(changed, stream.uniform(blur.least, blur.most));
  return alpha ? { ...changed, alpha } : changed;
}

/** Deviation of the blur in pixels, timm's range. */
const blur = { least: 0.1, most: 2 } as const;

const jitters = [
  ["brightness", brightness],
  ["contrast", contrast],
  ["saturation", color],
] as const;

/** torchvision's colour jitter: the changes in random order, each with its own factor. */
function jittered(image: RgbImage, jitter: ColorJitter, stream: RandomStream): RgbImage {
  const steps: ((before: RgbImage) => RgbImage)[] = jitters
    .filter(([name]) => jitter[name] > 0)
    .map(([name, apply]) => {
      const factor = stream.uniform(Math.max(0, 1 - jitter[name]), 1 + jitter[name]);
      return (before: RgbImage) => apply(before, factor);
    });
  if (jitter.hue > 0) {
    const turn = stream.uniform(-jitter.hue, jitter.hue);
    steps.push((before) => hue(before, turn));
  }
  return [...stream.permutation(steps.length)].reduce((before, i) => steps[i](before), image);
}
