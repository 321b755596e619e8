/** Tensors in the memory of this process: weights, checkpoints and batches consist of them. */
import { ShapeError } from "../errors/errors.js";
import { allocate, type DType, type TypedArray } from "./dtype.js";

/** Sizes of a tensor's axes; none for a scalar. */
export type Shape = readonly number[];

/** A dense, row-major tensor. `data.length` equals the product of `shape`. */
export interface HostTensor {
  /** Type of each element. */
  readonly dtype: DType;
  /** Sizes of its axes. */
  readonly shape: Shape;
  /** The elements, row by row. */
  readonly data: TypedArray;
}

/** Tensors by name, as in a checkpoint. */
export type NamedTensors = ReadonlyMap<string, HostTensor>;

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** A tensor from its parts; checks that `data` fills `shape`. */
export function hostTensor(dtype: DType, shape: Shape, data: TypedArray): HostTensor {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `A tensor of shape [${shape}] has ${sizeOf(shape)} elements, but its data has ${data.length}; give it the shape the data has.`,
    );
  }
  return { dtype, shape, data };
}

/**
 * A float32 tensor from numbers.
 *
 * @example
 * ```ts
 * import { tensor } from "deit";
 *
 * const identity = tensor.float32([2, 2], [1, 0, 0, 1]);
 * console.log(identity.dtype, identity.shape, identity.data);
 * ```
 */
export function float32(shape: Shape, values: ArrayLike<number>): HostTensor {
  return hostTensor("float32", shape, values instanceof Float32Array ? values : Float32Array.from(values));
}

/** A host tensor of zeros. */
export function zeros(dtype: DType, shape: Shape): HostTensor {
  return { dtype, shape, data: allocate(dtype, sizeOf(shape)) };
}

/** Makes float32 tensors of zeros that share memory, for a state that is copied to a device. Nothing may write to them. */
export function commonZeros(): (shape: Shape) => HostTensor {
  let memory = new Float32Array(0);
  return (shape) => {
    const size = sizeOf(shape);
    if (size > memory.length) memory = new Float32Array(size);
    return hostTensor("float32", shape, memory.subarray(0, size));
  };
}

/** The tensor in memory of its own, also of a Buffer, whose `slice` shares memory. */
export function copyOf({ dtype, shape, data }: HostTensor): HostTensor {
  const copy = allocate(dtype, data.length);
  new Uint8Array(copy.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { dtype, shape, data: copy };
}
