/** Fits weights to a model: position embeddings are resized, heads of another class count refused or begun anew. */
import { WeightsError } from "../errors.js";
import { describe, type HostTensor, type NamedTensors, type Shape } from "../tensor/index.js";
import { initializeParameter } from "./initialize.js";
import type { Model, ParameterSpec } from "./model.js";
import { type PositionInterpolation, resizePositionEmbedding } from "./position-embedding.js";

export interface AdaptOptions {
  /** Where the weights come from, for messages. */
  readonly source: string;
  /** Starts the heads anew when the class counts differ (fine-tuning); otherwise that is an error. */
  readonly newHead?: { readonly seed: number };
  readonly positions?: PositionInterpolation;
}

/** The model's parameters, in its order, from `tensors` by name. Throws WeightsError with one sentence when they do not fit. */
export function adaptWeights(model: Model, tensors: NamedTensors, options: AdaptOptions): NamedTensors {
  refuseOtherArchitecture(model, tensors, options.source);
  return new Map(model.parameters.map((spec) => [spec.name, fitted(model, spec, tensors.get(spec.name), options)]));
}

function fitted(model: Model, spec: ParameterSpec, given: HostTensor | undefined, options: AdaptOptions): HostTensor {
  const isHead = /^head(_dist)?\.|^head\.fc\./.test(spec.name);
  const startAnew = () => initializeParameter(spec, options.newHead!.seed);
  if (!given) {
    if (options.newHead && (isHead || spec.name === "dist_token")) return startAnew();
    throw new WeightsError(
      `The weights in "${options.source}" lack "${spec.name}" of ${model.name}; check that --model names what they were trained as.`,
    );
  }
  if (same(given.shape, spec.shape)) return asFloat32(given, spec.name, options.source);
  if (spec.name === "pos_embed" && given.shape.length === 3 && given.shape[2] === spec.shape[2]) {
    return fitPositions(model, spec, asFloat32(given, spec.name, options.source), options);
  }
  if (isHead) {
    if (options.newHead) return startAnew();
    throw new WeightsError(
      `The weights in "${options.source}" know ${given.shape[0]} classes, but the model has ${spec.shape[0]}; give --classes to match, or fine-tune with --finetune to start a new head.`,
    );
  }
  throw new WeightsError(
    `The weights in "${options.source}" do not fit ${model.name}: "${spec.name}" is [${given.shape}] there and [${spec.shape}] in the model; check --model.`,
  );
}

function fitPositions(
  model: Model,
  spec: ParameterSpec,
  given: HostTensor,
  { source, positions, newHead }: AdaptOptions,
): HostTensor {
  const prefix = model.distilled ? 2 : 1;
  const side = Math.sqrt(spec.shape[1] - prefix);
  if (Number.isInteger(Math.sqrt(given.shape[1] - prefix)))
    return resizePositionEmbedding(given, [side, side], prefix, positions);
  if (newHead && model.distilled && Number.isInteger(Math.sqrt(given.shape[1] - 1))) {
    // A plain model becomes a distilled one: its distillation token begins at the class token's position.
    const width = given.shape[2];
    const data = new Float32Array((given.shape[1] + 1) * width);
    data.set((given.data as Float32Array).subarray(0, width));
    data.set(given.data as Float32Array, width);
    return resizePositionEmbedding(
      { ...given, shape: [1, given.shape[1] + 1, width], data },
      [side, side],
      2,
      positions,
    );
  }
  throw new WeightsError(
    `The position embedding in "${source}" has ${given.shape[1]} tokens, which fits no ${model.distilled ? "distilled" : "plain"} DeiT; check --model.`,
  );
}

function refuseOtherArchitecture(model: Model, tensors: NamedTensors, source: string): void {
  const known = model.parameters.filter((p) => tensors.has(p.name)).length;
  if (known * 2 < model.parameters.length) {
    const example = [...tensors.keys()].slice(0, 3).join(", ");
    throw new WeightsError(
      `The weights in "${source}" are not those of ${model.name}: only ${known} of its ${model.parameters.length} parameters are there (it holds ${tensors.size}, such as ${example}).`,
    );
  }
  const width = tensors.get("pos_embed")?.shape[2];
  const wanted = model.parameters.find((p) => p.name === "pos_embed")?.shape[2];
  if (width !== undefined && wanted !== undefined && width !== wanted) {
    throw new WeightsError(
      `The weights in "${source}" have a width of ${width}, but ${model.name} has ${wanted}; they belong to another size (192 tiny, 384 small, 768 base).`,
    );
  }
  if (tensors.has("dist_token") && !model.distilled) {
    throw new WeightsError(
      `The weights in "${source}" are of a distilled model (they have a distillation token), but ${model.name} is not; use the distilled name of the model.`,
    );
  }
}

function asFloat32(t: HostTensor, name: string, source: string): HostTensor {
  if (t.dtype === "float32") return t;
  throw new WeightsError(`The tensor "${name}" in "${source}" is ${describe(t)}; float32 is expected.`);
}

function same(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}
