/** Random erasing (arXiv 1708.04896). */

import { z } from "zod";
import { heightAndWidth, type ImageSize } from "../../../geometry/image-size.js";
import type { RandomStream } from "../../../random/stream.js";
import {
  broadcast,
  cos,
  hostTensor,
  input,
  log,
  mul,
  randomUniform,
  reshape,
  select,
  slice,
  sqrt,
  sub,
  type Tensor,
} from "../../../tensor/index.js";
import { consistencySettings } from "../consistency.js";
import { share } from "../settings.js";
import { batchTransform, inside } from "./transform.js";

/** What fills an erased box: normal noise per pixel, one normal colour, or the mean colour. */
export type EraseMode = "pixel" | "rand" | "const";

/** Settings of random erasing. */
export interface EraseSettings {
  /** Probability that an image loses a box, between 0 and 1. */
  readonly probability: number;
  /** What fills the box. */
  readonly mode: EraseMode;
  /** Boxes per erased image, which share the area. */
  readonly count: number;
  /** Pictures of each image, of which the first is left as it is (default: one, which is erased). */
  readonly splits?: number;
}

/**
 * Program inputs. A box is `[top, bottom, left, right]` in pixels, its ends left out; empty boxes do nothing. Those of the
 * pictures of an image follow one another.
 */
export const eraseInputs = {
  /** float32 `[batch, pictures · count, 4]`. */
  boxes: "erase.boxes",
  /** float32 `[batch, pictures · count, channels]`, normal: the colours of mode `rand`. */
  colors: "erase.colors",
  /** int32 `[2]`: seed of the noise of mode `pixel`, new at every run. */
  seed: "erase.seed",
} as const;

/** Boxes and colours are drawn separately for every view, so that they do not depend on its batch. */
export const erasing = batchTransform({
  settings: {
    eraseProbability: share.default(0.25).meta({
      description: "Probability of random erasing.",
      timm: "reprob",
    }),
    eraseMode: z.enum(["pixel", "rand", "const"]).default("pixel").meta({
      description:
        "What fills erased boxes: noise for each pixel, one random colour for each box, or zeros after normalisation.",
      timm: "remode",
    }),
    eraseCount: z
      .number()
      .int()
      .min(1)
      .max(16)
      .default(1)
      .meta({ description: "Number of erased boxes.", timm: "recount" }),
    augmentationSplits: consistencySettings.augmentationSplits,
  },
  options: ({ eraseProbability, eraseMode, eraseCount, augmentationSplits }): EraseSettings | undefined =>
    eraseProbability > 0
      ? {
          ...{ probability: eraseProbability, mode: eraseMode, count: eraseCount },
          ...(augmentationSplits > 0 ? { splits: augmentationSplits } : {}),
        }
      : undefined,
  identity: ({ eraseProbability, eraseMode, eraseCount }) => [eraseProbability, eraseMode, eraseCount],
  inputs: Object.values(eraseInputs),
  rows: [eraseInputs.boxes, eraseInputs.colors],
  images: erased,
  draw: (options, { indices, views, size, channels, stream }) => {
    const { length } = indices;
    const { count, splits = 1 } = options;
    const ofImage = splits * count;
    const boxes = new Float32Array(length * ofImage * 4);
    const colors = new Float32Array(length * ofImage * channels);
    for (let i = 0; i < length; i++) {
      const random = stream("erase", indices[i], views[i]);
      for (let picture = splits > 1 ? 1 : 0; picture < splits; picture++) {
        const one = drawErasing(options, random, size, channels);
        const first = i * ofImage + picture * count;
        boxes.set(one.boxes, first * 4);
        colors.set(one.colors, first * channels);
      }
    }
    const noise = stream("erasing noise");
    return new Map([
      [eraseInputs.boxes, hostTensor("float32", [length, ofImage, 4], boxes)],
      [eraseInputs.colors, hostTensor("float32", [length, ofImage, channels], colors)],
      [eraseInputs.seed, hostTensor("int32", [2], Int32Array.of(noise.bits(), noise.bits()))],
    ]);
  },
});

/**
 * Erased boxes use noise that is drawn once per run and shared by the batch: boxes are in different places, and this
 * costs only one image's worth of logarithms and cosines. (timm draws it per image.)
 */
function erased(rows: Tensor, { mode, count, splits = 1 }: EraseSettings, channels: number): Tensor {
  const [batch, , wide] = rows.shape;
  const ofEach = (name: string, numbers: number) => {
    const given = input(name, "float32", [batch / splits, splits * count, numbers]);
    return splits === 1 ? given : reshape(given, [batch, count, numbers]);
  };
  const boxes = ofEach(eraseInputs.boxes, 4);
  const noise = mode === "pixel" ? normalNoise(input(eraseInputs.seed, "int32", [2]), [1, ...rows.shape.slice(1)]) : 0;
  const all = mode === "rand" ? ofEach(eraseInputs.colors, channels) : undefined;
  let out = rows;
  for (let i = 0; i < count; i++) {
    const box = reshape(slice(boxes, 1, i, i + 1), [batch, 4]);
    const fill = all ? colour(all, i, wide / channels) : noise;
    out = select(inside(box, rows.shape, channels), fill, out);
  }
  return out;
}

function colour(all: Tensor, index: number, width: number): Tensor {
  const [batch, , channels] = all.shape;
  const one = reshape(slice(all, 1, index, index + 1), [batch, 1, 1, channels]);
  return reshape(broadcast(one, [batch, 1, width, channels]), [batch, 1, width * channels]);
}

/** Normal numbers from pairs of uniform ones, by the Box-Muller transform. */
function normalNoise(seed: Tensor, shape: readonly number[]): Tensor {
  const radius = sqrt(mul(log(sub(1, randomUniform(seed, 0, shape))), -2));
  return mul(radius, cos(mul(randomUniform(seed, 1, shape), 2 * Math.PI)));
}

/** Values of the inputs `erase.boxes` and `erase.colors` of one image. */
export interface Erasing {
  readonly boxes: Float32Array;
  readonly colors: Float32Array;
}

/** Random erasing (arXiv 1708.04896): boxes of 2 to 33 % of the area with sides in a ratio of 0.3 to 3.3. */
export function drawErasing(
  { probability, count }: Pick<EraseSettings, "probability" | "count">,
  stream: RandomStream,
  size: ImageSize,
  channels: number,
): Erasing {
  const boxes = new Float32Array(4 * count);
  const colors = new Float32Array(channels * count);
  const [rows, columns] = heightAndWidth(size);
  if (stream.uniform() >= probability) return { boxes, colors };
  for (let i = 0; i < count; i++) {
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = (stream.uniform(0.02, 1 / 3) * rows * columns) / count;
      const ratio = Math.exp(stream.uniform(Math.log(0.3), -Math.log(0.3)));
      const height = Math.round(Math.sqrt(area * ratio));
      const width = Math.round(Math.sqrt(area / ratio));
      if (height >= rows || width >= columns) continue;
      const top = stream.integer(rows - height + 1);
      const left = stream.integer(columns - width + 1);
      boxes.set([top, top + height, left, left + width], 4 * i);
      break;
    }
    for (let c = 0; c < channels; c++) colors[channels * i + c] = stream.normal();
  }
  return { boxes, colors };
}
