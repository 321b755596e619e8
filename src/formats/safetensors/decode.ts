/** Reading of the safetensors format from memory: a length, a JSON header, then the tensors' bytes. */
import { FileError } from "../../errors/errors.js";
import { type HostTensor, type NamedTensors, sizeOf, viewOf } from "../../tensor/index.js";
import { HeaderError, parseHeader } from "./header.js";

/** The format's limit. */
export const largestHeader = 100_000_000;

/** The contents of a file. */
export interface SafetensorsContents {
  /** Tensors by name, of the types that they are stored in. */
  readonly tensors: NamedTensors;
  /** The texts of the file's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Types of the tensors that are not read, such as "F8_E5M2", by their names. */
  readonly unread: ReadonlyMap<string, string>;
}

/** The contents of the bytes of a file; `name` is used in messages. Throws FileError for bytes that are none. */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafetensorsContents {
  if (bytes.length < 8) throw broken(name, `it has only ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length < 2 || length > largestHeader || 8 + length > bytes.length)
    throw broken(name, `its header claims ${length} bytes`);
  const text = decodeHeader(name, bytes.subarray(8, 8 + length));
  try {
    const { entries, metadata, unread } = parseHeader(text, bytes.length - 8 - length);
    const tensors = new Map<string, HostTensor>();
    for (const [tensor, { dtype, shape, begin, end }] of entries) {
      // A copy of its own, aligned for every element type.
      const { buffer } = bytes.slice(8 + length + begin, 8 + length + end);
      tensors.set(tensor, { dtype, shape, data: viewOf(dtype, buffer, 0, sizeOf(shape)) });
    }
    return { tensors, metadata, unread };
  } catch (error) {
    throw error instanceof HeaderError ? broken(name, error.message) : error;
  }
}

export function decodeHeader(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw broken(name, "its header is no UTF-8");
  }
}

export const broken = (name: string, what: string): FileError =>
  new FileError(name, `"${name}" is not a valid safetensors file: ${what}; download or export it again.`);
