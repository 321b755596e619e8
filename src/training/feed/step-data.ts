/** The host's inputs to a run of the step: the batch and all random numbers, each a pure function of its position. */

import type { Batch } from "../../data/loading/loader.js";
import { type ImageSize, imageSizeOf } from "../../geometry/image-size.js";
import { RandomStream } from "../../random/stream.js";
import { type HostTensor, hostTensor, type NamedTensors, type Program, type Shape } from "../../tensor/index.js";
import type { Recipe } from "../recipe/recipe.js";
import { type BatchPlace, batchInputs, batchRows, batchTransformOf, drawFor } from "../step/batch/index.js";
import { dropoutSeedInput, patchOrderInput } from "../step/context.js";
import { dropPathInput, dropPathOrderInput } from "../step/stochastic-depth.js";

export interface StepPlace {
  readonly recipe: Recipe;
  readonly epoch: number;
  readonly batch: Batch;
  /** Size of the images in pixels, for a program that does not read them (default: as it does). */
  readonly size?: ImageSize;
}

/** Inputs that are not drawn: schedule scalars, and outputs of teachers, by their names. */
export interface GivenData {
  readonly scalars: Readonly<Record<string, number>>;
  readonly taught?: NamedTensors;
  /** Stored features of the frozen part, by the names of their inputs. */
  readonly values?: NamedTensors;
}

/**
 * The data inputs of `program` for one batch; inputs that it does not use are not created. A process that makes a share
 * of the batch draws for the whole batch, like all others, and supplies its own rows.
 */
export function stepData(program: Program, place: StepPlace, { scalars, taught, values }: GivenData): NamedTensors {
  const data = new Map<string, HostTensor>();
  const { first, labels, images, indices, views, step } = place.batch;
  const own = (t: HostTensor) => (t.shape[0] === labels.length ? t : rowsOf(t, first, labels.length));
  const transform = batchTransformOf(place.recipe);
  const stream = streamOf(place);
  const drawn = (name: string): ReadonlyMap<string, HostTensor> | undefined =>
    drawFor(name, transform, {
      batch: wholeBatch(program) ?? labels.length,
      ...{ first, step, indices, views, stream },
      // A run may have no epochs, as that of a fitted head, whose views can be shown nevertheless.
      epochsLeft: Math.max(1, place.recipe.epochs) - place.epoch,
      ...imagesRead(program, place.size),
    });
  for (const { name, shape, role } of program.inputs) {
    if (role === "state" || data.has(name)) continue;
    const given = taught?.get(name);
    if (given) data.set(name, own(given));
    else if (values?.has(name)) data.set(name, values.get(name)!);
    else if (name in scalars) data.set(name, float(shape, Float32Array.of(scalars[name])));
    else if (name === batchInputs.images)
      data.set(name, hostTensor("uint8", [labels.length, ...shape.slice(1)], images));
    else if (name === batchInputs.labels) data.set(name, hostTensor("int32", [labels.length], labels));
    else if (name === batchInputs.targets)
      data.set(name, hostTensor("float32", [labels.length, ...shape.slice(1)], place.batch.targets!));
    else if (name === dropPathInput) data.set(name, uniform(shape, stream("dropPath")));
    else if (name === dropPathOrderInput) data.set(name, ordersAndPlaces(shape, stream("dropPathOrder")));
    else if (name === patchOrderInput) data.set(name, orders(shape, stream("patchDropout")));
    else if (name === dropoutSeedInput) data.set(name, seed(shape, stream("dropout")));
    else for (const [each, value] of drawn(name) ?? []) data.set(each, batchRows.includes(each) ? own(value) : value);
  }
  return data;
}

/** Number of images of all processes in a run of `program`. */
const wholeBatch = (program: Program): number | undefined =>
  program.inputs.find(({ name }) => batchRows.includes(name))?.shape[0];

/** What the images of `program` are like; one that reads none fills nothing of them, so that their channels do not count. */
function imagesRead({ inputs }: Program, size?: ImageSize): Pick<BatchPlace, "size" | "channels"> {
  const { shape = [0, 0, 3] } = inputs.find(({ name }) => name === batchInputs.images) ?? {};
  const [height, width, channels] = shape.slice(-3);
  return { size: size ?? imageSizeOf(height, width), channels };
}

const streamOf =
  ({ recipe: { seed }, epoch, batch: { step } }: StepPlace): BatchPlace["stream"] =>
  (purpose, sample = step, view = 0) =>
    new RandomStream({ seed, epoch, sample, view, purpose });

function rowsOf({ dtype, shape: [rows, ...rest], data }: HostTensor, first: number, count: number): HostTensor {
  const row = data.length / rows;
  return hostTensor(dtype, [count, ...rest], data.subarray(first * row, (first + count) * row));
}

const float = (shape: Shape, data: Float32Array): HostTensor => hostTensor("float32", shape, data);

const uniform = (shape: Shape, stream: RandomStream): HostTensor =>
  float(
    shape,
    Float32Array.from({ length: shape[0] * shape[1] }, () => stream.uniform()),
  );

function orders([rows, count]: Shape, stream: RandomStream): HostTensor {
  const each = Int32Array.from(Array.from({ length: rows }, () => [...stream.permutation(count)]).flat());
  return hostTensor("int32", [rows, count], each);
}

/** For each place and group a random order of its images, and the place of each image in it. */
function ordersAndPlaces(shape: Shape, stream: RandomStream): HostTensor {
  const [places, , groups, images] = shape;
  const data = new Int32Array(places * 2 * groups * images);
  for (let place = 0; place < places; place++)
    for (let group = 0; group < groups; group++) {
      const order = (2 * place * groups + group) * images;
      [...stream.permutation(images)].forEach((image, i) => {
        data[order + i] = image;
        data[order + groups * images + image] = i;
      });
    }
  return hostTensor("int32", shape, data);
}

const seed = (shape: Shape, stream: RandomStream): HostTensor =>
  hostTensor("int32", shape, Int32Array.of(stream.bits(), stream.bits()));
