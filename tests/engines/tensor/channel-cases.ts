/** Cases of functions that treat each channel of `[batch, channels, height, width]` for itself. */
import { batchNormTraining } from "../../../src/tensor/functions/batch-norm.js";
import { channelAffine, channelProducts } from "../../../src/tensor/functions/per-channel.js";
import type { Case } from "./case.js";

const [batch, channels] = [2, 3];
const channelOf = (i: number, n: number) => Math.floor(i / (n * n)) % channels;

/** The sums over each channel, one addition at a time. */
function sums(values: ArrayLike<number>, n: number): number[] {
  const total = new Array<number>(channels).fill(0);
  for (let i = 0; i < values.length; i++) total[channelOf(i, n)] += values[i];
  return total;
}

export const channelCases: readonly Case[] = [
  {
    name: "channelAffine",
    rank: [1, 1],
    build: ([n]) => ({
      inputs: { x: [batch, channels, n, n], scale: [channels], bias: [channels] },
      output: ({ x, scale, bias }) => channelAffine(x, scale, bias),
      expected: ({ x, scale, bias }) => x.map((v, i) => v * scale[channelOf(i, n)] + bias[channelOf(i, n)]),
    }),
  },
  {
    name: "channelProducts",
    rank: [1, 1],
    build: ([n]) => ({
      inputs: { x: [batch, channels, n, n], y: [batch, channels, n, n] },
      output: ({ x, y }) => channelProducts(x, y),
      expected: ({ x, y }) =>
        sums(
          x.map((v, i) => v * y[i]),
          n,
        ),
    }),
  },
  {
    name: "batchNormTraining",
    rank: [1, 1],
    build: ([size]) => {
      const n = size + 1; // more than one value for each channel
      const count = batch * n * n;
      return {
        inputs: { x: [batch, channels, n, n], weight: [channels], bias: [channels] },
        output: ({ x, weight, bias }) =>
          batchNormTraining(x, { weight, bias, runningMean: bias, runningVar: bias }, 0.1).output,
        expected: ({ x, weight, bias }) => {
          const mean = sums(x, n).map((v) => v / count);
          const centred = x.map((v, i) => v - mean[channelOf(i, n)]);
          const variance = sums(
            centred.map((v) => v * v),
            n,
          ).map((v) => v / count);
          return centred.map((v, i) => {
            const c = channelOf(i, n);
            return (v / Math.sqrt(variance[c] + 0.1)) * weight[c] + bias[c];
          });
        },
      };
    },
  },
];
