/** Rows of stored features as bytes: the index of an image, and the numbers of one of its views. */
import { TrainingError } from "../../errors/errors.js";
import { halfValues, toHalf } from "../../tensor/half.js";

/** What a row holds besides the index. */
export interface RowFormat {
  readonly numbers: number;
  readonly type: "float16" | "float32";
}

const indexBytes = 4;
const sizes = { float16: 2, float32: 4 } as const;

/** Bytes of a row. */
export const rowBytes = ({ numbers, type }: RowFormat): number => indexBytes + numbers * sizes[type];

/** Rows of `count` images: `parts` hold `[count or more, …]` numbers each, of which a row has its own in turn. */
export function encodeRows(
  format: RowFormat,
  indices: ArrayLike<number>,
  count: number,
  parts: readonly Float32Array[],
  rows: number,
): Uint8Array {
  const bytes = new Uint8Array(count * rowBytes(format));
  const view = new DataView(bytes.buffer);
  const half = format.type === "float16";
  const numbers = half ? new Uint16Array(bytes.buffer) : new Float32Array(bytes.buffer);
  const first = indexBytes / sizes[format.type];
  for (let row = 0; row < count; row++) {
    view.setInt32(row * rowBytes(format), indices[row], true);
    let at = row * (first + format.numbers) + first;
    for (const part of parts) {
      const width = part.length / rows;
      for (let i = row * width; i < (row + 1) * width; i++) {
        const value = half ? toHalf(part[i]) : part[i];
        if (half ? (value & 0x7c00) === 0x7c00 : !Number.isFinite(value)) throw unstorable(part[i]);
        numbers[at++] = value;
      }
    }
  }
  return bytes;
}

function unstorable(value: number): TrainingError {
  return new TrainingError(
    Number.isFinite(value)
      ? `A feature of the frozen part is ${value}, more than float16 can hold; set frozenFormat=float32.`
      : "A feature of the frozen part is infinite or NaN, so nothing can be learned from it; check the weights that the run starts from.",
  );
}

/** Values of float16 by their bits. */
const halves = halfValues();

/** The indices of rows, and their numbers, row after row. `bytes` begin at the start of their buffer. */
export function decodeRows(format: RowFormat, bytes: Uint8Array): { indices: Int32Array; numbers: Float32Array } {
  const rows = bytes.byteLength / rowBytes(format);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const indices = Int32Array.from({ length: rows }, (_, row) => view.getInt32(row * rowBytes(format), true));
  const numbers = new Float32Array(rows * format.numbers);
  const first = indexBytes / sizes[format.type];
  const half = format.type === "float16";
  const stored = half
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
    : new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  for (let row = 0; row < rows; row++) {
    const from = row * (first + format.numbers) + first;
    const to = row * format.numbers;
    if (half) for (let i = 0; i < format.numbers; i++) numbers[to + i] = halves[stored[from + i]];
    else numbers.set(stored.subarray(from, from + format.numbers), to);
  }
  return { indices, numbers };
}
