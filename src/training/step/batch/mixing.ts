/** Mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899). */
import { z } from "zod";
import { add, hostTensor, input, mul, reverse, select, sub } from "../../../tensor/index.js";
import { share } from "../settings.js";
import { drawMix, type MixSettings } from "./draw-mix.js";
import { batchTransform, inside } from "./transform.js";

/** Program inputs. A box is `[top, bottom, left, right]` in pixels, its ends left out; empty boxes do nothing. */
export const mixInputs = {
  /** float32 `[batch, 1, 1]`: share of an image's own pixels outside its box; the rest is its partner's. */
  share: "mix.share",
  /** float32 `[batch, 4]`: box that the partner fills (CutMix). */
  box: "mix.box",
  /** float32 `[batch, 1]`: share of an image's own label. */
  target: "mix.target",
} as const;

/** Every image is mixed with the one at its mirrored place in the batch, as in timm. */
export const mixing = batchTransform({
  settings: {
    mixup: z.number().min(0).default(0.8).meta({ description: "Mixup's α; 0 is off.", timm: "mixup" }),
    cutmix: z.number().min(0).default(1).meta({ description: "CutMix's α; 0 is off.", timm: "cutmix" }),
    cutmixMinMax: z.tuple([share, share]).optional().meta({
      description:
        "Smallest and largest side of CutMix's box as shares of the image's side; default: drawn by α instead.",
      timm: "cutmix-minmax",
    }),
    mixProbability: share.default(1).meta({
      description: "Probability of Mixup or CutMix where one is on.",
      timm: "mixup-prob",
    }),
    mixSwitchProbability: share.default(0.5).meta({
      description: "Probability of CutMix rather than Mixup where both are on.",
      timm: "mixup-switch-prob",
    }),
    mixMode: z
      .enum(["batch", "pair", "elem"])
      .default("batch")
      .meta({ description: "One draw per batch, per pair of images or per image.", timm: "mixup-mode" }),
    unmixedEpochs: z.number().int().min(0).default(0).meta({
      description:
        "Last epochs of the run, in which Mixup and CutMix are off. With `classWeightsFrom`, weights of classes can come in as mixing ends.",
      timm: "mixup-off-epoch (there the epoch from which on nothing is mixed)",
    }),
  },
  options: (r): (MixSettings & { readonly unmixedEpochs?: number }) | undefined => {
    if ((r.mixup === 0 && r.cutmix === 0 && !r.cutmixMinMax) || r.mixProbability === 0) return undefined;
    return {
      mixup: r.mixup,
      cutmix: r.cutmix,
      cutmixMinMax: r.cutmixMinMax,
      probability: r.mixProbability,
      switchProbability: r.mixSwitchProbability,
      mode: r.mixMode,
      unmixedEpochs: r.unmixedEpochs,
    };
  },
  identity: (r) => [r.mixup, r.cutmix, r.cutmixMinMax, r.mixProbability, r.mixSwitchProbability, r.mixMode],
  inputs: Object.values(mixInputs),
  rows: Object.values(mixInputs),
  images: (rows, _, channels) => {
    const [batch] = rows.shape;
    const share = input(mixInputs.share, "float32", [batch, 1, 1]);
    const own = select(inside(input(mixInputs.box, "float32", [batch, 4]), rows.shape, channels), 0, share);
    return add(mul(rows, own), mul(reverse(rows, 0), sub(1, own)));
  },
  targets: (target) => {
    const share = input(mixInputs.target, "float32", [target.shape[0], 1]);
    return add(mul(target, share), mul(reverse(target, 0), sub(1, share)));
  },
  draw: (options, { batch, size, stream, epochsLeft }) => {
    const probability = epochsLeft <= (options.unmixedEpochs ?? 0) ? 0 : options.probability;
    const mix = drawMix({ ...options, probability }, stream("mix"), batch, size);
    return new Map([
      [mixInputs.share, hostTensor("float32", [batch, 1, 1], mix.share)],
      [mixInputs.box, hostTensor("float32", [batch, 4], mix.box)],
      [mixInputs.target, hostTensor("float32", [batch, 1], mix.target)],
    ]);
  },
});
