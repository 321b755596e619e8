/**
 * Batch normalisation over `[batch, channels, height, width]`, like PyTorch's BatchNorm2d, with a backward pass that reads
 * the batch as few times as it can.
 */
import { ShapeError } from "../../errors/errors.js";
import { applyAll, type Primitive, type Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import { add, mul, sub } from "../primitives/arithmetic.js";
import { reduceSum } from "../primitives/broadcast.js";
import { stopGradient } from "../primitives/cast.js";
import { rsqrt } from "../primitives/unary.js";
import { describe } from "../tensor-type.js";
import { besidesChannels, channelAffine, channelProducts, perChannel } from "./per-channel.js";
import { mean } from "./reduction.js";

/** Weight, bias and running statistics, each `[channels]`. */
export interface BatchNormParameters {
  /** Scale of each channel, `[channels]`. */
  readonly weight: Tensor;
  /** Offset of each channel, `[channels]`. */
  readonly bias: Tensor;
  /** Mean of each channel over past batches, `[channels]`. */
  readonly runningMean: Tensor;
  /** Variance of each channel over past batches, `[channels]`. */
  readonly runningVar: Tensor;
}

/** Uses the running statistics: one multiply and one add per element. */
export function batchNorm(
  x: Tensor,
  { weight, bias, runningMean, runningVar }: BatchNormParameters,
  epsilon = 1e-5,
): Tensor {
  const scale = mul(weight, rsqrt(add(runningVar, epsilon)));
  return add(mul(x, perChannel(scale)), perChannel(sub(bias, mul(runningMean, scale))));
}

const countOf = (x: Tensor): number => sizeOf(besidesChannels.map((axis) => x.shape[axis]));

/**
 * The normalised batch, and the mean and the variance of each channel `[channels]`. Gradients flow through the first
 * alone; the others are for running statistics.
 */
const batchNormPrimitive: Primitive<{ epsilon: number }> = {
  name: "batchNorm",
  infer: ([x, weight]) => [x, weight, weight],
  gradient: ({ inputs: [x, weight], outputs: [, average, variance], attributes: { epsilon } }, [g]) => {
    if (!g) return [undefined, undefined, undefined];
    const centred = sub(x, perChannel(average));
    const inverse = rsqrt(add(variance, epsilon));
    const scale = mul(weight, inverse);
    const gBias = reduceSum(g, besidesChannels);
    const gWeight = mul(channelProducts(g, centred), inverse);
    // The statistics' part of the cotangent is an affine function of the input, whose coefficients are sums over channels.
    const part = mul(scale, -1 / countOf(x));
    const slope = perChannel(mul(mul(part, inverse), gWeight));
    return [add(channelAffine(g, scale, mul(part, gBias)), mul(centred, slope)), gWeight, gBias];
  },
  expand: ({ inputs: [x, weight, bias], attributes: { epsilon } }) => {
    const average = mean(x, besidesChannels);
    const centred = sub(x, perChannel(average));
    const variance = mul(channelProducts(centred, centred), 1 / countOf(x));
    const scale = mul(weight, rsqrt(add(variance, epsilon)));
    return [channelAffine(centred, scale, bias), average, variance];
  },
};

/** Results of batch normalisation during training. */
export interface BatchNormTraining {
  /** The normalised batch, of the shape of the input. */
  readonly output: Tensor;
  /** Running mean after this batch, `[channels]`. */
  readonly runningMean: Tensor;
  /** Running variance after this batch, from unbiased variances, `[channels]`. */
  readonly runningVar: Tensor;
}

/**
 * Uses the statistics of the whole global batch, regardless of how many devices it is split over. `momentum` is the
 * weight of the new statistics, as in PyTorch.
 */
export function batchNormTraining(
  x: Tensor,
  p: BatchNormParameters,
  epsilon = 1e-5,
  momentum = 0.1,
): BatchNormTraining {
  const count = countOf(x);
  if (count === 1)
    throw new ShapeError(
      `Batch normalisation has a single value per channel (of ${describe(x)}), so there is no variance to divide by; train with a larger batch or larger images.`,
    );
  const [output, average, variance] = applyAll(batchNormPrimitive, [x, p.weight, p.bias], { epsilon });
  const blend = (old: Tensor, fresh: Tensor) => add(mul(old, 1 - momentum), mul(stopGradient(fresh), momentum));
  return {
    output,
    runningMean: blend(p.runningMean, average),
    runningVar: blend(p.runningVar, mul(variance, count / Math.max(1, count - 1))),
  };
}
