/** Processing of a training batch inside the program: normalisation, then the transforms of the table. */
import type { z } from "zod";
import { imagesShape } from "../../../models/image-batch.js";
import type { Model } from "../../../models/model.js";
import { normalize } from "../../../models/normalize.js";
import { type HostTensor, input, reshape, type Shape, type Tensor } from "../../../tensor/index.js";
import { smoothedTargets } from "../losses/targets.js";
import { erasing } from "./erasing.js";
import { mixing } from "./mixing.js";
import type { BatchPlace, BatchTransformKind } from "./transform.js";

export type { BatchPlace } from "./transform.js";

/** The transforms in order of application: one file and one line each. */
export const batchTransforms = { erasing, mixing };

/** Names of the transforms. */
export type BatchTransformName = keyof typeof batchTransforms;

/** Transforms of a whole batch on the device: the constants of each enabled one. */
export type BatchTransform = {
  readonly [K in BatchTransformName]?: NonNullable<ReturnType<(typeof batchTransforms)[K]["options"]>>;
};

type AnyKind = BatchTransformKind<z.ZodRawShape, unknown>;
const kinds = Object.entries(batchTransforms) as unknown as readonly [BatchTransformName, AnyKind][];

/** Names of the inputs of every batch. */
export const batchInputs = { images: "images", labels: "labels", targets: "targets" } as const;

/** Names of all inputs with a row for each image, which are split over devices. */
export const batchRows: readonly string[] = [...Object.values(batchInputs), ...kinds.flatMap(([, kind]) => kind.rows)];

/** The enabled transforms of a recipe. */
export function batchTransformOf(settings: Readonly<Record<string, unknown>>): BatchTransform {
  return Object.fromEntries(kinds.map(([name, kind]) => [name, kind.options(settings)]).filter(([, on]) => on));
}

/**
 * uint8 images of the input `images` to the model's input, float32 `[batch, height, width, channels]`. With several
 * pictures of each image (`splits`) the input has them as `[batch, splits, height, width, channels]`, and the model sees
 * those of an image one after the other.
 */
export function batchImages(
  batch: number,
  model: Pick<Model, "imageSize" | "channels" | "normalization">,
  transform: BatchTransform = {},
  splits = 1,
): Tensor {
  const shape = imagesShape(model, splits * batch);
  const given = (shape: Shape) => input(batchInputs.images, "uint8", shape);
  const pictures = splits === 1 ? given(shape) : reshape(given([batch, splits, ...shape.slice(1)]), shape);
  const images = normalize(pictures, model.normalization);
  // Rows of width · channels numbers: broadcasts over channels are slow on CPUs.
  const rows = reshape(images, [shape[0], shape[1], shape[2] * shape[3]]);
  const done = chosen(transform).reduce((x, [kind, options]) => kind.images(x, options, model.channels), rows);
  return done === rows ? images : reshape(done, shape);
}

/**
 * int32 labels of the input `labels` to class distributions `[batch, classes]`: smoothed, then mixed like the images. Of
 * `several` labels, the input `targets` has 1 for each class of an image; they are mixed alike.
 */
export function batchTargets(
  batch: number,
  classes: number,
  smoothing: number,
  transform: BatchTransform = {},
  several = false,
): Tensor {
  const target = several
    ? input(batchInputs.targets, "float32", [batch, classes])
    : smoothedTargets(input(batchInputs.labels, "int32", [batch]), classes, smoothing);
  return chosen(transform).reduce((x, [kind]) => kind.targets?.(x) ?? x, target);
}

/** Values of the input `name` and of those drawn with it; undefined if no transform has it. */
export function drawFor(
  name: string,
  transform: BatchTransform,
  place: BatchPlace,
): ReadonlyMap<string, HostTensor> | undefined {
  const found = chosen(transform).find(([kind]) => kind.inputs.includes(name));
  return found?.[0].draw(found[1], place);
}

function chosen(transform: BatchTransform): (readonly [AnyKind, unknown])[] {
  return kinds.flatMap(([name, kind]) => (transform[name] === undefined ? [] : [[kind, transform[name]] as const]));
}
