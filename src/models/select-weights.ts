/** Weight selection: a smaller vision transformer starts from evenly spaced elements of a larger, trained one. */

import { UsageError, WeightsError } from "../errors/errors.js";
import { sentence, setting } from "../errors/sentence.js";
import type { ImageSize } from "../geometry/image-size.js";
import { type HostTensor, type NamedTensors, sizeOf } from "../tensor/index.js";
import { type DeitSizes, recognizeDeit, shapesOf } from "./deit-sizes.js";
import type { Model, ParameterSpec } from "./model.js";
import { isHead } from "./parts.js";
import { resizePatchEmbedding } from "./patch-embedding.js";
import { describeDeit } from "./recognize.js";

/**
 * The tensors of a larger DeiT or ViT, reduced to the sizes of `model` (arXiv 2311.18823): of its blocks the first, of
 * every other axis evenly spaced elements, the same of queries, keys and values. Patches of another size are resized.
 * Heads are left out, as they start over; positions keep their grid. The result is for `adaptWeights`. `source` names the
 * weights in messages, `imageSize` the size of the images that they were trained on, if stated. Throws UsageError for a model that is not a vision transformer, WeightsError for weights that are
 * not a larger one.
 */
export function selectWeights(
  model: Model,
  tensors: NamedTensors,
  source: string,
  imageSize?: ImageSize,
): NamedTensors {
  const wanted = recognizeDeit(new Map(model.parameters.map(({ name, shape }) => [name, shape])), model.imageSize);
  if (!wanted)
    throw new UsageError(
      sentence`Weights are selected for DeiTs and ViTs, which ${model.name} is not; remove ${setting("init")}, or train another model.`,
    );
  const shapes = shapesOf(tensors);
  requireLarger(model, wanted, recognizeDeit(shapes, imageSize), source);
  const selected = new Map<string, HostTensor>();
  for (const spec of model.parameters) {
    const given = isHead(spec) ? undefined : tensors.get(spec.name);
    if (!given) continue;
    const fitting = spec.name === patchEmbedding ? resizePatchEmbedding(given, wanted.patchSize) : given;
    selected.set(spec.name, elements(fitting, shapeFor(spec, given), rowGroups(spec)));
  }
  return selected;
}

const patchEmbedding = "patch_embed.proj.weight";

const sizes = [
  { key: "width", word: "width" },
  { key: "depth", word: "number of blocks" },
  { key: "hidden", word: "MLP's width" },
] as const;

function requireLarger(model: Model, wanted: DeitSizes, found: DeitSizes | undefined, source: string): void {
  if (!found)
    throw new WeightsError(
      `The weights in "${source}" are not those of a DeiT or ViT, so none can be selected from them.`,
    );
  const smaller = sizes.find(({ key }) => found[key] < wanted[key]);
  if (smaller)
    throw new WeightsError(
      `The weights in "${source}" are of ${describeDeit(found)}, whose ${smaller.word} of ${found[smaller.key]} is less than the ${wanted[smaller.key]} of ${model.name}; select from a larger model.`,
    );
  if (found.layerScale !== wanted.layerScale)
    throw new WeightsError(
      sentence`The weights in "${source}" are of a model ${found.layerScale ? "with" : "without"} LayerScale, but ${model.name} is one ${wanted.layerScale ? "with" : "without"}; select from weights of its kind, or change ${setting("layerScale")}.`,
    );
}

/**
 * The shape to reduce a tensor to: the parameter's, but positions keep their number of tokens, to be resized, and the patch
 * embedding its channels, to be adapted.
 */
const shapeFor = ({ name, part, shape }: ParameterSpec, given: HostTensor): readonly number[] =>
  part === "positions" || name === patchEmbedding ? [shape[0], given.shape[1], ...shape.slice(2)] : shape;

/** Queries, keys and values are rows of one matrix, of each of which the same are selected. */
const rowGroups = ({ name }: ParameterSpec): number => (/\.attn\.qkv\.(weight|bias)$/.test(name) ? 3 : 1);

/**
 * Evenly spaced elements along every axis, `floor(i · from / to)`, which are every n-th where sizes are multiples; the
 * first axis is made of `groups` equal parts. Throws WeightsError for another number of axes or one that is too short.
 */
function elements(given: HostTensor, shape: readonly number[], groups: number): HostTensor {
  if (given.shape.length !== shape.length || shape.some((size, axis) => size > given.shape[axis]))
    throw new WeightsError(`A tensor [${given.shape.join(", ")}] cannot be reduced to [${shape.join(", ")}].`);
  const indices = shape.map((to, axis) => spaced(given.shape[axis], to, axis === 0 ? groups : 1));
  const data = new Float32Array(sizeOf(shape));
  let at = 0;
  const copy = (axis: number, offset: number): void => {
    if (axis === shape.length) data[at++] = Number(given.data[offset]);
    else for (const index of indices[axis]) copy(axis + 1, offset * given.shape[axis] + index);
  };
  copy(0, 0);
  return { dtype: "float32", shape, data };
}

/** `to` of `from` indices, in `groups` equal parts. */
function spaced(from: number, to: number, groups: number): Int32Array {
  const [part, chosen] = [from / groups, to / groups];
  return Int32Array.from(
    { length: to },
    (_, i) => Math.floor(i / chosen) * part + Math.floor(((i % chosen) * part) / chosen),
  );
}
