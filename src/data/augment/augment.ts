/** Augmentation of a training image between crop and batch: a policy, then colour jitter. */
import type { RandomStream } from "../../random/stream.js";
import type { RgbImage } from "../pixels/image.js";
import { color, hue } from "./color.js";
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
}

/** The augmented image, of the same size. */
export function augment(image: RgbImage, augmentation: Augmentation, stream: RandomStream): RgbImage {
  const { policy, jitter } = augmentation;
  const changed = policy ? applyPolicy(image, policy, augmentation, stream) : image;
  return jitter ? jittered(changed, jitter, stream) : changed;
}

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
