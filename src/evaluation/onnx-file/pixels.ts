/** From image tensors to the pixels of a classifier's input, divided into runs of its batch size if that is fixed. */

import type { DeviceState } from "../../engines/engine.js";
import type { FileExecutable } from "../../engines/onnx/engine.js";
import type { ImageSize } from "../../geometry/image-size.js";
import type { Normalization } from "../../models/model.js";
import { type ResampleFilter, resizeImages } from "../../models/resample.js";
import { fromHalf } from "../../tensor/half.js";
import {
  add,
  cast,
  floor,
  type HostTensor,
  max,
  min,
  type Program,
  pad,
  program,
  slice,
  type Tensor,
  transpose,
} from "../../tensor/index.js";
import type { Layout } from "./signature.js";

/** Options of the program for a classifier's pixels. */
export interface PixelOptions {
  /** Images of a batch. */
  readonly batch: number;
  /** float32 `[batch, height, width, channels]` of any size, normalised for the classifier. */
  readonly images: Tensor;
  /** Size that the classifier expects, in pixels. */
  readonly imageSize: ImageSize;
  readonly layout: Layout;
  readonly interpolation: ResampleFilter;
}

/** Normalisation for a classifier of bytes: the plain values. */
export const byteScale: Normalization = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };

/** Name of the state with the pixels of a run of the classifier. */
const pixels = (run: number): string => `pixels.${run}`;

/** Number of runs of the classifier for a batch. */
const runsFor = (layout: Layout, batch: number): number => Math.ceil(batch / (layout.batch ?? batch));

/** Converts the images to the classifier's input, in the program's state for its runs. */
export function pixelProgram({ batch, images, imageSize, layout, interpolation }: PixelOptions): Program {
  const seen = resizeImages(images, imageSize, interpolation);
  const placed = layout.channelsFirst ? transpose(seen, [0, 3, 1, 2]) : seen;
  const typed = layout.dtype === "uint8" ? toBytes(placed) : cast(placed, layout.dtype);
  const runs = runsFor(layout, batch);
  const each = layout.batch ?? batch;
  const missing = runs * each - batch;
  const whole = missing === 0 ? typed : pad(typed, [0, 0, 0, 0], [missing, 0, 0, 0]);
  const parts = Array.from({ length: runs }, (_, i) => slice(whole, 0, i * each, (i + 1) * each));
  return program({
    name: "classifier-pixels",
    outputs: {},
    updates: new Map(parts.map((part, i) => [pixels(i), part])),
    state: parts.map((_, i) => pixels(i)),
  });
}

function toBytes(x: Tensor): Tensor {
  return cast(floor(add(min(max(x, 0), 255), 0.5)), "uint8");
}

/** All rows of the classifier's output, float32 `[batch, classes]`, for the pixels in `state`. */
export async function rowsOf(
  file: FileExecutable,
  state: DeviceState,
  { layout, output, batch }: { layout: Layout; output: string; batch: number },
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (let i = 0; i < runsFor(layout, batch); i++)
    parts.push(asFloat32(await file.run(state, [[layout.input, pixels(i)]], output)));
  const [first] = parts;
  const classes = first.length / (layout.batch ?? batch);
  if (parts.length === 1) return first.subarray(0, batch * classes);
  const all = new Float32Array(parts.length * first.length);
  parts.forEach((part, i) => {
    all.set(part, i * first.length);
  });
  return all.subarray(0, batch * classes);
}

function asFloat32({ dtype, data }: HostTensor): Float32Array {
  // Newer runtimes return float16 as numbers.
  if (dtype === "float16" && data instanceof Uint16Array) return Float32Array.from(data, fromHalf);
  return data instanceof Float32Array ? data : Float32Array.from(data as unknown as ArrayLike<number>);
}
