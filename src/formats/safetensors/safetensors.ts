/**
 * The safetensors format: a length, a JSON header, then the tensors' bytes. Files are validated when read and written
 * atomically.
 */
import type { FileHandle } from "node:fs/promises";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { quoted } from "../../errors/quoted.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { openRegular } from "../../system/files/regular-file.js";
import { type HostTensor, type NamedTensors, sizeOf, viewOf } from "../../tensor/index.js";
import { broken, decodeHeader, largestHeader, type SafetensorsContents } from "./decode.js";
import { safetensorsChunks } from "./encode.js";
import { HeaderError, parseHeader } from "./header.js";

/** An open file; tensors are read one at a time. */
export interface SafetensorsFile {
  readonly path: string;
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Tensors of unsupported types, with the types' names; they are not among `names`. */
  readonly unread: ReadonlyMap<string, string>;
  read(name: string): Promise<HostTensor>;
  close(): Promise<void>;
}

/** Opens a file and checks its header; throws FileError if it is not a valid safetensors file. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openRegular(path).catch((error) => {
    throw fileError(path, "read", error);
  });
  try {
    const { size } = await file.stat();
    const length = await readBytes(file, path, 0, 8, size);
    const headerLength = Number(length.readBigUInt64LE(0));
    if (headerLength < 2 || headerLength > largestHeader || 8 + headerLength > size) {
      throw broken(path, `its header claims ${headerLength} bytes`);
    }
    const header = decodeHeader(path, await readBytes(file, path, 8, headerLength, size));
    const { entries, metadata, unread } = parseHeader(header, size - 8 - headerLength);
    return {
      path,
      metadata,
      unread,
      names: [...entries.keys()],
      shapes: new Map([...entries].map(([name, e]) => [name, e.shape])),
      close: () => file.close(),
      read: async (name) => {
        const entry = entries.get(name);
        if (!entry) throw new FileError(path, `"${path}" holds no tensor named ${quoted(name)}.`);
        const { dtype, shape, begin, end } = entry;
        const bytes = await readBytes(file, path, 8 + headerLength + begin, end - begin, size);
        return { dtype, shape, data: viewOf(dtype, bytes.buffer, bytes.byteOffset, sizeOf(shape)) };
      },
    };
  } catch (error) {
    await file.close();
    if (error instanceof HeaderError) throw broken(path, error.message);
    throw error instanceof FileError ? error : fileError(path, "read", error);
  }
}

/**
 * All tensors of a file with supported types, and the names of the others with their types.
 *
 * @example
 * ```ts
 * import { readSafetensors } from "deit";
 *
 * const { tensors, metadata } = await readSafetensors("runs/photos/best.safetensors");
 * for (const [name, { dtype, shape }] of tensors) console.log(name, dtype, shape);
 * console.log(Object.keys(metadata));
 * ```
 */
export async function readSafetensors(path: string): Promise<SafetensorsContents> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, HostTensor>();
    for (const name of file.names) tensors.set(name, await file.read(name));
    return { tensors, metadata: file.metadata, unread: file.unread };
  } finally {
    await file.close();
  }
}

/** Reads into new memory, whose start is aligned for every element type. */
async function readBytes(
  file: FileHandle,
  path: string,
  position: number,
  length: number,
  size: number,
): Promise<Buffer> {
  if (position + length > size) throw broken(path, `it ends after ${size} bytes, but ${position + length} are needed`);
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(length - at, 1 << 30), position + at);
    if (bytesRead === 0) throw broken(path, "it became shorter while it was read");
    at += bytesRead;
  }
  return bytes;
}

/**
 * Writes tensors atomically (largest elements first, then by name, like the reference implementation).
 *
 * @example
 * ```ts
 * import { tensor, writeSafetensors } from "deit";
 *
 * const tensors = new Map([["scale", tensor.float32([3], [1, 2, 3])]]);
 * await writeSafetensors("scale.safetensors", tensors, { origin: "an example" });
 * ```
 */
export async function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, safetensorsChunks(tensors, metadata));
}
