/** What the host hands to a run of the step: the batch and all random numbers, each a pure function of its place. */
import type { Batch } from "../../data/loading/loader.js";
import { RandomStream } from "../../random/stream.js";
import { type HostTensor, hostTensor, type NamedTensors, type Program, type Shape } from "../../tensor/index.js";
import { mixingOf, type Recipe } from "../recipe/recipe.js";
import { batchInputs } from "../step/batch-transform.js";
import { dropoutSeedInput, dropPathInput } from "../step/context.js";
import { drawErasing, drawMix } from "../step/mixing.js";
import { stepInputs } from "../step/step.js";

export interface StepPlace {
  readonly recipe: Recipe;
  readonly epoch: number;
  readonly batch: Batch;
}

/** Inputs that are not drawn: schedule scalars, and the teacher's stored answer. */
export interface GivenData {
  readonly scalars: Readonly<Record<string, number>>;
  readonly answer?: HostTensor;
}

/**
 * The data inputs of `program` for one batch; inputs that it does not use are not made. A process that makes a share of
 * the batch draws what belongs to the whole of it, as all others do, and gives its own rows.
 */
export function stepData(program: Program, place: StepPlace, { scalars, answer }: GivenData): NamedTensors {
  const data = new Map<string, HostTensor>();
  const { first, labels } = place.batch;
  const own = (t: HostTensor) => (t.shape[0] === labels.length ? t : rowsOf(t, first, labels.length));
  for (const { name, shape, role } of program.inputs) {
    if (role === "state" || data.has(name)) continue;
    if (name === stepInputs.teacher || name === stepInputs.teacherLabels) data.set(name, own(answer!));
    else if (name in scalars) data.set(name, float(shape, Float32Array.of(scalars[name])));
    else if (name.startsWith("mix."))
      for (const [drawn, value] of draw(name, shape, place)) data.set(drawn, own(value));
    else for (const [drawn, value] of draw(name, shape, place)) data.set(drawn, value);
  }
  return data;
}

function rowsOf({ dtype, shape: [rows, ...rest], data }: HostTensor, first: number, count: number): HostTensor {
  const row = data.length / rows;
  return hostTensor(dtype, [count, ...rest], data.subarray(first * row, (first + count) * row));
}

const float = (shape: Shape, data: Float32Array): HostTensor => hostTensor("float32", shape, data);

/** The tensor of this name, and those that are drawn together with it. */
function draw(name: string, shape: Shape, { recipe, epoch, batch }: StepPlace): [string, HostTensor][] {
  const stream = (purpose: string, sample = batch.step, view = 0) =>
    new RandomStream({ seed: recipe.seed, epoch, sample, view, purpose });
  const seed = (purpose: string) => {
    const bits = stream(purpose);
    return hostTensor("int32", shape, Int32Array.of(bits.bits(), bits.bits()));
  };
  const size = Math.sqrt(batch.images.length / batch.labels.length / 3);
  switch (name) {
    case batchInputs.images:
      return [[name, hostTensor("uint8", [batch.labels.length, ...shape.slice(1)], batch.images)]];
    case batchInputs.labels:
      return [[name, hostTensor("int32", [batch.labels.length], batch.labels)]];
    case dropPathInput: {
      const uniform = stream("dropPath");
      return [
        [
          name,
          float(
            shape,
            Float32Array.from({ length: shape[0] * shape[1] }, () => uniform.uniform()),
          ),
        ],
      ];
    }
    case dropoutSeedInput:
      return [[name, seed("dropout")]];
    case batchInputs.eraseSeed:
      return [[name, seed("erasing noise")]];
    case batchInputs.mixShare:
    case batchInputs.mixBox:
    case batchInputs.mixTarget: {
      const [n] = shape; // images of all processes
      const mix = drawMix(mixingOf(recipe)!, stream("mix"), n, size);
      return [
        [batchInputs.mixShare, float([n, 1, 1], mix.share)],
        [batchInputs.mixBox, float([n, 4], mix.box)],
        [batchInputs.mixTarget, float([n, 1], mix.target)],
      ];
    }
    default:
      return drawErasings(recipe, batch, shape[0], size, stream);
  }
}

/** Boxes and colours of every view, by its image's index and its own number: they do not depend on the batch it is in. */
function drawErasings(
  { eraseProbability, eraseCount, repeatedAugmentation }: Recipe,
  { indices, step, first }: Batch,
  batchSize: number,
  size: number,
  stream: (purpose: string, sample: number, view: number) => RandomStream,
): [string, HostTensor][] {
  const boxes = new Float32Array(indices.length * eraseCount * 4);
  const colors = new Float32Array(indices.length * eraseCount * 3);
  indices.forEach((index, i) => {
    const view = (step * batchSize + first + i) % repeatedAugmentation;
    const one = drawErasing({ probability: eraseProbability, count: eraseCount }, stream("erase", index, view), size);
    boxes.set(one.boxes, i * eraseCount * 4);
    colors.set(one.colors, i * eraseCount * 3);
  });
  return [
    [batchInputs.eraseBoxes, float([indices.length, eraseCount, 4], boxes)],
    [batchInputs.eraseColors, float([indices.length, eraseCount, 3], colors)],
  ];
}
