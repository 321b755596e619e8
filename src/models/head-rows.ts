/** Heads for a subset of their classes, in a different order. */
import { type HostTensor, type NamedTensors, sizeOf } from "../tensor/index.js";
import type { Model } from "./model.js";
import { headParameters } from "./parts.js";

/** The tensors of a model, with only the head rows of the classes at `indices`, in that order. */
export function withHeadRows(model: Model, tensors: NamedTensors, indices: Int32Array): NamedTensors {
  const heads = headParameters(model);
  return new Map([...tensors].map(([name, tensor]) => [name, heads.has(name) ? rowsOf(tensor, indices) : tensor]));
}

function rowsOf({ dtype, shape: [rows, ...rest], data }: HostTensor, indices: Int32Array): HostTensor {
  const width = data.length / rows;
  const out = data.slice(0, 0).constructor as new (length: number) => typeof data;
  const chosen = new out(indices.length * sizeOf(rest));
  indices.forEach((from, to) => {
    (chosen as Float32Array).set((data as Float32Array).subarray(from * width, (from + 1) * width), to * width);
  });
  return { dtype, shape: [indices.length, ...rest], data: chosen };
}
