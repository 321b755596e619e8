/** Layers that declare the parameters they use, with timm's names. */
import { add, batchNorm, batchNormTraining, conv2d, layerNorm, linear, type Tensor } from "../tensor/index.js";
import type { ForwardContext, Initializer, ParameterDeclaration } from "./model.js";

/** Initialisation of a linear layer, and the part of the model that it belongs to. */
export interface LinearOptions extends Pick<ParameterDeclaration, "part"> {
  /** Initial values of the weight (default: a truncated normal with standard deviation 0.02). */
  readonly init?: Initializer;
}

/** Sizes of a convolution. */
export interface ConvolutionLayer {
  /** Output channels. */
  readonly width: number;
  /** Side of the kernel (default: 1). */
  readonly size?: number;
  /** Default: 1. */
  readonly stride?: number;
  /** Number of channel groups (default: 1). */
  readonly groups?: number;
}

/** Layers by name, and what any forward pass may use. */
export interface Layers extends ForwardContext {
  /**
   * `branch(x)` added to `shortcut` (default: `x`), with stochastic depth of this rate when training. The branch may be computed for
   * some of the images alone, so it must treat each by itself, without statistics of the batch. `x` is `[batch, ...]`.
   */
  residual(x: Tensor, branch: (x: Tensor) => Tensor, rate: number, shortcut?: Tensor): Tensor;
  /** `[..., in]` to `[..., width]` by `NAME.weight` `[width, in]` and `NAME.bias`. */
  linear(name: string, x: Tensor, width: number, options?: LinearOptions): Tensor;
  /**
   * A linear layer whose outputs are the classes: it is reinitialised for different classes. Its input is observed as
   * `NAME.input`.
   */
  head(name: string, x: Tensor, classes: number, init?: Initializer): Tensor;
  /** LayerNorm over the last axis by `NAME.weight` and `NAME.bias` (default: `epsilon` is 1e-6). */
  layerNorm(name: string, x: Tensor, epsilon?: number): Tensor;
  /** Convolution of `[batch, channels, height, width]` by `NAME.weight`, without a bias, its borders padded to keep the size at stride 1. */
  conv2d(name: string, x: Tensor, layer: ConvolutionLayer): Tensor;
  /**
   * Batch normalisation of `[batch, channels, height, width]` by `NAME.weight`, which starts at `first` (default: 1),
   * `NAME.bias` and the running statistics.
   */
  batchNorm(name: string, x: Tensor, first?: 0 | 1): Tensor;
}

const zeros: Initializer = { kind: "zeros" };
const ones: Initializer = { kind: "ones" };
/** Initial values of tokens, positions and the weights of linear layers. */
export const truncatedNormal: Initializer = { kind: "truncatedNormal", std: 0.02 };

/** The layers of a forward pass. */
export function layersOf(context: ForwardContext): Layers {
  const { observe } = context;
  const nn: Layers = {
    training: context.training,
    parameter: (name, declaration) => context.parameter(name, declaration),
    dropPath: (x, rate) => context.dropPath(x, rate),
    residual: (x, branch, rate, shortcut = x) =>
      context.residual?.(x, branch, rate, shortcut) ?? add(shortcut, nn.dropPath(branch(x), rate)),
    dropout: (x, rate) => context.dropout(x, rate),
    updateBuffer: (name, value) => context.updateBuffer(name, value),
    ...(context.patchDropout
      ? { patchDropout: (batch, patches, rate) => context.patchDropout?.(batch, patches, rate) }
      : {}),
    ...(context.recompute ? { recompute: (name, x, part) => context.recompute?.(name, x, part) ?? part(x) } : {}),
    ...(observe ? { observe: (name: string, value: () => Tensor) => observe.call(context, name, value) } : {}),
    linear: (name, x, width, { init = truncatedNormal, part } = {}) => {
      const shape = [width, x.shape[x.shape.length - 1]];
      const weight = nn.parameter(`${name}.weight`, { shape, init, decay: true, part });
      return linear(x, weight, nn.parameter(`${name}.bias`, { shape: [width], init: zeros, part }));
    },
    head: (name, x, classes, init) => {
      nn.observe?.(`${name}.input`, () => x);
      return nn.linear(name, x, classes, { init, part: "head" });
    },
    layerNorm: (name, x, epsilon = 1e-6) => {
      const shape = [x.shape[x.shape.length - 1]];
      const weight = nn.parameter(`${name}.weight`, { shape, init: ones });
      return layerNorm(x, weight, nn.parameter(`${name}.bias`, { shape, init: zeros }), epsilon);
    },
    conv2d: (name, x, layer) => {
      const { size = 1, stride = 1, groups = 1 } = layer;
      const weight = kernel(nn, name, { ...layer, input: x.shape[1] });
      return conv2d(x, weight, { stride, padding: (size - 1) >> 1, groups });
    },
    batchNorm: (name, x, first = 1) => {
      const shape = [x.shape[1]];
      const values = {
        weight: nn.parameter(`${name}.weight`, { shape, init: first === 1 ? ones : zeros }),
        bias: nn.parameter(`${name}.bias`, { shape, init: zeros }),
        runningMean: nn.parameter(`${name}.running_mean`, { shape, init: zeros, kind: "buffer" }),
        runningVar: nn.parameter(`${name}.running_var`, { shape, init: ones, kind: "buffer" }),
      };
      if (!nn.training) return batchNorm(x, values);
      const { output, runningMean, runningVar } = batchNormTraining(x, values);
      nn.updateBuffer(`${name}.running_mean`, runningMean);
      nn.updateBuffer(`${name}.running_var`, runningVar);
      return output;
    },
  };
  return nn;
}

/** The weight of a convolution, `[width, input / groups, size, size]`, normal by its fan-out (He et al.). */
export function kernel(
  nn: ForwardContext,
  name: string,
  { width, input, size = 1, groups = 1 }: ConvolutionLayer & { readonly input: number },
): Tensor {
  const std = Math.sqrt(2 / Math.floor((size * size * width) / groups));
  const shape = [width, input / groups, size, size];
  return nn.parameter(`${name}.weight`, { shape, init: { kind: "normal", std }, decay: true });
}
