/** Transforms of a whole training batch: inside the program, with random numbers drawn by the host. */

import type { z } from "zod";
import type { ImageSize } from "../../../geometry/image-size.js";
import type { RandomStream } from "../../../random/stream.js";
import { and, compare, constant, type HostTensor, reshape, slice, type Tensor } from "../../../tensor/index.js";
import type { Settings } from "../settings.js";

/** The position of a batch in training, of which random numbers are a function. */
export interface BatchPlace {
  /** Images of the batch over all processes; this one has those from `first` on. */
  readonly batch: number;
  readonly first: number;
  /** Number of the batch in its epoch. */
  readonly step: number;
  /** Index of the sample of each image of this process. */
  readonly indices: ArrayLike<number>;
  /** Epochs of the run from this one on, which is counted. */
  readonly epochsLeft: number;
  /** Number of each view among those of its sample in the epoch. */
  readonly views: ArrayLike<number>;
  /** Size of the images in pixels. */
  readonly size: ImageSize;
  /** Channels of the images. */
  readonly channels: number;
  /** The random numbers of a purpose, by default those of the whole batch, else of one view of a sample. */
  stream(purpose: string, sample?: number, view?: number): RandomStream;
}

/** A transform that recipes can use: an entry of the table in `index.ts`. */
export interface BatchTransformKind<Shape extends z.ZodRawShape, Options> {
  /** Settings of a recipe that it reads. */
  readonly settings: Shape;
  /** Its constants; undefined if the settings disable it. */
  options(settings: Settings<Shape>): Options | undefined;
  /** The settings that affect a batch, for identifying stored data about it. */
  identity(settings: Settings<Shape>): readonly unknown[];
  /** Names of its program inputs; the first axis of those named in `rows` is the batch. */
  readonly inputs: readonly string[];
  readonly rows: readonly string[];
  /** Images as rows of pixels, float32 `[batch, height, width · channels]`, normalised. */
  images(rows: Tensor, options: Options, channels: number): Tensor;
  /** Class distributions, float32 `[batch, classes]` (default: unchanged). */
  targets?(target: Tensor): Tensor;
  /**
   * Values of its inputs. Each contains the rows of the whole batch, of which a process takes its own, or only those of
   * this process.
   */
  draw(options: Options, place: BatchPlace): ReadonlyMap<string, HostTensor>;
}

/** Infers the types of settings and constants. */
export const batchTransform = <Shape extends z.ZodRawShape, Options>(
  kind: BatchTransformKind<Shape, Options>,
): BatchTransformKind<Shape, Options> => kind;

/** Whether a pixel is in its image's box: bool `[batch, height, width · channels]`. */
export function inside(boxes: Tensor, [batch, height, wide]: readonly number[], channels: number): Tensor {
  const edge = (i: number) => reshape(slice(boxes, 1, i, i + 1), [batch, 1, 1]);
  const counted = (shape: readonly number[], length: number, step: number) =>
    constant(
      "float32",
      shape,
      Array.from({ length }, (_, i) => Math.floor(i / step)),
    );
  const y = counted([1, height, 1], height, 1);
  const x = counted([1, 1, wide], wide, channels);
  const within = (at: Tensor, from: Tensor, to: Tensor) => and(compare("GE", at, from), compare("LT", at, to));
  return and(within(y, edge(0), edge(1)), within(x, edge(2), edge(3)));
}
