/** First values of a model's parameters. */
import { RandomStream } from "../random/stream.js";
import { type HostTensor, type NamedTensors, sizeOf } from "../tensor/index.js";
import type { Model, ParameterSpec } from "./model.js";

/** All parameters and buffers; each is a function of the seed and its own name, so models may share or reorder them. */
export function initialize(model: Model, seed: number): NamedTensors {
  return new Map(model.parameters.map((spec) => [spec.name, initializeParameter(spec, seed)]));
}

export function initializeParameter({ name, shape, init }: ParameterSpec, seed: number): HostTensor {
  const data = new Float32Array(sizeOf(shape));
  const stream = new RandomStream({ seed, purpose: `initialize:${name}` });
  switch (init.kind) {
    case "zeros":
      break;
    case "ones":
      data.fill(1);
      break;
    case "constant":
      data.fill(init.value);
      break;
    case "normal":
      for (let i = 0; i < data.length; i++) data[i] = stream.normal(0, init.std);
      break;
    case "truncatedNormal":
      for (let i = 0; i < data.length; i++) data[i] = stream.truncatedNormal(init.std);
      break;
    case "uniform":
      for (let i = 0; i < data.length; i++) data[i] = stream.uniform(-init.bound, init.bound);
      break;
  }
  return { dtype: "float32", shape, data };
}
