/** A check of an engine's answers before they are trusted: a small DeiT beside the same computed in double precision. */

import type { Engine } from "../engines/engine.js";
import { inferenceProgram } from "../evaluation/classifier.js";
import { deit } from "../models/deit.js";
import { imageLength, imagesShape } from "../models/image-batch.js";
import { initialize } from "../models/initialize.js";
import type { Model } from "../models/model.js";
import { RandomStream } from "../random/stream.js";
import { evaluate, type HostTensor, hostTensor, type NamedTensors } from "../tensor/index.js";

/** Largest right difference of a logit, whose values are about 1. */
export const tolerance = 1e-3;

/** The largest difference of a logit from its value in double precision; NaN for one that is not a number. */
export async function largestError(engine: Engine): Promise<number> {
  const model = deit("self-check", { ...sizes, distilled: true });
  const program = inferenceProgram(model, 1);
  const stream = new RandomStream({ seed: 0, purpose: "self-check" });
  const pixels = Uint8Array.from({ length: imageLength(model) }, () => stream.integer(256));
  const images = hostTensor("uint8", imagesShape(model, 1), pixels);
  const weights = lively(model, stream);
  const values = new Map([...weights, ["images", images] as const].map(([name, { data }]) => [name, numbers(data)]));
  const [expected] = evaluate([program.outputs[0].tensor], values);
  const state = await engine.createState(weights);
  const executable = await engine.compile(program, { frozen: state }); // as classifiers do
  try {
    const outputs = await executable.run(state, new Map([["images", images]]));
    return Math.max(...numbers(outputs.get("logits")!.data).map((value, i) => Math.abs(value - expected[i])));
  } finally {
    await executable.dispose();
    await state.dispose();
  }
}

const numbers = (data: HostTensor["data"]): Float64Array => Float64Array.from(data as ArrayLike<number>);

/** Every kind of node of the model at sizes that take milliseconds; widths that are no multiples of 16 included. */
const sizes = { imageSize: 40, patchSize: 8, width: 40, heads: 2, depth: 2, classes: 10 };

/** Initial values with every parameter different from zero, so that no part of the model is without effect. */
function lively(model: Model, stream: RandomStream): NamedTensors {
  const noisy = (t: HostTensor): HostTensor => ({
    ...t,
    data: Float32Array.from(t.data as Float32Array, (v) => v + 0.15 * stream.normal(0, 1)),
  });
  return new Map([...initialize(model, 0)].map(([name, tensor]) => [name, noisy(tensor)]));
}
