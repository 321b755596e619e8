/** What batch normalisation does with each channel of `[batch, channels, height, width]`, in as few passes as engines know. */
import { apply, type Primitive, type Tensor } from "../graph.js";
import { add, mul } from "../primitives/arithmetic.js";
import { reduceSum } from "../primitives/broadcast.js";
import { dot } from "../primitives/dot.js";
import { reshape } from "../primitives/layout.js";

/** The axes that a channel's values lie along. */
export const besidesChannels = [0, 2, 3] as const;

/** `[channels]` as it broadcasts against the batch. */
export const perChannel = (t: Tensor): Tensor => reshape(t, [t.shape[0], 1, 1]);

const affinePrimitive: Primitive = {
  name: "channelAffine",
  infer: ([x]) => [x],
  gradient: ({ inputs: [x, scale] }, [g]) =>
    g
      ? [mul(g, perChannel(scale)), channelProducts(g, x), reduceSum(g, besidesChannels)]
      : [undefined, undefined, undefined],
  // A convolution of each channel with a kernel of one number: one pass, to which ONNX Runtime adds a ReLU or a sum that follows.
  onnx: ({ inputs: [x, scale, bias] }, emit) => {
    const channels = x.shape[1];
    const kernels = emit.op("Reshape", [emit.value(scale), emit.ints([channels, 1, 1, 1])]);
    return emit.op("Conv", [emit.value(x), ...kernels, emit.value(bias)], { attributes: { group: { int: channels } } });
  },
  expand: ({ inputs: [x, scale, bias] }) => [add(mul(x, perChannel(scale)), perChannel(bias))],
};

/** x · scale + bias, with a scale and a bias for each channel (`[channels]`). */
export function channelAffine(x: Tensor, scale: Tensor, bias: Tensor): Tensor {
  return apply(affinePrimitive, [x, scale, bias], {});
}

/** Pixels from which ONNX Runtime multiplies and sums rows faster as matrix products than in two passes. */
const longRow = 2048;

const productsPrimitive: Primitive = {
  name: "channelProducts",
  infer: ([x]) => [{ dtype: x.dtype, shape: [x.shape[1]] }],
  gradient: ({ inputs: [x, y] }, [g]) => (g ? [mul(y, perChannel(g)), mul(x, perChannel(g))] : [undefined, undefined]),
  expand: ({ inputs: [x, y] }, { engine }) => {
    const [batch, channels, height, width] = x.shape;
    if (engine !== "onnx" || height * width < longRow) return [reduceSum(mul(x, y), besidesChannels)];
    const rows = (t: Tensor) => reshape(t, [batch, channels, height * width]);
    const axes = [0, 1];
    return [reduceSum(dot(rows(x), rows(y), { batch: [axes, axes], contract: [[2], [2]] }), [0])];
  },
};

/** The sum of x · y over each channel, `[channels]`. */
export function channelProducts(x: Tensor, y: Tensor): Tensor {
  return apply(productsPrimitive, [x, y], {});
}
