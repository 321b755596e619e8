/** Splits host tensors into equal parts for several devices, and joins them again. */

import { allocate } from "../../tensor/dtype.js";
import { type HostTensor, hostTensor, sizeOf } from "../../tensor/index.js";

/** `count` parts along `axis`; along the first one they are views of the tensor's memory. */
export function partsOf({ dtype, shape, data }: HostTensor, axis: number, count: number): HostTensor[] {
  const part = shape.map((d, i) => (i === axis ? d / count : d));
  const run = sizeOf(part.slice(axis));
  const rows = sizeOf(shape.slice(0, axis));
  return Array.from({ length: count }, (_, p) => {
    if (rows === 1) return hostTensor(dtype, part, data.subarray(p * run, (p + 1) * run));
    const own = allocate(dtype, rows * run);
    for (let row = 0; row < rows; row++) {
      const from = (row * count + p) * run;
      own.set(data.subarray(from, from + run) as never, row * run);
    }
    return hostTensor(dtype, part, own);
  });
}

/** The tensor whose parts along `axis` these are. */
export function joined(parts: readonly HostTensor[], axis: number): HostTensor {
  const [{ dtype, shape }] = parts;
  if (parts.length === 1) return parts[0];
  const whole = shape.map((d, i) => (i === axis ? d * parts.length : d));
  const run = sizeOf(shape.slice(axis));
  const data = allocate(dtype, sizeOf(whole));
  parts.forEach((part, p) => {
    for (let row = 0; row * run < part.data.length; row++) {
      data.set(part.data.subarray(row * run, (row + 1) * run) as never, (row * parts.length + p) * run);
    }
  });
  return hostTensor(dtype, whole, data);
}
