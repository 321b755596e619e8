/**
 * Adapts weights to a model: position embeddings are resized, heads with a different class count refused or restarted.
 */

import { WeightsError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";
import { channelsInWords, isChannels } from "../geometry/channels.js";
import { type Grid, heightAndWidth, type ImageSize } from "../geometry/image-size.js";
import { describe, type HostTensor, type NamedTensors, type Shape } from "../tensor/index.js";
import { type DeitSizes, differences, patchGrid, recognizeDeit, shapesOf } from "./deit-sizes.js";
import { initializeParameter } from "./initialize.js";
import { type LeftOver, leftOver, requireNothingLeft } from "./left-over.js";
import type { Model, ParameterSpec } from "./model.js";
import { isHead, patchCount } from "./parts.js";
import { type PositionInterpolation, resizePositionEmbedding } from "./position-embedding.js";
import { describeDeit, nameOf } from "./recognize.js";

/** How weights are adapted to a model. */
export interface AdaptOptions {
  /** Where the weights come from, for messages. */
  readonly source: string;
  /** Starts new heads if the class counts differ (fine-tuning); otherwise that is an error. */
  readonly newHead?: {
    /** Seed of their first values. */
    readonly seed: number;
  };
  /** Tensors that are present but of an unsupported kind, such as "float8_e5m2": an error if the model needs them. */
  readonly unread?: ReadonlyMap<string, string>;
  /** Number of attention heads that the weights were trained with, if stated; it cannot be inferred from shapes. */
  readonly heads?: number;
  /** Called with notes on weights that are left out without error. */
  readonly onNote?: (sentence: string) => void;
  /**
   * Size of the images that the weights were trained on, if stated, which decides on the grid of their positions. Default: a
   * square, if their number is one; otherwise as the model.
   */
  readonly imageSize?: ImageSize;
  /** How position embeddings are resized to another grid of patches. */
  readonly positions?: PositionInterpolation;
}

/** The model's parameters, in its order, from `tensors` by name. Throws WeightsError if they do not fit. */
export function adaptWeights(model: Model, tensors: NamedTensors, options: AdaptOptions): NamedTensors {
  refuseOtherArchitecture(model, tensors, options);
  const left = leftOver(model, [...tensors.keys(), ...(options.unread?.keys() ?? [])]);
  requireNothingLeft(model, left, options);
  return new Map(
    model.parameters.map((spec) => [spec.name, fitted(model, spec, givenTo(spec, tensors, left), options)]),
  );
}

/** The tensor for a parameter. A head whose input differs from that of the model's head is not used. */
const givenTo = (spec: ParameterSpec, tensors: NamedTensors, { ofHead }: LeftOver): HostTensor | undefined =>
  ofHead && isHead(spec) ? undefined : tensors.get(spec.name);

function fitted(model: Model, spec: ParameterSpec, given: HostTensor | undefined, options: AdaptOptions): HostTensor {
  const head = isHead(spec);
  const startAnew = () => initializeParameter(spec, options.newHead!.seed);
  if (!given) {
    const kind = options.unread?.get(spec.name);
    if (kind !== undefined)
      throw new WeightsError(
        `The weights in "${options.source}" hold "${spec.name}" as ${kind}, which is not supported; save it as float32, float16 or bfloat16 where it was made.`,
      );
    if (options.newHead && (head || spec.name === "dist_token")) return startAnew();
    throw new WeightsError(
      sentence`The weights in "${options.source}" lack "${spec.name}" of ${model.name}${way`; check that ${setting("model")} names the model they were trained with`}.`,
    );
  }
  const equal = same(given.shape, spec.shape);
  // As many patches may have another grid.
  if (
    spec.part === "positions" &&
    given.shape.length === 3 &&
    given.shape[2] === spec.shape[2] &&
    !(equal && !model.tokens)
  )
    return fitPositions(model, spec, asFloat32(given, spec.name, options.source), options);
  if (equal) return asFloat32(given, spec.name, options.source);
  const first = model.parameters.find(({ shape }) => shape.length === 4);
  if (spec === first && same(given.shape.toSpliced(1, 1), spec.shape.toSpliced(1, 1)))
    return withChannels(asFloat32(given, spec.name, options.source), model, options);
  if (head && options.newHead) return startAnew();
  if (head && given.shape.length === spec.shape.length && same(given.shape.slice(1), spec.shape.slice(1)))
    throw new WeightsError(
      sentence`The weights in "${options.source}" have ${given.shape[0]} classes, but the model has ${spec.shape[0]} ("${spec.name}"); fine-tune with ${setting("finetune").of("train")} to start a new head.`,
    );
  throw new WeightsError(
    sentence`The weights in "${options.source}" do not fit ${model.name}: "${spec.name}" is [${given.shape}] there and [${spec.shape}] in the model${way`; check ${setting("model")}`}.`,
  );
}

/**
 * The first convolution `[width, channels, p, p]` for images of other channels, as in timm: for grayscale the sum over the
 * colours, otherwise repeated over the channels and scaled such that their sum is as large.
 */
function withChannels(given: HostTensor, { name, channels: to }: Model, { source, onNote }: AdaptOptions): HostTensor {
  const [width, from, height, across] = given.shape;
  if (!isChannels(from) || from === 4)
    throw new WeightsError(
      sentence`The weights in "${source}" take images of ${from} channels, which cannot be adapted to the ${channelsInWords(to)} of ${name}${way`; set ${setting("channels", from)}`}.`,
    );
  const area = height * across;
  const data = new Float32Array(width * to * area);
  for (let o = 0; o < width; o++)
    for (let c = 0; c < Math.max(to, from); c++)
      for (let i = 0; i < area; i++) {
        const value = Number(given.data[(o * from + (c % from)) * area + i]);
        data[(o * to + (c % to)) * area + i] += to === 1 ? value : value * (from / to);
      }
  onNote?.(
    `The first layer of "${source}" is adapted from ${channelsInWords(from)} to ${channelsInWords(to)}: ${to === 1 ? "its weights are summed over the channels" : `its weights are repeated and scaled by ${from}/${to}`}.`,
  );
  return { dtype: "float32", shape: [width, to, height, across], data };
}

function fitPositions(
  model: Model,
  spec: ParameterSpec,
  given: HostTensor,
  { source, positions, newHead, imageSize }: AdaptOptions,
): HostTensor {
  // Tokens before those of patches that have positions too; in DeiT III none has.
  const { tokens } = model;
  const prefix = tokens ? spec.shape[1] - patchCount(tokens) : model.distilled ? 2 : 1;
  const side = Math.sqrt(spec.shape[1] - prefix);
  const to: Grid = tokens?.grid ?? [side, side];
  const patchSize = heightAndWidth(model.imageSize)[0] / to[0];
  const grid = (others: number) => patchGrid(given.shape[1] - others, patchSize, imageSize);
  const from = grid(prefix) ?? (same(given.shape, spec.shape) ? to : undefined);
  if (from) return resizePositionEmbedding(given, to, prefix, positions, from);
  if (newHead && model.distilled && grid(1)) {
    // A plain model becomes a distilled one: its distillation token starts with the class token's position.
    const width = given.shape[2];
    const data = new Float32Array((given.shape[1] + 1) * width);
    data.set((given.data as Float32Array).subarray(0, width));
    data.set(given.data as Float32Array, width);
    return resizePositionEmbedding(
      { ...given, shape: [1, given.shape[1] + 1, width], data },
      to,
      2,
      positions,
      grid(1),
    );
  }
  throw new WeightsError(
    sentence`The position embedding in "${source}" has ${given.shape[1]} tokens, which does not fit a ${model.distilled ? "distilled" : "plain"} DeiT${way`; check ${setting("model")}`}.`,
  );
}

function refuseOtherArchitecture(model: Model, tensors: NamedTensors, options: AdaptOptions): void {
  const { source, newHead, heads, imageSize } = options;
  const shapes = shapesOf(tensors);
  const found = recognizeDeit(shapes, imageSize);
  const wanted = recognizeDeit(new Map(model.parameters.map((p) => [p.name, p.shape])), model.imageSize);
  const known = model.parameters.filter((p) => tensors.has(p.name)).length;
  if (known * 2 < model.parameters.length) {
    const example = [...tensors.keys()].slice(0, 3).map((name) => JSON.stringify(name.slice(0, 60)));
    const seen = found
      ? `they seem to be those of ${describeDeit(found)}`
      : `${tensors.size} tensors are there, such as ${example.join(", ")}`;
    throw new WeightsError(
      sentence`The weights in "${source}" are not those of ${model.name}: only ${known} of its ${model.parameters.length} parameters are there (${seen}); ${way`check ${setting("model")} and the file`.or`check the file`}.`,
    );
  }
  if (found && wanted) refuseOtherDeit(model, found, wanted, source, newHead !== undefined);
  if (heads !== undefined && model.config.heads !== undefined && heads !== model.config.heads)
    throw new WeightsError(
      sentence`The weights in "${source}" were trained with ${heads} attention heads, but ${model.name} has ${String(model.config.heads)}, which would mix up their channels; ${way`set ${setting("heads", heads)}, or give other weights`.or`give other weights`}.`,
    );
}

/** Throws for DeiTs that differ in more than classes and resolution. */
function refuseOtherDeit(model: Model, found: DeitSizes, wanted: DeitSizes, source: string, anew: boolean): void {
  const differ = differences(found, wanted);
  const name = nameOf(found);
  const wayOut = name
    ? way`give ${setting("model", name)}, or other weights`.or`give other weights`
    : way`check ${setting("model")}, or give other weights`.or`give other weights`;
  if (differ.length > 0) {
    const [theirs, ours] = (["found", "wanted"] as const).map((side) => differ.map((d) => d[side]).join(" and "));
    throw new WeightsError(
      sentence`The weights in "${source}" have ${theirs}, but ${model.name} has ${ours} (they look like those of ${describeDeit(found)}); ${wayOut}.`,
    );
  }
  if (found.distilled && !wanted.distilled) {
    throw new WeightsError(
      sentence`The weights in "${source}" are of a distilled model (they have a distillation token), but ${model.name} is not; ${wayOut}.`,
    );
  }
  if (!found.distilled && wanted.distilled && !anew) {
    throw new WeightsError(
      sentence`The weights in "${source}" are of a plain model (they have no distillation token), but ${model.name} is distilled; ${wayOut}, or fine-tune with ${setting("finetune").of("train")} to train a new token and head.`,
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
