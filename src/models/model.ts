/** What a model is: a plain function from named parameters and images to logits, and the list of these parameters. */
import type { Shape, Tensor } from "../tensor/index.js";

/** How a parameter starts. Standard deviations are those of the untruncated normal, as timm's. */
export type Initializer =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  | { readonly kind: "constant"; readonly value: number }
  /** Normal, cut at ±2 (not ±2 deviations), as timm's `trunc_normal_`. */
  | { readonly kind: "truncatedNormal"; readonly std: number }
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly bound: number };

/**
 * Parts of a model that are treated alike whatever its architecture: heads begin again for other classes and may learn
 * alone or at a rate of their own, attention and positions may learn with them, positions follow the resolution.
 */
export type ParameterPart = "head" | "attention" | "positions";

/** A parameter or buffer of a model. */
export interface ParameterSpec {
  /** timm's name, as `blocks.0.attn.qkv.weight`. */
  readonly name: string;
  readonly shape: Shape;
  readonly init: Initializer;
  /** Buffers (running statistics) are state of the model that no gradient changes. */
  readonly kind: "parameter" | "buffer";
  /** Whether weight decay applies: not to biases, norms, tokens and position embeddings (PAPER recipe). */
  readonly decay: boolean;
  /** The part that it belongs to; of a head, the first axis runs over the classes. */
  readonly part?: ParameterPart;
}

/** What a parameter is, said where it is used. */
export interface ParameterDeclaration extends Pick<ParameterSpec, "shape" | "init" | "part"> {
  /** `parameter` unless told. */
  readonly kind?: ParameterSpec["kind"];
  /** Off unless told. */
  readonly decay?: boolean;
}

/** What a forward pass may use. The training step, evaluation and export each give their own. */
export interface ForwardContext {
  readonly training: boolean;
  /**
   * The parameter or buffer of this name. The first use declares what it is (`modelOf` lists them all by a pass that
   * computes nothing); a model that lists its parameters itself need not.
   */
  parameter(name: string, declaration?: ParameterDeclaration): Tensor;
  /** Stochastic depth: drops the whole branch of a sample with probability `rate` when training. `x` is `[batch, ...]`. */
  dropPath(x: Tensor, rate: number): Tensor;
  /** Zeroes elements with probability `rate` when training. */
  dropout(x: Tensor, rate: number): Tensor;
  /** Notes the next value of a buffer (running statistics), when training. */
  updateBuffer(name: string, value: Tensor): void;
  /**
   * Shows an intermediate value under a name, where somebody looks: `embedding`, `blocks.N` and `norm` are tokens
   * `[batch, tokens, width]`, `blocks.N.attn` attention weights `[batch, heads, tokens, tokens]`, and `HEAD.input`
   * (`head`, `head_dist`, `head.fc`) what a head reads, `[batch, width]`. What is worth a look need not be computed
   * otherwise, so it is given as a function.
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

/** Mean and standard deviation of each channel, on the scale 0 to 1, that images are normalised with. */
export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** ImageNet's channel statistics, on the scale 0 to 1. */
export const imagenetNormalization: Normalization = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** A list of parameters and a function from them and images to logits. */
export interface Model {
  readonly name: string;
  /** Everything needed to build the same model again; JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly imageSize: number;
  readonly classes: number;
  readonly distilled: boolean;
  readonly normalization: Normalization;
  /** Share of the shorter side that evaluation crops (timm's crop_pct). */
  readonly cropRatio: number;
  readonly parameters: readonly ParameterSpec[];
  /** `images`: float32 `[batch, height, width, 3]`, normalised. */
  forward(context: ForwardContext, images: Tensor): Logits;
}
