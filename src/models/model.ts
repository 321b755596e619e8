/** What a model is: a plain function from named parameters and images to logits, and the list of these parameters. */
import type { Channels } from "../geometry/channels.js";
import type { Grid, ImageSize } from "../geometry/image-size.js";
import type { Shape, Tensor } from "../tensor/index.js";

/** Initialisation of a parameter. Standard deviations are those of the untruncated normal, as in timm. */
export type Initializer =
  | {
      /** All 0. */
      readonly kind: "zeros";
    }
  | {
      /** All 1. */
      readonly kind: "ones";
    }
  | {
      /** All the same. */
      readonly kind: "constant";
      /** That value. */
      readonly value: number;
    }
  | {
      /** Normal, truncated at ±2 (not ±2 deviations), like timm's `trunc_normal_`. */
      readonly kind: "truncatedNormal";
      /** Standard deviation of the normal before truncation; the mean is 0. */
      readonly std: number;
    }
  | {
      /** Normal with mean 0. */
      readonly kind: "normal";
      /** Standard deviation. */
      readonly std: number;
    }
  | {
      /** Uniform from -`bound` to `bound`. */
      readonly kind: "uniform";
      /** Largest absolute value. */
      readonly bound: number;
    };

/**
 * Parts of a model that are treated the same in every architecture: heads are reinitialised for different classes and
 * may be trained alone or at their own rate, attention and positions may be trained with them, positions depend on the
 * resolution.
 */
export type ParameterPart = "head" | "attention" | "positions";

/** A parameter or buffer of a model. */
export interface ParameterSpec {
  /** timm's name, such as `blocks.0.attn.qkv.weight`. */
  readonly name: string;
  /** Sizes of its axes. */
  readonly shape: Shape;
  /** Distribution of its initial values. */
  readonly init: Initializer;
  /** Buffers (running statistics) are model state that is not changed by gradients. */
  readonly kind: "parameter" | "buffer";
  /** Whether weight decay applies: not to biases, norms, tokens and position embeddings (PAPER recipe). */
  readonly decay: boolean;
  /** The part that it belongs to; a head's first axis is the classes. */
  readonly part?: ParameterPart;
}

/** The properties of a parameter, declared where it is used. */
export interface ParameterDeclaration extends Pick<ParameterSpec, "shape" | "init" | "part"> {
  /** Default: `parameter`. */
  readonly kind?: ParameterSpec["kind"];
  /** Default: off. */
  readonly decay?: boolean;
}

/** What a forward pass may use. The training step, evaluation and export each provide their own. */
export interface ForwardContext {
  /** Whether the pass is part of a training step, where dropout and stochastic depth act. */
  readonly training: boolean;
  /**
   * The parameter or buffer of this name. The first use declares its properties (`modelOf` lists all by a pass that
   * computes nothing); a model with an explicit list of parameters need not.
   */
  parameter(name: string, declaration?: ParameterDeclaration): Tensor;
  /**
   * Stochastic depth: drops the whole branch of a sample with probability `rate` when training. `x` is `[batch,
   * ...]`.
   */
  dropPath(x: Tensor, rate: number): Tensor;
  /**
   * `shortcut + branch(x)`, where the branch has the stochastic depth of `dropPath` but need not be computed for images that go without
   * it: it gets a part of the batch and must treat each image by itself. Without the method: `add(shortcut, dropPath(branch(x),
   * rate))`.
   */
  residual?(x: Tensor, branch: (x: Tensor) => Tensor, rate: number, shortcut: Tensor): Tensor;
  /** Zeroes elements with probability `rate` when training. */
  dropout(x: Tensor, rate: number): Tensor;
  /**
   * Patch dropout: the `patches` of each image that are left when training, int32 `[batch, kept]`, chosen at random (see
   * `keptPatches`); undefined, or without the method, if all are.
   */
  patchDropout?(batch: number, patches: number, rate: number): Tensor | undefined;
  /**
   * `part(x)`, tokens or maps of a block, in a way that the backward pass may compute again from `x` instead of keeping its inner
   * values; without the method, `part(x)` itself.
   */
  recompute?(name: string, x: Tensor, part: (x: Tensor) => Tensor): Tensor;
  /** Records the next value of a buffer (running statistics) when training. */
  updateBuffer(name: string, value: Tensor): void;
  /**
   * Exposes an intermediate value under a name, if there is an observer: `embedding`, `blocks.N` and `norm` are tokens
   * `[batch, tokens, width]`, `blocks.N.attn` attention weights `[batch, heads, tokens, tokens]`, and `HEAD.input`
   * (`head`, `head_dist`, `head.fc`) the input of a head, `[batch, width]`. Of a RegNetY, `stem` and the stages `s1` to
   * `s4` are maps `[batch, channels, height, width]`. Of a custom model, all values `NAME.attn` are its
   * layers of attention. The value is passed as a function, since it
   * may not be needed otherwise.
   */
  observe?(name: string, value: () => Tensor): void;
}

/** The two heads' outputs. Evaluation of a distilled model averages them (paper, section 5.2). */
export interface Logits {
  /** `[batch, classes]` from the class token (or the pooled features of a convnet). */
  readonly logits: Tensor;
  /** `[batch, classes]` from the distillation token, for distilled models. */
  readonly distillation?: Tensor;
}

/** Mean and standard deviation per channel, on the scale 0 to 1, for normalising images. */
export interface Normalization {
  /** Mean of each channel, such as red, green and blue, for pixels from 0 to 1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel, for pixels from 0 to 1. */
  readonly std: readonly number[];
}

/** ImageNet's channel statistics, on the scale 0 to 1. */
export const imagenetNormalization: Normalization = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/**
 * How a vision transformer lays out what it shows: the values `embedding`, `blocks.N` and `norm` are tokens
 * `[batch, prefix + rows · columns, width]`, `blocks.N.attn` their attention, and heads read tokens of the prefix in turn.
 */
export interface TokenGrid {
  /** Number of blocks. */
  readonly depth: number;
  /** Heads of each block's attention. */
  readonly heads: number;
  /** Tokens before those of patches: the class token and, in a distilled model, the distillation token. */
  readonly prefix: number;
  /** Rows and columns of patches. */
  readonly grid: Grid;
  /** Rows and columns of the positions, where they are interpolated to that grid. */
  readonly positions?: Grid;
}

/** Options that several architectures have. */
export interface CommonOptions {
  /** Size of the input in pixels. */
  readonly imageSize: ImageSize;
  /** Channels of the input: 1 (grayscale), 3 (RGB) or 4 (RGBA); default: 3. */
  readonly channels?: Channels;
  /** Number of outputs of each head. */
  readonly classes: number;
  /** Number of blocks, of a RegNetY over all stages. */
  readonly depth: number;
  /** Stochastic depth of the last block; it grows linearly from 0 at the first. */
  readonly dropPath: number;
}

/** A list of parameters and a function from them and images to logits. */
export interface Model {
  /** Name in recipes and in the metadata of checkpoints. */
  readonly name: string;
  /** Everything needed to rebuild the same model; JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Size of the input images in pixels; of a square, one number. */
  readonly imageSize: ImageSize;
  /** Of a model without tokens, if the same parameters also take images of other sizes: what divides their sides. */
  readonly sizeMultiple?: number;
  /** Channels of the input images: 1 (grayscale), 3 (RGB) or 4 (RGBA). */
  readonly channels: Channels;
  /** Number of outputs. */
  readonly classes: number;
  /** Whether there is a second head that learns from a teacher. */
  readonly distilled: boolean;
  /** How the pixels of the input are normalised. */
  readonly normalization: Normalization;
  /** Fraction of the shorter side kept by the evaluation crop (timm's crop_pct). */
  readonly cropRatio: number;
  /** All parameters in the order of their declaration. */
  readonly parameters: readonly ParameterSpec[];
  /** Of a vision transformer, which shows its tokens. */
  readonly tokens?: TokenGrid;
  /** `images`: float32 `[batch, height, width, channels]`, normalised. */
  forward(context: ForwardContext, images: Tensor): Logits;
}
